"""Showing once more that it is oneself, before something about the account changes."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app

from planner.domain.errors import FieldError
from planner.services import signing_in
from planner.services.sealing import Sealer
from planner.services.second_factor import NOT_THE_CODE, use_code, use_recovery_code
from planner.services.signing_in import SignedIn
from planner.web.access import address, signed_in
from planner.web.auth.views import TOO_MANY, passwords
from planner.web.clock import now
from planner.web.db import own_transaction
from planner.web.fields import UNPROCESSABLE, put_beside

NOT_THE_PASSWORD = "This is not your present password. After several tries wait a little."  # noqa: S105  a sentence


def sealer() -> Sealer:
    """What seals the seeds of second factors here."""
    found: Sealer = current_app.extensions["planner_sealer"]
    return found


def prove_password(form: Any, *, and_code: bool = False) -> int | None:
    """Check the present password, and a code if asked for; the status of the refusal, None when there is none.

    Guesses count as sign-ins do, and which half was wrong is told only once the password is right. The code is spent.
    """
    person = cast(SignedIn, signed_in())
    with own_transaction() as counting:
        tried = signing_in.begin_sign_in(counting, person.email, address(), now())
    if tried.retry_after is not None or not passwords().fits(form.password.data or "", tried.password_hash):
        put_beside(form, FieldError("password", NOT_THE_PASSWORD))
        return UNPROCESSABLE if tried.retry_after is None else TOO_MANY
    with own_transaction() as writing:
        if and_code and not _spent(writing, person.account_id, form.code.data or ""):
            put_beside(form, FieldError("code", NOT_THE_CODE))
            return UNPROCESSABLE
        signing_in.forget_tries(writing, person.email, address())
    return None


def _spent(writing: Any, account_id: int, code: str) -> bool:
    """Either kind of code will do: whoever moves to another phone may have lost the one before."""
    return use_code(writing, account_id, code, sealer(), now()) or use_recovery_code(writing, account_id, code, now())
