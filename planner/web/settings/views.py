"""The one page that leads to every setting a person may see."""

from __future__ import annotations

from dataclasses import dataclass

from flask import render_template

from planner.domain.access import Permission, Principal, may
from planner.web.access import principal, requires
from planner.web.navigation import page_exists
from planner.web.settings import blueprint


@dataclass(frozen=True, slots=True)
class Setting:
    """One part of the settings: where it is, what it is, what it is for, and what one must hold to see it."""

    url: str
    title: str
    words: str
    needs: Permission
    #: Holding this one is enough too.
    or_needs: Permission | None = None

    def open_to(self, principal: Principal) -> bool:
        """Whether `principal` may see it."""
        return any(may(principal, needed) for needed in (self.needs, self.or_needs) if needed is not None)


SETTINGS: tuple[Setting, ...] = (
    Setting("/admin/clinic", "Clinic", "Its name, time zone, and how long sign-ins last.", Permission.CLINIC_WRITE),
    Setting(
        "/admin/sites",
        "Sites, chairs and rooms",
        "Where treatment happens, and when it is open.",
        Permission.CLINIC_READ,
    ),
    Setting("/admin/staff", "Staff", "Who works here, at which sites, with which credentials.", Permission.PEOPLE_READ),
    Setting(
        "/admin/protocols",
        "Protocols and windows",
        "What a course is, and when therapy follows a dose.",
        Permission.PROTOCOLS_READ,
    ),
    Setting(
        "/admin/spreadsheets", "Spreadsheets and files", "Bring records in, take them out.", Permission.SPREADSHEETS
    ),
    Setting(
        "/admin/instances",
        "Planning instances",
        "A whole clinic as a neutral file, to try planners on, and the plan made of it.",
        Permission.CLINIC_WRITE,
        Permission.SPREADSHEETS,
    ),
    Setting(
        "/admin/accounts", "Accounts", "Who may sign in, as what, and for which sites.", Permission.ACCOUNTS_MANAGE
    ),
    Setting("/admin/audit", "Audit trail", "Who did what and when, without health information.", Permission.AUDIT_READ),
    Setting(
        "/admin/demo", "Made-up clinic", "Something to try everything on, and its removal.", Permission.CLINIC_WRITE
    ),
)


@blueprint.get("/admin")
@requires(Permission.CLINIC_READ)
def settings() -> str:
    """What one may look at and change."""
    held = principal()
    shown = [setting for setting in SETTINGS if setting.open_to(held) and page_exists(setting.url)]
    return render_template("settings/settings.html", settings=shown)
