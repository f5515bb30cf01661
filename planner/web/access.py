"""Who may open which page: every view says `@requires(...)` or `@public`, and one that says neither is closed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from planner.domain.access import READS_ONLY, Permission, Principal, may
from planner.domain.errors import FieldError, NotPermitted
from planner.services import idempotency
from planner.services.signing_in import SignedIn
from planner.web.clock import now
from planner.web.db import FIRST_ERROR, db, is_safe_request, own_reading
from planner.web.reads import OF_PATIENTS, Declared, note_opening

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
_ACCESS = "planner_access"
_ONCE = "planner_once"
_READS = "planner_reads"
SEE_OTHER = 303
#: What is open to somebody who has to set up a second factor first.
OPEN_WITHOUT_FACTOR = frozenset(
    {"auth.second_factor", "auth.begin_second_factor", "auth.confirm_second_factor", "auth.sign_out"}
)
UNAVAILABLE = 503


def requires(*permissions: Permission, reads: Declared | None = None) -> Callable[[View], View]:
    """Open the view to whoever holds one of `permissions`. On what they hold it is for the query to say.

    `reads`: whose record the page shows, which is written down before it answers, or in words why it shows nobody's.
    """
    if not permissions:
        raise ValueError("name at least one permission")

    def mark(view: View) -> View:
        setattr(view, _ACCESS, frozenset(permissions))
        setattr(view, _READS, reads)
        return view

    return mark


def public(view: View) -> View:
    """Open the view to everybody, signed in or not."""
    setattr(view, _ACCESS, PUBLIC)
    return view


def access_of(view: Callable[..., Any]) -> frozenset[Permission] | str | None:
    """What a view declares: permissions, PUBLIC, or None for nothing."""
    found: frozenset[Permission] | str | None = getattr(view, _ACCESS, None)
    return found


def reads_of(view: Callable[..., Any]) -> Declared | None:
    """What a view says it reads of patients; None for nothing."""
    found: Declared | None = getattr(view, _READS, None)
    return found


def signed_in() -> SignedIn | None:
    """Who is signed in, with the words pages show; None for nobody."""
    found: SignedIn | None = getattr(session, "signed_in", None)
    return found


def principal() -> Principal:
    """Who acts in this request, for services and queries. Only behind `@requires`."""
    person = signed_in()
    if person is None:
        abort(401)
    return person.principal(address())


def address() -> str:
    """The network address of the browser, as far as the trusted proxies say."""
    return request.remote_addr or ""


def is_fragment_request() -> bool:
    """Whether a script of ours asked for a part of a page."""
    return request.headers.get("HX-Request") == "true"


# The gate


def guard_views(app: Flask) -> None:
    """Ask before every view; call it before Flask-WTF's protection, so that a lost sign-in is told as such."""
    app.before_request(_gate)


def undeclared_views(app: Flask) -> list[str]:
    """Endpoints whose view says neither who may open it nor that everybody may."""
    return sorted(
        endpoint for endpoint, view in app.view_functions.items() if endpoint != "static" and access_of(view) is None
    )


def unsaid_reads(app: Flask) -> list[str]:
    """Endpoints that may show a patient and say neither what they read nor why it is nobody's record."""
    return sorted(
        endpoint
        for endpoint, view in app.view_functions.items()
        if isinstance(declared := access_of(view), frozenset) and declared & OF_PATIENTS and not reads_of(view)
    )


def note_reads(app: Flask) -> None:
    """Write reads down before every view; call it after the gate and the protection of forms."""
    app.before_request(_note_read)


def _note_read() -> None:
    view = current_app.view_functions.get(request.endpoint or "")
    person = signed_in() if view is not None and request.method != "OPTIONS" else None
    if view is not None and person is not None and isinstance(declared := access_of(view), frozenset):
        note_opening(person.principal(address()), reads_of(view), declared)


