"""Who may do what: roles, permissions, and the matrix between them as data (security.md section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from planner.domain.errors import NotPermitted


class Role(StrEnum):
    """The roles of an account. Admin is a technical role and sees no patient."""

    ADMIN = "admin"
    COORDINATOR = "coordinator"
    PRESCRIBER = "prescriber"
    NURSE = "nurse"
    THERAPIST = "therapist"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in person as the services see them; `site_ids` bounds every site-wide right."""

    account_id: int
    roles: frozenset[Role]
    person_id: int | None = None
    patient_id: int | None = None
    site_ids: frozenset[int] = field(default_factory=frozenset)
    address: str = ""
    #: A discharged patient: they read their own, and change and hand out nothing.
    reads_only: bool = False

    def is_any(self, *roles: Role) -> bool:
        """Whether the principal has one of `roles`."""
        return bool(self.roles & frozenset(roles))


STAFF = frozenset(Role) - {Role.PATIENT}


class Permission(StrEnum):
    """What a page or an act asks for. A permission says whether at all; its scope says on what."""

    OWN_ACCOUNT = "account.own"
    OWN_FEEDS = "feeds.own"
    TODAY_READ = "today.read"
    PORTAL = "portal"
    OWN_DATES_CHANGE = "portal.change"
    PATIENTS_READ = "patients.read"
    PATIENTS_WRITE = "patients.write"
    COURSES_READ = "courses.read"
    COURSES_PLAN = "courses.plan"
    APPOINTMENTS_READ = "appointments.read"
    INFUSIONS_CHANGE = "infusions.change"
    INFUSIONS_STATUS = "infusions.status"
    INTEGRATION_CHANGE = "integration.change"
    INTEGRATION_STATUS = "integration.status"
    OVERRIDE_RULE = "rules.override"
    ROSTERS_READ = "rosters.read"
    ROSTERS_WRITE = "rosters.write"
    CLINIC_READ = "clinic.read"
    CLINIC_WRITE = "clinic.write"
    PLACES_SWITCH = "places.switch"
    PEOPLE_READ = "people.read"
    PEOPLE_WRITE = "people.write"
    SPREADSHEETS = "spreadsheets"
    PROTOCOLS_READ = "protocols.read"
    PROTOCOLS_WRITE = "protocols.write"
    PROTOCOLS_SIGN = "protocols.sign"
    ACCOUNTS_MANAGE = "accounts.manage"
    AUDIT_READ = "audit.read"


class Scope(StrEnum):
    """On what a role holds a permission. No entry in the matrix means: on nothing."""

    OWN = "own"
    ASSIGNED = "assigned"
    SITE = "site"
    CLINIC = "clinic"
    COUNT = "count"
    METADATA = "metadata"


_SITE_STAFF = {Role.COORDINATOR: Scope.SITE, Role.PRESCRIBER: Scope.SITE, Role.NURSE: Scope.SITE}
_CARE = {**_SITE_STAFF, Role.THERAPIST: Scope.ASSIGNED}
_EVERY_STAFF = dict.fromkeys(sorted(STAFF), Scope.CLINIC)

#: Rights of several roles of one account add up. An override needs a clinician who answers for the dose or the
#: coordinator who answers for the book (docs: a reason and a row of its own are asked for besides).
MATRIX: Mapping[Permission, Mapping[Role, Scope]] = MappingProxyType(
    {
        Permission.OWN_ACCOUNT: dict.fromkeys(Role, Scope.OWN),
        Permission.OWN_FEEDS: dict.fromkeys(Role, Scope.OWN),
        Permission.TODAY_READ: {**_SITE_STAFF, Role.THERAPIST: Scope.OWN, Role.ADMIN: Scope.COUNT},
        # Patients read and change their own dates on pages of their own; no staff page ever opens for them.
        Permission.PORTAL: {Role.PATIENT: Scope.OWN},
        Permission.OWN_DATES_CHANGE: {Role.PATIENT: Scope.OWN},
        Permission.PATIENTS_READ: _CARE,
        Permission.PATIENTS_WRITE: {Role.COORDINATOR: Scope.SITE},
        Permission.COURSES_READ: _CARE,
        Permission.COURSES_PLAN: {Role.COORDINATOR: Scope.SITE},
        Permission.APPOINTMENTS_READ: _CARE,
        Permission.INFUSIONS_CHANGE: {Role.COORDINATOR: Scope.SITE},
        Permission.INFUSIONS_STATUS: {Role.COORDINATOR: Scope.SITE, Role.NURSE: Scope.SITE},
        Permission.INTEGRATION_CHANGE: {Role.COORDINATOR: Scope.SITE, Role.THERAPIST: Scope.OWN},
        Permission.INTEGRATION_STATUS: {Role.COORDINATOR: Scope.SITE, Role.THERAPIST: Scope.OWN},
        Permission.OVERRIDE_RULE: {Role.COORDINATOR: Scope.SITE, Role.PRESCRIBER: Scope.SITE},
        Permission.ROSTERS_READ: {**_SITE_STAFF, Role.THERAPIST: Scope.SITE},
        Permission.ROSTERS_WRITE: {Role.COORDINATOR: Scope.SITE},
        Permission.CLINIC_READ: _EVERY_STAFF,
        Permission.CLINIC_WRITE: {Role.ADMIN: Scope.CLINIC},
        # Whether a chair or room can be used, which changes from day to day.
        Permission.PLACES_SWITCH: {Role.ADMIN: Scope.CLINIC, Role.COORDINATOR: Scope.SITE},
        Permission.PEOPLE_READ: _EVERY_STAFF,
        Permission.PEOPLE_WRITE: {Role.ADMIN: Scope.CLINIC, Role.COORDINATOR: Scope.SITE},
        Permission.SPREADSHEETS: {Role.COORDINATOR: Scope.SITE},
        Permission.PROTOCOLS_READ: _EVERY_STAFF,
        # Prepared by either; what a clinic's numbers are is for a prescriber to answer for (clinical.md 1.4).
        Permission.PROTOCOLS_WRITE: {Role.ADMIN: Scope.CLINIC, Role.PRESCRIBER: Scope.CLINIC},
        Permission.PROTOCOLS_SIGN: {Role.PRESCRIBER: Scope.CLINIC},
        Permission.ACCOUNTS_MANAGE: {Role.ADMIN: Scope.CLINIC},
        Permission.AUDIT_READ: {Role.ADMIN: Scope.METADATA},
    }
)


#: What somebody who only reads may not do whatever their role.
NOT_BY_READERS = frozenset({Permission.OWN_DATES_CHANGE, Permission.OWN_FEEDS})
READS_ONLY = (
    "Your time with us has ended. You can read your past dates here, but change and add nothing. Please call us."
)


def scopes(principal: Principal, permission: Permission) -> frozenset[Scope]:
    """On what `principal` holds `permission`: one scope per role that has it, empty for none."""
    if principal.reads_only and permission in NOT_BY_READERS:
        return frozenset()
    held = MATRIX[permission]
    return frozenset(held[role] for role in principal.roles if role in held)


def may(principal: Principal, permission: Permission) -> bool:
    """Whether `principal` holds `permission` on anything at all."""
    return bool(scopes(principal, permission))


def require(principal: Principal, permission: Permission) -> None:
    """Raise NotPermitted unless `principal` holds `permission`."""
    if principal.reads_only and permission in NOT_BY_READERS:
        raise NotPermitted(READS_ONLY)
    if not may(principal, permission):
        raise NotPermitted("Your role does not allow this. Ask a coordinator or the clinic's manager.")
