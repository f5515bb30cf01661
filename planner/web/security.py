"""What every answer carries and what no request may do (security.md 8.4, ui.md section 4)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from planner.web.access import View, public, repeatable
from planner.web.db import is_safe_request

POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types htmx; report-uri /csp-reports"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With no-referrer, Flask-WTF's check under https would refuse every form.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
TWO_YEARS = 63_072_000
LONGEST_REPORT = 8_192
#: What a browser may name in a report; it splits script-src and style-src further.
DIRECTIVES = frozenset(part.split()[0] for part in POLICY.split(";")) | {
    "script-src-elem", "script-src-attr", "style-src-elem", "style-src-attr",
}  # fmt: skip
NOT_PERMITTED = 403
_MOST_BYTES = "planner_most_bytes"

reports = Blueprint("reports", __name__)
log = logging.getLogger("planner.security")


def nonce() -> str:
    """The word that scripts of this answer carry; a new one for each request."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def set_up_security(app: Flask) -> None:
    """Refuse requests that other sites started, and put the headers on every answer."""
    app.before_request(take_head_for_get)
    app.before_request(limit_forms)
    app.before_request(refuse_other_sites)
    app.after_request(add_headers)


def take_head_for_get() -> None:
    """Views that show a form on GET and else take it in must not take a HEAD for a sent form.

    The server still leaves out the body, because that goes by the method as received.
    """
    if request.method == "HEAD":
        request.method = "GET"


def limit_forms() -> None:
    """Plain forms get the same limit as those sent in parts; Werkzeug limits only the latter (413 beyond it)."""
    if request.mimetype == "application/x-www-form-urlencoded":
        request.max_content_length = current_app.config["MAX_FORM_MEMORY_SIZE"]
    elif request.endpoint is not None and request.method == "POST":
        own = getattr(current_app.view_functions[request.endpoint], _MOST_BYTES, None)
        if own is not None:
            request.max_content_length = own


def takes_files(most_bytes: int) -> Callable[[View], View]:
    """Let the forms of a view bring files, up to so many bytes in all; other fields stay as small as everywhere.

    Read here and not in the view: the check against foreign requests has read the whole form before a view begins.
    """

    def mark(view: View) -> View:
        setattr(view, _MOST_BYTES, most_bytes)
        return view

    return mark


def refuse_other_sites() -> None:
    """Refuse an unsafe request that a page of another site started."""
    if is_safe_request() or request.endpoint == "reports.content_policy":
        return
    origin = request.headers.get("Origin")
    foreign = origin is not None and _host_of(origin) != request.host
    if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
        abort(NOT_PERMITTED)


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # such as half an IPv6 address
        return None


def add_headers(response: Response) -> Response:
    """Headers a view has set stay as they are."""
    if response.mimetype == "text/html" or "Content-Security-Policy" not in response.headers:
        response.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=nonce()))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={TWO_YEARS}; includeSubDomains")
    return response


@reports.post("/csp-reports")
@public
@repeatable("it only writes a line to the log")
def content_policy() -> Response:
    """Note which directive a page broke. Addresses in a report may hold tokens and are not kept."""
    log.warning("content policy broken: %s", _broken_directive())
    return Response(status=204)


def _broken_directive() -> str:
    """One of our own directives, or “unknown”: nothing else that a stranger sends here gets into the log."""
    request.max_content_length = LONGEST_REPORT  # holds for bodies that do not tell their length, too
    try:
        body = request.get_json(force=True, silent=True)
    except (RecursionError, RequestEntityTooLarge):
        return "unknown"
    report = body.get("csp-report") if isinstance(body, dict) else None
    told = report.get("violated-directive") if isinstance(report, dict) else None
    return next((word for word in str(told).split()[:1] if word in DIRECTIVES), "unknown")