def _gate() -> Response | None:
    if request.endpoint is None:
        return None  # no such address, or not with this method: Flask answers 404 or 405
    if request.endpoint == "static":
        return None
    declared = access_of(current_app.view_functions[request.endpoint])
    if declared == PUBLIC:
        return None
    if g.get("session_fault") is not None:
        abort(UNAVAILABLE)
    if not declared or isinstance(declared, str):
        abort(404)
    person = signed_in()
    if person is None:
        return to_sign_in()
    if person.factor_due and request.endpoint not in OPEN_WITHOUT_FACTOR:
        return _elsewhere(url_for("auth.second_factor"))
    held = person.principal(address())
    if not any(may(held, permission) for permission in declared):
        # By no permission at all: whatever it names is refused.
        note_opening(held, reads_of(current_app.view_functions[request.endpoint]), ())
        # A page one may not see is not there; an act one may not do is refused.
        if held.reads_only and not is_safe_request():
            raise NotPermitted(READS_ONLY)
        abort(404 if is_safe_request() else 403)
    return None


def to_sign_in() -> Response:
    """Send the browser to the sign-in page, and back afterwards when it was only looking."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" and not is_fragment_request() else None
    return _elsewhere(url_for("auth.sign_in", next=wanted if wanted != "/" else None), 401)


def _elsewhere(target: str, status: int = 403) -> Response:
    """Lead to another page; a script of ours is told the same by a header, with this status."""
    if is_fragment_request():
        response = Response(status=status)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target, SEE_OTHER)


# Doing things once


def once(view: View) -> View:
    """Do an unsafe request once: a second sending with the same key gets the first one's answer.

    Takes the hidden field `idempotency_key`, made by `new_key()` when the page was made. The view answers with a
    redirect (or an HX-Redirect / HX-Location header): that is the answer that is kept. An answer of 400 or more
    keeps nothing, so that the corrected form may be sent with the same key.
    """

    @wraps(view)
    def first_time_only(*arguments: Any, **named: Any) -> Any:
        if is_safe_request():
            return view(*arguments, **named)
        return claim_request() or keep_answer(current_app.make_response(view(*arguments, **named)))

    setattr(first_time_only, _ONCE, "once")
    return first_time_only  # type: ignore[return-value]


def claim_request() -> Response | None:
    """The first half of `once`: claim the key, or give the answer the first sending got."""
    try:
        earlier = idempotency.remember_request(db(), principal(), _key(), route(), _content(), now())
    except FieldError as error:
        abort(400, error.sentence)
    return None if earlier is None else _again(earlier)


def keep_answer(response: Response) -> Response:
    """The second half of `once`: keep an answer below status 400 beside the key."""
    if response.status_code < FIRST_ERROR:
        idempotency.remember_answer(db(), principal(), _key(), response.status_code, _location(response))
    return response


def answered_before() -> Response | None:
    """The answer of the first sending, read only; for views with slow work to do before they write."""
    try:
        with own_reading() as reading:
            earlier = idempotency.earlier_answer(reading, principal(), _key(), _content())
    except FieldError as error:
        abort(400, error.sentence)
    return None if earlier is None else _again(earlier)


def _key() -> str:
    return request.form.get("idempotency_key", "")


def _content() -> str:
    files = ((f"file {name}", _digest(file.stream)) for name, file in request.files.items(multi=True))
    return idempotency.body_hash(request.path, [*request.form.items(multi=True), *files])


def _digest(stream: Any) -> str:
    """What a file that was sent holds, as a hash; it can be read from its beginning afterwards."""
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    return digest


def repeatable(why: str) -> Callable[[View], View]:
    """Say why sending this unsafe request twice does no harm: it previews, or it sets what is set already."""

    def mark(view: View) -> View:
        setattr(view, _ONCE, why)
        return view

    return mark


def repetition_of(view: Callable[..., Any]) -> str | None:
    """“once”, the reason why repeating does no harm, or None when the view says neither."""
    found: str | None = getattr(view, _ONCE, None)
    return found


def route() -> str:
    """The pattern of this request's address; no ids and no tokens."""
    return str(request.url_rule) if request.url_rule is not None else "unknown"


def _location(response: Response) -> str:
    for header in ("Location", "HX-Redirect", "HX-Location"):
        if found := response.headers.get(header):
            return found
    return ""


def _again(earlier: idempotency.EarlierAnswer) -> Response:
    target = earlier.location or request.path
    if is_fragment_request():
        response = Response(status=200)
        response.headers["HX-Redirect"] = target
        return response
    return redirect(target, SEE_OTHER)
