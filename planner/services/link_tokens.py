"""One-use links: 256 random bits in the address, only their SHA-256 in the database (security.md 8.5, ASVS 6.4.1)."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

_BYTES: Final = 32
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """256 random bits for an address."""
    return secrets.token_urlsafe(_BYTES)


def token_hash(token: str) -> str:
    """What the database keeps of a token; of something no link of ours holds, what no row has."""
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.fullmatch(token) else ""
