"""The history in words: what was done, to what, and the few details that are of use and nobody's health."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from planner.store.queries.audit import AuditRow

#: What was done. An action that is not here is told by its own name.
ACTIONS: Final = {
    "account.browser_ended": "Signed out one of their browsers",
    "account.code_refused": "Code refused at sign-in",
    "account.created": "Account made",
    "account.deactivated": "Account ended",
    "account.factor_kept": "Request to remove codes turned down",
    "account.factor_lost": "Codes of a lost phone removed",
    "account.factor_removal_asked": "Asked to remove codes",
    "account.factor_removed": "Turned their codes off",
    "account.factor_set": "Set up codes",
    "account.password_changed": "Changed their password",
    "account.password_reset": "New password set by a link",
    "account.reactivated": "Account opened again",
    "account.recovery_code_used": "Recovery code used",
    "account.recovery_codes_renewed": "Made new recovery codes",
    "account.reset_started": "Made a link for a new password",
    "account.rights_changed": "Roles and sites changed",
    "account.sign_in_refused": "Sign-in refused",
    "account.sign_ins_ended": "Signed somebody out everywhere",
    "account.signed_in": "Signed in",
    "account.signed_out": "Signed out",
    "account.signed_out_everywhere": "Signed out everywhere",
    "appointment.read": "Opened an appointment",
    "audit.downloaded": "Downloaded the audit trail",
    "clinic.change": "Clinic's settings changed",
    "clinic.second_factor_rule": "Changed who signs in with a code",
    "clinic.set_up": "Clinic set up",
    "course.book": "Course booked",
    "course.read": "Opened a course",
    "credential.add": "Credential added",
    "credential.change": "Credential changed",
    "credential.remove": "Credential removed",
    "demo.filled": "Filled with a made-up clinic",
    "demo.password_changed": "Changed the password of made-up accounts",
    "demo.removed": "Removed the made-up clinic",
    "draft.read": "Opened a plan being made",
    "export.command_line": "Took a file out on the command line",
    "export.take": "Took a file out",
    "feed.changed": "Calendar link changed",
    "feed.created": "Calendar link made",
    "feed.fetched": "Calendar fetched by a new program",
    "feed.given_back": "Calendar link works again",
    "feed.revoked": "Calendar link ended",
    "feed.ticket_used": "Calendar link made on another phone",
    "import.write": "Brought a spreadsheet in",
    "instance.import": "Brought a planning instance in",
    "invitation.accepted": "Invitation taken up",
    "invitation.made": "Invited somebody",
    "invitation.renewed": "Renewed an invitation",
    "invitation.withdrawn": "Withdrew an invitation",
    "list.read": "Opened a list",
    "patient.read": "Opened a patient's record",
    "person.add": "Member of staff added",
    "person.change": "Member of staff changed",
    "person.left": "Member of staff left",
    "person.returned": "Member of staff came back",
    "protocol.copy": "Protocol copied",
    "protocol.offer": "Protocol draft offered for signing",
    "protocol.sign": "Protocol version signed",
    "protocol.version": "Protocol version made",
    "protocol.withdraw": "Protocol withdrawn",
    "roster.left": "Took somebody who left off a roster",
    "site.add": "Site added",
    "site.change": "Site changed",
    "site.close": "Site closed",
    "site.holidays": "Public holidays chosen",
    "site.hours": "Opening hours changed",
    "site.reopen": "Site opened again",
    "site.travel": "Way between sites changed",
}
OUTCOMES: Final = {"ok": "Done", "refused": "Refused", "limited": "Too many tries"}
_DETAILS: Final = {
    "asked_by": "asked by account",
    "kind": "kind",
    "links_ended": "calendar links ended",
    "required": "asked of all staff",
    "roles": "roles",
    "rows": "lines",
    "shown": "shown",
    "sites": "sites",
    "version": "version",
}
#: Words of ours look like this; anything else might be somebody's text and is left out.
_WORD: Final = re.compile(r"[a-z][a-z_-]{0,30}")


def action_words(action: str) -> str:
    """What was done, in words."""
    if action in ACTIONS:
        return ACTIONS[action]
    return re.sub(r"[._-]+", " ", action).strip().capitalize()


def outcome_words(outcome: str) -> str:
    """How it ended, in words."""
    return OUTCOMES.get(outcome, outcome.capitalize())


def who_words(row: AuditRow) -> str:
    """Who did it; of patients only that it was one. Without an account it was the command line or a stranger."""
    return "A patient" if row.by_patient else row.who or "No account"


def object_words(row: AuditRow) -> str:
    """To what; with a number only where it is no patient's."""
    kind = row.object_type.replace("_", " ").capitalize()
    if row.of_patient:
        return f"{kind} of a patient"
    named = f" of {row.object_name}" if row.object_name else ""
    return f"{kind}{named}" + (f" ({row.object_id})" if row.object_id is not None else "")


def detail_words(detail: Mapping[str, Any]) -> str:
    """The details that are on the list, as far as they are numbers, yes or no, or words of ours."""
    told = [f"{words}: {said}" for key, words in _DETAILS.items() if (said := _said(detail.get(key)))]
    return "; ".join(told)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else ""
    if isinstance(value, list):
        parts = [_said(part) for part in value]
        return ", ".join(part for part in parts if part)
    return ""
