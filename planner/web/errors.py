"""Refusals and faults as pages: one clear sentence, a number to ask about, and never a trace."""

from __future__ import annotations

import logging
import secrets
import traceback
from types import TracebackType
from typing import Any

from flask import Flask, g, make_response, render_template, request
from flask.globals import request_ctx
from jinja2 import Template, TemplateNotFound
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException, InternalServerError
from werkzeug.wrappers import Response

from planner.domain.errors import (
    FieldError,
    LimitReached,
    NotFound,
    NotPermitted,
    PlannerError,
    RequestReused,
    StaleVersion,
)
from planner.domain.walltime import AmbiguousWallTime, NonexistentWallTime, UnknownZone
from planner.web.access import is_fragment_request, route, signed_in

log = logging.getLogger("planner.web")

RETRY_AFTER_SECONDS = 5
UNAVAILABLE = 503

#: Heading and sentence of each answer.
WORDS: dict[int, tuple[str, str]] = {
    400: ("This did not arrive in one piece", "Go back, load the page again and send it once more."),
    401: ("You are signed out", "Sign in and try again."),
    403: ("This is not yours to do", "Your role does not allow this. A coordinator can help."),
    404: ("There is nothing here", "The address may be mistyped, or the page is not one you may see."),
    405: ("This page cannot do that", "Go back and use the buttons on the page."),
    409: ("Somebody else changed this first", "Nothing of yours was saved. Load the page again to see how it is now."),
    410: ("This is gone", "It was here once and is not any more."),
    413: ("That was too much at once", "Send less text, or send it in parts."),
    422: ("Something has to be put right", "Nothing was saved. Go back and change what is named here."),
    429: ("Too many tries", "Wait a few minutes before you try again."),
    500: ("Something went wrong here", "It is not your fault. Nothing was saved. Please try again."),
    503: ("The planner is busy", "Nothing was saved. Please try again in a few seconds."),
}
UNKNOWN = WORDS[500]

STATUS_OF: tuple[tuple[type[PlannerError], int], ...] = (
    (StaleVersion, 409),
    (NotPermitted, 403),
    (LimitReached, 429),
    (NotFound, 404),
    (RequestReused, 422),
    (FieldError, 422),
    (PlannerError, 422),
)


def set_up_errors(app: Flask) -> None:
    """Answer refusals of the domain, HTTP errors and faults."""
    app.register_error_handler(PlannerError, answer_refusal)
    for kind in (NonexistentWallTime, AmbiguousWallTime, UnknownZone):
        app.register_error_handler(kind, answer_impossible_time)
    app.register_error_handler(OperationalError, answer_busy)
    app.register_error_handler(TimeoutError, answer_busy)
    app.register_error_handler(HTTPException, answer_http_error)


def request_id() -> str:
    """A number for this request, to be read out on the telephone and found in the log."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(4)
    return str(g.request_id)


def answer_refusal(error: PlannerError) -> Response:
    """A rule of the clinic said no, and the view left the answer to us."""
    status = next(status for kind, status in STATUS_OF if isinstance(error, kind))
    response = error_page(status, None if status == 404 else error.sentence)
    if isinstance(error, LimitReached):
        response.headers["Retry-After"] = str(int(error.retry_after.total_seconds()) + 1)
    return response


def answer_impossible_time(error: ValueError) -> Response:
    """A time that the clocks of that place never or twice show, or a place nobody knows."""
    return error_page(422, str(error))


def answer_busy(error: Exception) -> Response:
    """The database cannot take this now; nothing was saved."""
    log_fault(error)
    return error_page(UNAVAILABLE)


def answer_http_error(error: HTTPException) -> Response:
    """A wrong address, method, token or size, or a fault nobody caught."""
    if isinstance(error, InternalServerError) and isinstance(error.original_exception, OperationalError | TimeoutError):
        return error_page(UNAVAILABLE)
    if error.response is not None:
        return make_response(error.response)
    status = error.code or 500
    # Only what our own views say to `abort(400, …)` is for people; libraries speak of tokens and keys.
    given = error.description if type(error) is BadRequest and error.description != BadRequest.description else None
    response = error_page(status, given)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def error_page(status: int, sentence: str | None = None) -> Response:
    """A page, or a part of one, that says what happened. `sentence` replaces the usual one."""
    g.view_is_over = True
    heading, usual = WORDS.get(status, UNKNOWN)
    words = {"status": status, "heading": heading, "usual": usual, "sentence": sentence, "request_id": request_id()}
    response = make_response(_render(status, words), status)
    response.headers["X-Request-Id"] = request_id()
    if status == UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _render(status: int, words: dict[str, Any]) -> str:
    if request_ctx.url_adapter is None:  # asked under a name that is not ours: no link can be made, and none is due
        return _bare(words)
    names: list[str | Template] = [f"errors/{status}.html", "auth/refusal.html"]
    if is_fragment_request():
        names = ["auth/_refusal.html"]
    try:
        return render_template(names, **words)
    except TemplateNotFound:
        raise
    except Exception as fault:  # the page about a fault must not be the next one
        log_fault(fault)
        return _bare(words)


def _bare(words: dict[str, Any]) -> str:
    # Nothing here came from outside but our own sentences.
    return f"<!doctype html><html lang=en><title>Error</title><h1>{words['heading']}</h1><p>Please try again.</p>"


def log_fault(error: BaseException) -> None:
    """Write where a fault happened: route pattern, ids and code lines; no address, no body, no message of an
    exception, because those may hold tokens and names."""
    person = signed_in_or_none()
    log.error(
        "fault %s in %s %s (%s), account %s: %s\n%s",
        request_id(),
        request.method,
        route(),
        request.endpoint,
        person,
        type(error).__name__,
        _code_lines(error.__traceback__),
    )


def signed_in_or_none() -> int | None:
    """The id of the account in this request, if the session got as far as knowing it."""
    try:
        person = signed_in()
    except RuntimeError:
        return None
    return person.account_id if person else None


def _code_lines(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return "\n".join(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
