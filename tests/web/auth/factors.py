"""Second factors for tests: set up without the pages, and the codes a phone would show."""

from datetime import datetime

import pyotp
from sqlalchemy.orm import Session

from planner.services import second_factor
from planner.services.sealing import Sealer
from planner.store.records import Account, SecondFactor
from tests.web.conftest import SECRET

SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SEALER = Sealer(SECRET)


def with_factor(db: Session, account: Account, now: datetime, seed: str = SEED) -> list[str]:
    """Turn codes on; the recovery codes. No code of this very moment is used yet."""
    sealed = SEALER.seal(seed.encode(), second_factor.belongs_to(account.id))
    db.add(SecondFactor(account_id=account.id, sealed_seed=sealed, confirmed_at=now, created_at=now))
    codes = second_factor._new_codes(db, account.id)
    db.commit()
    return codes


def code_at(now: datetime, seed: str = SEED) -> str:
    """What the phone shows."""
    return pyotp.TOTP(seed).at(int(now.timestamp()))
