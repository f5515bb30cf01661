"""The matrix says what security.md section 6 says, and nothing falls open."""

import pytest

from planner.domain.access import MATRIX, STAFF, Permission, Principal, Role, Scope, may, require, scopes
from planner.domain.errors import NotPermitted


def one(*roles: Role) -> Principal:
    return Principal(account_id=1, roles=frozenset(roles))


def held_by(role: Role) -> set[Permission]:
    return {permission for permission in Permission if may(one(role), permission)}


def test_every_permission_has_a_row() -> None:
    assert set(MATRIX) == set(Permission)


def test_nobody_without_a_role_may_do_anything() -> None:
    assert not any(may(one(), permission) for permission in Permission)


def test_admin_sees_no_patient() -> None:
    assert (
        held_by(Role.ADMIN)
        & {
            Permission.PATIENTS_READ,
            Permission.COURSES_READ,
            Permission.APPOINTMENTS_READ,
            Permission.ROSTERS_READ,
        }
        == set()
    )
    assert scopes(one(Role.ADMIN), Permission.AUDIT_READ) == {Scope.METADATA}


def test_patients_have_the_portal_and_what_is_their_own_only() -> None:
    assert held_by(Role.PATIENT) == {
        Permission.OWN_ACCOUNT,
        Permission.OWN_FEEDS,
        Permission.PORTAL,
        Permission.OWN_DATES_CHANGE,
    }


@pytest.mark.parametrize("role", sorted(STAFF))
def test_no_staff_role_has_the_portal(role: Role) -> None:
    assert Permission.PORTAL not in held_by(role)


def test_only_coordinators_and_prescribers_set_rules_aside() -> None:
    assert set(MATRIX[Permission.OVERRIDE_RULE]) == {Role.COORDINATOR, Role.PRESCRIBER}


def test_therapists_change_their_own_sessions_only() -> None:
    assert scopes(one(Role.THERAPIST), Permission.INTEGRATION_CHANGE) == {Scope.OWN}
    assert not may(one(Role.THERAPIST), Permission.INFUSIONS_CHANGE)


def test_rights_of_several_roles_add_up() -> None:
    both = one(Role.NURSE, Role.THERAPIST)
    assert scopes(both, Permission.PATIENTS_READ) == {Scope.SITE, Scope.ASSIGNED}


def test_require_refuses_in_a_sentence() -> None:
    require(one(Role.COORDINATOR), Permission.COURSES_PLAN)
    with pytest.raises(NotPermitted, match="role"):
        require(one(Role.NURSE), Permission.COURSES_PLAN)
