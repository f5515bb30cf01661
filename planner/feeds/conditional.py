"""Whether a calendar program already has the feed: ETag and the two conditions (RFC 9110 section 13, rule
14).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

_TAG: Final = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS: Final = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_ONE_TAG: Final = re.compile(_TAG)

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_MONTH: Final = "(?P<month>" + "|".join(_MONTHS) + ")"
_CLOCK: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})"
_DATES: Final = (
    # IMF-fixdate, and the two old forms of RFC 9110 5.6.7.
    re.compile(rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>\d{{2}}) {_MONTH} (?P<year>\d{{4}}) {_CLOCK} GMT"),
    re.compile(
        r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, "
        rf"(?P<day>\d{{2}})-{_MONTH}-(?P<year>\d{{2}}) {_CLOCK} GMT"
    ),
    re.compile(rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} (?P<day>[ \d]\d) {_CLOCK} (?P<year>\d{{4}})"),
)


def etag(builder_version: int, feed_revision: int, subject_version: int, window_day: date) -> str:
    """The feed's weak entity tag, known before anything is built.

    It moves on deploy (`builder_version`), on a change of the feed itself, such as its detail
    (`feed_revision`), on every change, addition or deletion among the subject's appointments
    (`subject_version`, a counter: the latest time of change would miss a deletion), and once a day with the
    window.
    """
    return f'W/"{builder_version}-{feed_revision}-{subject_version}-{window_day:%Y%m%d}"'


def not_modified(if_none_match: str | None, if_modified_since: str | None, etag: str, last_modified: datetime) -> bool:
    """Whether to answer 304: the two headers as received (None when absent), the feed's tag and change
    (aware).

    If-None-Match decides alone when it is there: weak comparison, lists and `*` understood, anything
    malformed taken as no match. If-Modified-Since counts only when it is a date of HTTP. In doubt False:
    sending the feed again costs little, a wrong 304 leaves a cancelled appointment in somebody's calendar.
    """
    if if_none_match is not None:
        return _matches(if_none_match, etag)
    if if_modified_since is not None:
        since = parse_http_date(if_modified_since)
        return since is not None and last_modified.astimezone(UTC).replace(microsecond=0) <= since
    return False


def _matches(header: str, etag: str) -> bool:
    if header.strip(" \t") == "*":
        return True
    if not _TAGS.fullmatch(header):
        return False
    return any(tag.removeprefix("W/") == etag.removeprefix("W/") for tag in _ONE_TAG.findall(header))


def parse_http_date(header: str) -> datetime | None:
    """The instant (UTC) of a date in one of HTTP's three forms, or None for anything else.

    Years of two digits are taken as 1970 to 2069.
    """
    for form in _DATES:
        found = form.fullmatch(header.strip(" \t"))
        if found is None:
            continue
        year = int(found["year"])
        if len(found["year"]) == 2:
            year += 2000 if year < 70 else 1900
        try:
            return datetime(
                year,
                _MONTHS[found["month"]],
                int(found["day"]),
                int(found["hour"]),
                int(found["minute"]),
                int(found["second"]),
                tzinfo=UTC,
            )
        except ValueError:
            return None
    return None
