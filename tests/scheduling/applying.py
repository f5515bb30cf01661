"""Applies a decision to a course sheet, as the store would, and judges the outcome with the brute checker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, pairwise

from planner.domain.conflicts import Rule
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.scheduling.decisions import Decision, Line, LineKind
from planner.scheduling.placements import Placement
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet, OwnSession
from tests.scheduling.brute import Brute

HOLDS = (AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.FULFILLED)
INFUSION, INTEGRATION = AppointmentKind.INFUSION, AppointmentKind.INTEGRATION


def applied(course: CourseSheet, decision: Decision) -> CourseSheet:
    """The course after the decision; new appointments get ids from 900 on."""
    rows = {a.id: a for a in course.appointments}
    placed: list[tuple[int, Placement]] = []
    for index, line in enumerate(decision.lines):
        key = line.before.id if line.before else 900 + index
        if line.kind in (LineKind.MARKED, LineKind.RELEASED, LineKind.UNSAVED):
            if line.before is not None and line.status is not None:
                end = rows[key].dose_end if line.dose_end is None else line.dose_end
                rows[key] = replace(rows[key], status=line.status, dose_end=end)
        elif line.after is not None:
            status = rows[key].status if line.before else AppointmentStatus.BOOKED
            rows[key] = row_of(key, line.after, rows.get(key), status)
            placed.append((key, line.after))
    doses = {a.number: a.id for a in counting(rows.values())}
    for key, placement in placed:
        if placement.kind is INTEGRATION:
            assert placement.serves is not None
            rows[key] = replace(rows[key], serves_id=doses[placement.serves])
    return replace(course, appointments=tuple(rows.values()))


def row_of(key: int, after: Placement, before: BookedSheet | None, status: AppointmentStatus) -> BookedSheet:
    return BookedSheet(
        id=key,
        kind=after.kind,
        phase=after.phase,
        number=after.number,
        start=after.start,
        end=after.end,
        status=status,
        mode=after.mode,
        serves_id=before.serves_id if before else None,
        therapist_id=after.therapist_id,
        chair_id=after.chair_id,
        nurse_id=after.nurse_id,
        room_id=after.room_id,
        pinned=before.pinned if before else False,
        dose_end=before.dose_end if before else None,
        holds=after.holds,
    )


def counting(rows) -> list[BookedSheet]:  # type: ignore[no-untyped-def]
    return sorted((a for a in rows if a.kind is INFUSION and a.status in HOLDS), key=lambda a: a.start)


class Judge:
    """What is wrong with a course after a decision, given what it was before."""

    def __init__(self, before: CourseSheet, decision: Decision, supply: ClinicSheet | None = None) -> None:
        self.before, self.decision = before, decision
        self.after = applied(before, decision)
        patient = replace(before.request.patient, own_sessions=tuple(own_sessions(before)))
        self.brute = Brute(supply or before.clinic, replace(before.request, patient=patient))
        self.named = {conflict.rule for conflict in decision.overrides}
        self.old = {a.id: a for a in before.appointments}

    def faults(self) -> list[str]:
        return [
            *self._overlaps(),
            *self._changed_lines(),
            *self._frozen(),
            *self._numbers(),
            *self._gaps(),
            *self._links(),
            *self._spares(),
            *self._days_above(),
        ]

    def _days_above(self) -> Iterator[str]:
        """No day gets above anybody's limit, or further above it than it was."""
        for person in self.before.clinic.therapists:
            if person.most_sessions is None:
                continue
            was, now = (self._on_days(course, person.id) for course in (self.before, self.after))
            for day in set(now):
                others = len([s for s in person.sessions if self.brute.day(s) == day])
                if now.count(day) > max(person.most_sessions - others, was.count(day)):
                    yield f"{person.id} has {others} and {now.count(day)} sessions on {day}, was {was.count(day)}"

    def _on_days(self, course: CourseSheet, person_id: int) -> list[date]:
        return [
            self.brute.day(a.start)
            for a in course.appointments
            if a.kind is not INFUSION and a.status in HOLDS and a.therapist_id == person_id
        ]

    def _overlaps(self) -> Iterator[str]:
        rows = [a for a in self.after.appointments if a.status in HOLDS]
        for one, other in combinations(rows, 2):
            if self.untouched(one) and self.untouched(other):
                continue
            for thing, a, b in one.holds:
                for same, c, d in other.holds:
                    if thing == same and a < d and c < b:
                        yield f"{one.kind} {one.number} and {other.kind} {other.number} overlap on {thing}"

    def untouched(self, row: BookedSheet) -> bool:
        old = self.old.get(row.id)
        return old is not None and (old.start, old.end, old.holds) == (row.start, row.end, row.holds)

    def _changed_lines(self) -> Iterator[str]:
        for line in self.decision.lines:
            only_proposed = line.before is not None and line.before.status is AppointmentStatus.PROPOSED
            if line.kind in (LineKind.MOVED, LineKind.CREATED) and line.after is not None and not only_proposed:
                yield from self.brute.placement_faults(line.after)
            if line.kind in (LineKind.RELINKED, LineKind.RENUMBERED):
                assert line.before is not None and line.after is not None
                slots = [(x.start, x.end, x.holds) for x in (line.before, line.after)]
                if slots[0] != slots[1]:
                    yield f"{line.kind} changes the slot of {line.before.id}"

    def _frozen(self) -> Iterator[str]:
        marked = {line.before.id for line in self.decision.of(LineKind.MARKED) if line.before}
        for line in self.decision.lines:
            row = line.before
            if row is None or row.id in marked or line.kind not in self.changing:
                continue
            if (
                row.pinned
                or row.start <= self.before.clinic.now
                or row.status
                not in (
                    AppointmentStatus.BOOKED,
                    AppointmentStatus.PROPOSED,
                )
            ):
                yield f"{line.kind} of {row.kind} {row.number}, which is fixed"

    changing = (LineKind.MOVED, LineKind.RELEASED, LineKind.UNSAVED)

    def _numbers(self) -> Iterator[str]:
        numbers = [a.number for a in counting(self.after.appointments)]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"dose numbers {numbers}"
        ids = [line.before.id for line in self.decision.lines if line.before]
        if len(ids) != len(set(ids)):
            yield f"two lines about one appointment: {ids}"

    def _gaps(self) -> Iterator[str]:
        old = [(a.id, b.id) for a, b in pairwise(counting(self.before.appointments))]
        for one, other in pairwise(counting(self.after.appointments)):
            days = (self.brute.day(other.start) - self.brute.day(one.start)).days
            spacing = self.brute.firm[min(other.number, len(self.brute.firm)) - 1]
            same = (one.id, other.id) in old and self.untouched(one) and self.untouched(other)
            if not same and not spacing.min_days <= days <= spacing.max_days and Rule.SPACING not in self.named:
                yield f"{days} days before dose {other.number}"
            if not same and other.start < one.start + self.brute.visit_leaves(for_visit=True):
                yield f"dose {other.number} too soon"

    # -- links -----------------------------------------------------------------------------------------------------

    def _links(self) -> Iterator[str]:
        doses = counting(self.after.appointments)
        sessions = [a for a in self.after.appointments if a.kind is INTEGRATION and a.status in HOLDS]
        unsaved = " ".join(line.sentence for line in self.decision.unsaved)
        for index, dose in enumerate(doses):
            if self.brute.rolls or not self.brute.serves(dose.number):
                continue
            later = doses[index + 1] if index + 1 < len(doses) else None
            own = [s for s in sessions if s.serves_id == dose.id]
            fine = [s for s in own if self.in_window(dose, s, later)]
            if (fine and len(own) == 1) or f"Dose {dose.number} has no session" in unsaved:
                continue
            if self._excused(dose, own, later):
                continue
            yield f"dose {dose.number} has {len(own)} sessions, {len(fine)} inside the window"

    def in_window(self, dose: BookedSheet, session: BookedSheet, later: BookedSheet | None) -> bool:
        shift = self.brute.anchor(0) - self.brute.visit.dose_ends_min
        anchor = self.brute.anchor(dose.start) if dose.dose_end is None else dose.dose_end + shift
        return self.brute.in_window(dose.start, session.start, later.start if later else None, anchor)

    def _excused(self, dose: BookedSheet, own: list[BookedSheet], later: BookedSheet | None) -> bool:
        """An exception that was there before and was not touched, a named one, or a window or session in the past."""
        now = self.before.clinic.now
        if {Rule.OUTSIDE_WINDOW, Rule.NO_WINDOW_SLOT, Rule.CLOSED} & self.named and len(own) <= 1:
            return True
        if not own:
            rule = self.brute.plan.window
            closes = rule.closes_h * 60 if rule else self.brute.plan.closes_days * 1440
            anchor = self.brute.anchor(dose.start) if dose.dose_end is None else dose.dose_end
            return anchor + closes < now + 60
        return len(own) == 1 and all(self.untouched(s) and (s.pinned or s.start <= now) for s in own)

    def _spares(self) -> Iterator[str]:
        """Nothing is made or moved for a dose while a session of the course that is given back would fit it."""
        doses = counting(self.after.appointments)
        given_back = [
            line.before
            for line in self.decision.lines
            if line.before and line.kind is LineKind.RELEASED and line.before.kind is INTEGRATION
        ]
        if self.brute.rolls:
            return
        for line in (*self.decision.of(LineKind.CREATED), *self.decision.of(LineKind.MOVED)):
            if line.after is None or line.after.kind is not INTEGRATION or line.after.serves is None:
                continue
            dose = doses[line.after.serves - 1]
            later = doses[line.after.serves] if line.after.serves < len(doses) else None
            for spare in given_back:
                if self.in_window(dose, spare, later):
                    yield f"session {line.after.serves} is made although {spare.start} is given back"


def own_sessions(course: CourseSheet) -> Iterator[OwnSession]:
    """The sessions of a course that hold a therapist, and whether they are fixed."""
    for a in course.appointments:
        if a.kind is not INFUSION and a.status in HOLDS and a.therapist_id is not None:
            fixed = a.pinned or a.status is not AppointmentStatus.BOOKED or a.start <= course.clinic.now
            yield OwnSession(a.therapist_id, a.start, fixed)


def without_day(clinic: ClinicSheet, brute: Brute, minute: int) -> ClinicSheet:
    """The clinic with one local day closed."""
    day = brute.day(minute)
    start, end = brute.midnight(day), brute.midnight(day + timedelta(days=1))
    return replace(
        clinic,
        site=replace(clinic.site, open=tuple(s for s in clinic.site.open if not (start <= s[0] < end))),
    )


def line_about(decision: Decision, appointment_id: int) -> Line | None:
    return next((line for line in decision.lines if line.before and line.before.id == appointment_id), None)
