"""Planning an instance's patients one after another, as a coordinator would: a proposal each, booked as it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from planner.domain.access import Permission, Principal, require
from planner.domain.errors import Refused
from planner.domain.walltime import local_day
from planner.services.booking import book_course
from planner.services.drafts import OPEN, begin_draft, save_answers
from planner.services.instances.keeping import Ask, Kept, kept_of
from planner.services.plan_answers import Answers
from planner.services.plan_loading import sentences_of
from planner.services.planning import plan_for, propose
from planner.store.queries.scopes import visible_patients
from planner.store.records import Course, Patient, PlanDraft, Site
from planner.store.sheets import Wishes

#: In how many orders everybody is planned at most, as long as somebody is left over.
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who was planned (patient and course ids), and for everybody else why not, in sentences."""

    planned: dict[int, int]
    refused: dict[int, tuple[str, ...]]


def waiting(db: Session, principal: Principal, kept: Kept | None = None) -> tuple[Ask, ...]:
    """What the instance asks for each patient of the principal's sites who has no course, in the file's order."""
    kept = kept_of(db) if kept is None else kept
    if kept is None:
        return ()
    visible = visible_patients(principal, Permission.COURSES_PLAN).where(Patient.active)
    seen = set(db.scalars(visible.with_only_columns(Patient.id)))
    in_course = set(db.scalars(select(Course.patient_id).where(Course.status.in_(OPEN))))
    return tuple(ask for ask in kept.asks if ask.patient_id in seen - in_course)


def plan_patient(db: Session, principal: Principal, ask: Ask, now: datetime) -> Course:
    """Book the best proposal for one patient at the first of their sites that has one; `now` is aware.

    Raises Refused with the rules that stand in the way, at the first site.
    """
    refusal: Refused | None = None
    for site_id in ask.site_ids:
        if site_id not in principal.site_ids:
            continue
        wishes = wishes_of(ask, local_day(now, db.get_one(Site, site_id).zone))
        plan = plan_for(
            db,
            principal,
            patient_id=ask.patient_id,
            protocol_version_id=ask.protocol_version_id,
            site_id=site_id,
            wishes=wishes,
            now=now,
            primary_therapist_id=ask.primary_id,
        )
        answer = propose(plan)
        if answer.proposals:
            best = answer.proposals[0]
            return book_course(
                db,
                principal,
                patient_id=ask.patient_id,
                protocol_version_id=ask.protocol_version_id,
                site_id=site_id,
                wishes=replace(wishes, pattern=best.pattern).to_json(),
                proposal=best,
                now=now,
            )
        refusal = refusal or Refused(answer.refused)
    raise refusal or Refused(())


def wishes_of(ask: Ask, today: date) -> Wishes:
    """What the file asks, as the planner wants it; `today` is local to the site."""
    return Wishes(
        earliest_day=max(ask.earliest, today),
        latest_first_day=ask.latest_first,
        therapist_ids=ask.may_hold,
    )


def plan_everyone(db: Session, principal: Principal, now: datetime, *, rounds: int = ROUNDS) -> Outcome:
    """Plan everybody who waits, one after another, all in the caller's transaction.

    Whoever finds no room changes places with the one before in the next round, which begins anew; the round that
    leaves the fewest over is kept. Raises NotPermitted.
    """
    require(principal, Permission.COURSES_PLAN)
    order = list(waiting(db, principal))
    tried: list[tuple[int, list[Ask]]] = []
    for _ in range(rounds):
        attempt = db.begin_nested()
        outcome = _one_round(db, principal, order, now)
        if not outcome.refused:
            attempt.commit()
            return outcome
        attempt.rollback()
        tried.append((len(outcome.refused), order))
        order = _one_place_forward(order, outcome)
        if any(order == earlier for _, earlier in tried):
            break
    _, best = min(tried, key=lambda one: one[0])
    return _one_round(db, principal, best, now)


def _one_place_forward(order: Sequence[Ask], outcome: Outcome) -> list[Ask]:
    changed = list(order)
    for place in range(1, len(changed)):
        before, here = changed[place - 1 : place + 1]
        if here.patient_id in outcome.refused and before.patient_id not in outcome.refused:
            changed[place - 1 : place + 1] = here, before
    return changed


def _one_round(db: Session, principal: Principal, order: Sequence[Ask], now: datetime) -> Outcome:
    outcome = Outcome({}, {})
    for ask in order:
        try:
            outcome.planned[ask.patient_id] = plan_patient(db, principal, ask, now).id
        except Refused as refusal:
            outcome.refused[ask.patient_id] = sentences_of(refusal.conflicts)
    return outcome


def begin_plans(db: Session, principal: Principal, now: datetime) -> int:
    """Begin a plan of the principal's own for everybody who waits, answered as the file asks; how many were begun.

    Whoever has such a plan already is left out. Raises NotPermitted.
    """
    require(principal, Permission.COURSES_PLAN)
    own = select(PlanDraft.answers).where(PlanDraft.account_id == principal.account_id, PlanDraft.course_id.is_(None))
    begun = {answers.get("patient_id") for answers in db.scalars(own)}
    asks = [ask for ask in waiting(db, principal) if ask.patient_id not in begun]
    for ask in asks:
        draft = begin_draft(
            db, principal, patient_id=ask.patient_id, protocol_version_id=ask.protocol_version_id, step=2, now=now
        )
        save_answers(db, principal, draft.id, partial(_answered, ask), seen_version=draft.version, step=2, now=now)
    return len(asks)


def _answered(ask: Ask, answers: Answers) -> Answers:
    return replace(answers, earliest_day=ask.earliest, latest_first_day=ask.latest_first, therapist_ids=ask.may_hold)
