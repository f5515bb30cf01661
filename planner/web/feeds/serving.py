"""What calendar programs fetch: GET /c/<secret>/appointments.ics (feeds.md section 1, rules 12 to 20).

No sign-in, no cookie, no redirect, one kind of answer for everybody. Programs drop or keep events by the status alone:
an ended link answers an empty calendar, and any fault of ours is a 503, which makes them keep what they have.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

from flask import current_app, request, url_for
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from planner.feeds.conditional import not_modified
from planner.feeds.ical import FeedUnavailable
from planner.services import fetching
from planner.services.publishing import FeedLife, FeedState, LastGood, feed_bytes, feed_state, find_feed
from planner.web.access import address, public
from planner.web.clock import now
from planner.web.db import own_reading, own_transaction
from planner.web.errors import log_fault
from planner.web.feeds import blueprint

CALENDAR_TYPE: Final = "text/calendar; charset=utf-8"
RETRY_AFTER_FAULT: Final = timedelta(minutes=5)
#: The same for every answer, so that nothing in a header tells one link from another.
HEADERS: Final = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: Addresses of calendars must stay open to programs that obey this file; their answers carry noindex themselves.
ROBOTS: Final = "User-agent: *\nAllow: /c/\nDisallow: /\n"

log = logging.getLogger("planner.feeds")


@blueprint.get("/robots.txt")
@public
def robots() -> Response:
    """Pages are not for search engines; calendars may be fetched."""
    return Response(ROBOTS, mimetype="text/plain")


@blueprint.get("/c/<token>/appointments.ics")
@public
def calendar(token: str) -> Response:
    """The calendar behind this secret address."""
    try:
        return _answer(token, now())
    except FeedUnavailable:
        return _unavailable()  # the entries at fault are in the log already
    except Exception as fault:  # whatever is wrong with us, programs shall keep the copy they have
        log_fault(fault)
        return _unavailable()


def _answer(token: str, moment: datetime) -> Response:
    """Read everything first, then write down who looked: a fetch never holds two transactions at once."""
    noted: tuple[int, str] | None = None
    with own_reading() as db:
        feed = find_feed(db, token)
        if feed is not None:
            response, tag = _answer_of(db, feed, moment)
            noted = (feed.id, tag) if tag else None
    if feed is None:
        return _missed(moment)
    if noted is not None:
        _note(*noted, moment)
    return response


def _answer_of(db: Session, feed: Any, moment: datetime) -> tuple[Response, str]:
    """The answer of a link that exists, and its tag; without a tag it is none to be noted."""
    wait = fetching.wait_before_fetch(db, feed, moment)
    if wait is not None:
        return _too_soon(wait), ""
    state = feed_state(db, feed, moment)
    if state.life is FeedLife.GONE:
        return _plain(410, "This calendar has ended.\n"), ""
    if _is_known(state):
        response = Response(status=304)
    else:
        body = feed_bytes(db, feed, moment, _last_good(), portal_url=_portal_url())
        response = Response(body, content_type=CALENDAR_TYPE)
    response.headers.update(HEADERS)
    response.headers["ETag"] = state.etag
    response.headers["Last-Modified"] = format_datetime(state.last_modified, usegmt=True)
    return response, state.etag


def _is_known(state: FeedState) -> bool:
    """Whether the program has this answer. Of an ended link only the tag counts: its date may be the older one."""
    since = request.headers.get("If-Modified-Since") if state.life is FeedLife.LIVE else None
    return not_modified(request.headers.get("If-None-Match"), since, state.etag, state.last_modified)


def _missed(moment: datetime) -> Response:
    with own_reading() as reading:
        wait = fetching.wait_after_misses(reading, address(), moment)
    if wait is not None:
        return _too_soon(wait)
    with own_transaction() as writing:
        fetching.note_miss(writing, address(), moment)
    return _plain(404, "There is no such calendar.\n")


def _note(feed_id: int, etag: str, moment: datetime) -> None:
    """Remember who looked. That it cannot be written down is no reason to keep a calendar from anybody."""
    try:
        with own_transaction() as writing:
            fetching.note_fetch(writing, feed_id, moment, request.headers.get("User-Agent"), etag)
    except (OperationalError, TimeoutError):
        log.warning("a fetch of calendar link %s could not be noted", feed_id)


def _too_soon(wait: timedelta) -> Response:
    response = _plain(429, "Fetched too often. Please try again later.\n")
    response.headers["Retry-After"] = _seconds(wait)
    return response


def _unavailable() -> Response:
    response = _plain(503, "The calendar cannot be made at the moment. Please try again later.\n")
    response.headers["Retry-After"] = _seconds(RETRY_AFTER_FAULT)
    return response


def _plain(status: int, sentence: str) -> Response:
    response = Response(sentence, status, content_type="text/plain; charset=utf-8")
    response.headers.update(HEADERS)
    return response


def _seconds(span: timedelta) -> str:
    return str(max(1, int(span.total_seconds())))


def _portal_url() -> str | None:
    """A page behind the sign-in, for the entry's description; nothing in it names a person or a visit."""
    base: str = current_app.config["PLANNER_PUBLIC_URL"]
    return f"{base}{url_for('auth.home')}" if base else None


def _last_good() -> LastGood:
    kept: LastGood = current_app.extensions.setdefault("planner_last_good", LastGood())
    return kept
