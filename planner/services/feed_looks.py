"""How a new calendar link shall look: as the account's last one, which is what people expect of a second device."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Principal
from planner.domain.errors import FieldError, NotFound
from planner.feeds.neutral import is_neutral
from planner.services.feed_rights import PLACE_ROLES
from planner.services.publishing import change_feed
from planner.store.queries.clinic import chairs, rooms, sites
from planner.store.records import Clinic, Feed, FeedDetail, FeedScope

#: Words that say nothing about what an appointment is for.
NEUTRAL_WORDS: Final = ("Appointment", "Busy", "Meeting", "Reserved", "Out")


@dataclass(frozen=True, slots=True)
class Look:
    """What entries say: the words ("" for the clinic's own), whether the address is there, how much staff see."""

    words: str = ""
    show_address: bool | None = None
    detail: FeedDetail = FeedDetail.DISCREET


@dataclass(frozen=True, slots=True)
class Subject:
    """Something whose dates a member of staff may have in a calendar; `key` names it in a form."""

    key: str
    words: str
    scope: FeedScope
    subject_id: int


def own_subject(principal: Principal) -> tuple[FeedScope, int]:
    """One's own dates. Raises NotFound for an account that is nobody's on the roster and no patient's."""
    if principal.patient_id is not None:
        return FeedScope.PATIENT, principal.patient_id
    if principal.person_id is not None:
        return FeedScope.THERAPIST, principal.person_id
    raise NotFound


def look_of(db: Session, principal: Principal) -> Look:
    """How the account's newest link of its own dates looks, ended ones included; the quietest look without one."""
    scope, subject_id = own_subject(principal)
    row = db.execute(
        select(Feed.words, Feed.show_address, Feed.detail)
        .where(Feed.account_id == principal.account_id, Feed.scope == scope, Feed.subject_id == subject_id)
        .order_by(Feed.created_at.desc(), Feed.id.desc())
        .limit(1)
    ).one_or_none()
    return Look() if row is None else Look(row.words, row.show_address, row.detail)


def neutral_words(db: Session) -> tuple[str, ...]:
    """What entries of a patient's calendar may say: the clinic's own word first, if it is neutral, then ours."""
    own = db.scalar(select(Clinic.feed_words)) or ""
    first = (own,) if own and is_neutral(own) else ()
    return tuple(dict.fromkeys((*first, *NEUTRAL_WORDS)))


def change_looks(db: Session, principal: Principal, words: str, show_address: bool, now: datetime) -> int:
    """Give all of one's own links these words; how many there were. Raises FieldError (`words`) for other words."""
    if words not in neutral_words(db):
        raise FieldError("words", "Choose one of these words.")
    scope, subject_id = own_subject(principal)
    own = select(Feed.id).where(
        Feed.account_id == principal.account_id,
        Feed.scope == scope,
        Feed.subject_id == subject_id,
        Feed.revoked_at.is_(None),
    )
    ids = list(db.scalars(own.order_by(Feed.id)))
    for feed_id in ids:
        change_feed(db, principal, feed_id, now=now, words=words, show_address=show_address)
    return len(ids)


def subjects(db: Session, principal: Principal) -> list[Subject]:
    """What a member of staff may subscribe to: their own dates; places of their sites for coordinators and nurses."""
    found = []
    if principal.person_id is not None:
        found.append(Subject("own", "My own appointments", FeedScope.THERAPIST, principal.person_id))
    if not principal.is_any(*PLACE_ROLES):
        return found
    names = {site.id: site.name for site in sites(db, principal.site_ids)}
    for site_id, name in names.items():
        found.append(Subject(f"site-{site_id}", f"{name}, the whole site", FeedScope.SITE, site_id))
    for scope, places in (
        (FeedScope.CHAIR, chairs(db, principal.site_ids)),
        (FeedScope.ROOM, rooms(db, principal.site_ids)),
    ):
        for place in places:
            if place.site_id in names:
                words = f"{names[place.site_id]}, {place.name}"
                found.append(Subject(f"{scope.value}-{place.id}", words, scope, place.id))
    return found


def subject_named(db: Session, principal: Principal, key: str) -> Subject:
    """The subject of that key. Raises FieldError (`subject`) for one that is not theirs."""
    for subject in subjects(db, principal):
        if subject.key == key:
            return subject
    raise FieldError("subject", "Choose whose appointments the calendar shows.")


#: The details a member of staff may choose, in words.
DETAILS: Final = {
    FeedDetail.CODE: "Reference code and chair or room, as in “Visit · ref P-104 · Chair 2”",
    FeedDetail.BUSY: "Only that the time is taken: “Busy”",
}


def detail_named(word: str) -> FeedDetail:
    """The detail a form asks for. Raises FieldError (`detail`)."""
    try:
        detail = FeedDetail(word)
    except ValueError:
        detail = FeedDetail.FULL
    if detail not in DETAILS:
        raise FieldError("detail", "Choose how much each entry says.")
    return detail
