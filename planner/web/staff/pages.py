"""What the pages of staff show, already decided."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from planner.domain.access import Role
from planner.store.queries.staff import CredentialLine, StaffRecord
from planner.web.filters import short_day_words
from planner.web.staff.forms import ROLE_WORDS

#: How long before its last day a credential is marked.
SOON: Final = timedelta(days=30)
OTHER_ROLES: Final = {Role.COORDINATOR: "Coordinator", Role.ADMIN: "Administrator"}


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential with what there is to say about its end. `tone` is that of a tag."""

    id: int
    person_id: int
    person_name: str
    name: str
    until: str
    state: str
    letter: str
    tone: str


def credential_rows(lines: Iterable[CredentialLine], today: date) -> list[CredentialRow]:
    """Each with its mark as of a local day."""
    return [
        CredentialRow(line.id, line.person_id, line.person_name, line.name, _until(line), *_state(line, today))
        for line in lines
    ]


def _until(line: CredentialLine) -> str:
    return "no end" if line.expires_on is None else f"{short_day_words(line.expires_on)} {line.expires_on.year}"


def _state(line: CredentialLine, today: date) -> tuple[str, str, str]:
    if line.expires_on is None or line.expires_on > today + SOON:
        return "Holds", "H", "ok"
    if line.expires_on < today:
        return "Expired", "E", "bad"
    days = (line.expires_on - today).days
    return ("Last day is today" if days == 0 else f"Expires in {days} day{'' if days == 1 else 's'}"), "S", "warn"


def role_words(roles: Iterable[Role]) -> str:
    """“Nurse, Therapist”."""
    return ", ".join(ROLE_WORDS.get(role.value) or OTHER_ROLES.get(role, role.value) for role in roles) or "none"


def person_facts(found: StaffRecord) -> list[tuple[str, str]]:
    """A person's facts with their words."""
    facts = [
        ("Initials", found.initials),
        ("What they do", role_words(found.roles)),
        ("Where", ", ".join(name for _, name in found.sites) or "no site"),
    ]
    if Role.NURSE in found.roles:
        facts.append(("Watches at once", f"{found.lanes} patient{'' if found.lanes == 1 else 's'}"))
    most = found.most_sessions_a_day
    facts += [
        ("Between their sessions", f"{found.turnover_minutes} minutes"),
        ("Sessions a day", f"at most {most}" if most else "no limit"),
        ("Sign-in", "has an account" if found.has_account else "none"),
    ]
    return facts
