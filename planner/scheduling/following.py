"""What follows when doses change: sessions keep, take over, move, are released or made, in that order.

Relink before recreate: a session whose slot still serves some dose keeps slot, UID and SEQUENCE. Only then does a
dose's own session move, and only for a dose that never had one is a session made (clinical.md 0.6, scenario B2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner.domain.conflicts import Conflict, Rule
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.windows import WindowStatus
from planner.scheduling.around import cover_line
from planner.scheduling.course_state import CourseView, Dose, State
from planner.scheduling.decisions import Line, LineKind, WayOut, WayOutKind
from planner.scheduling.links import needs_session
from planner.scheduling.placements import Placement
from planner.scheduling.placing import place_session
from planner.scheduling.sheets import BookedSheet
from planner.scheduling.taking_over import may_stay, taken_over
from planner.scheduling.ways_out import ways_out
from planner.scheduling.wording import say

Choices = Mapping[int, int]
"""For a dose number, which of its ways out a person chose (its place in the list)."""


class Follower:
    """Decides what becomes of every session of a course once its doses are as `state` says."""

    def __init__(self, view: CourseView, state: State, choices: Choices) -> None:
        self.view, self.state, self.choices = view, state, choices
        self.search = view.search
        self.overrides: list[Conflict] = []
        self.lines: list[Line] = []

    # -- integration -----------------------------------------------------------------------------------------------

    def integration(self) -> None:
        """Settle the integration sessions of all doses."""
        sessions = self.view.sessions(AppointmentKind.INTEGRATION)
        if self.search.rolling:
            return
        if self.search.link is None:
            self._release_orphans(sessions)
            return
        taken: dict[int, BookedSheet] = {}
        spare: list[BookedSheet] = []
        for session in sessions:
            number = self.state.number_of(session.serves_id)
            if number is not None and number not in taken and self._stays(session, number):
                taken[number] = session
            else:
                spare.append(session)
        spare = self._relink(taken, spare)
        for number in range(1, len(self.state.doses) + 1):
            if number in taken:
                self._keep(taken[number], number)
            elif needs_session(self.search.protocol, number):
                own = self._own(number, spare)
                if own is not None:
                    spare.remove(own)
                self._place(number, own)
        self._release_orphans(spare)

    def _stays(self, session: BookedSheet, number: int) -> bool:
        """Whether a session stays with its dose: frozen, or nothing about it changed, or still inside the window."""
        if session.id in self.state.displaced:
            return False
        if self.view.frozen(session) and not session.pinned:
            return True
        if self._fits(session, number) or self._unchanged(session, number):
            return True
        if session.pinned:
            sentence = f"The pinned {say(self.view, session.start, 'session')} is outside the window of dose {number}."
            self.overrides.append(Conflict(Rule.OUTSIDE_WINDOW, sentence, appointment_id=session.id))
        return session.pinned

    def _fits(self, session: BookedSheet, number: int) -> bool:
        link = self.search.link
        if link is None:
            return False
        dose, cutoff = self.state.doses[number - 1], self.view.cutoff(self.state.doses, number - 1)
        start = session.start - self.view.origin
        offset = None if cutoff is None else cutoff - dose.anchor
        return start >= self.view.leaves(dose) and link.fits(start - dose.anchor, offset)

    def _unchanged(self, session: BookedSheet, number: int) -> bool:
        """A session booked outside its window with a reason stays a named exception while its doses stay."""
        doses = self.state.doses
        dose = doses[number - 1]
        same_anchor = dose.before is not None and dose.anchor == self.view.dose_of(dose.before).anchor
        end, cutoff = session.end - self.view.origin, self.view.cutoff(doses, number - 1)
        return same_anchor and (cutoff is None or end <= cutoff) and not self._was_inside(session, dose)

    def _was_inside(self, session: BookedSheet, dose: Dose) -> bool:
        link = self.search.link
        if link is None or dose.before is None:
            return False
        return link.fits(session.start - self.view.origin - dose.anchor, None)

    def _relink(self, taken: dict[int, BookedSheet], spare: list[BookedSheet]) -> list[BookedSheet]:
        """Give doses without a session a spare one that lies in their window. Windows end before the next dose, so
        each spare session fits one dose at most."""
        left: list[BookedSheet] = []
        for session in spare:
            home = None
            if session.id not in self.state.displaced:
                home = next(
                    (
                        number
                        for number in range(1, len(self.state.doses) + 1)
                        if number not in taken
                        and needs_session(self.search.protocol, number)
                        and self._fits(session, number)
                    ),
                    None,
                )
            if home is None:
                left.append(session)
            else:
                taken[home] = session
        return left

    def _own(self, number: int, spare: list[BookedSheet]) -> BookedSheet | None:
        """The spare session that was this dose's own and may move."""
        before = self.state.doses[number - 1].before
        if before is None:
            return None
        return next((s for s in spare if s.serves_id == before.id and not self.view.frozen(s)), None)

    def _keep(self, session: BookedSheet, number: int) -> None:
        """Say what changed for a session that keeps its slot: its dose, or where it lies in the window."""
        dose = self.state.doses[number - 1]
        link = self.search.link
        offset = session.start - self.view.origin - dose.anchor
        status = link.status(offset) if link else None
        before = dose.before
        same_dose = before is not None and session.serves_id == before.id
        if same_dose and session.number == number:
            was = self._status_before(session, before)
            if was is not None and status is not None and was is not status:
                sentence = say(self.view, session.start, f"Integration session {number}") + f" is now {_words(status)}."
                self.lines.append(Line(LineKind.NOTED, sentence, session))
            return
        after = _slot_of(session, self.view.course.clinic.site.id, number, offset, status)
        old = f"dose {session.number}"
        sentence = f"{say(self.view, session.start, 'Integration session')} now serves dose {number}, was {old}."
        self.lines.append(Line(LineKind.RELINKED, sentence, session, after))

    def _status_before(self, session: BookedSheet, dose: BookedSheet | None) -> WindowStatus | None:
        if dose is None or self.search.link is None:
            return None
        original = next((a for a in self.view.course.appointments if a.id == dose.id), dose)
        return self.search.link.status(session.start - self.view.origin - self.view.dose_of(original).anchor)

    def _place(self, number: int, own: BookedSheet | None) -> None:
        """Find a slot for a dose without a session: the best by 1.5, else a chosen way out, else say it is unsaved."""
        dose, cutoff = self.state.doses[number - 1], self.view.cutoff(self.state.doses, number - 1)
        slots, link = self.search.slots, self.search.link
        if own is not None and (cover := self._cover(own, number)) is not None:
            self.lines.append(cover_line(self.view, f"Integration session {number}", own, cover))
            return
        if slots is None or link is None or dose.anchor + link.closes <= self.view.now - self.view.origin:
            if own is not None:
                self._release(own, "its window is over")
            return
        slot = slots.best(dose.anchor, cutoff, self.view.leaves(dose))
        if slot is not None:
            after = place_session(
                self.search.supply,
                slot.start,
                link.minutes,
                kind=AppointmentKind.INTEGRATION,
                phase=self._phase(number),
                number=number,
                serves=number,
                link=link,
                anchor=dose.anchor,
            )
            self._put(own, after, number)
            return
        options = self.ways_out_of(number, dose, cutoff)
        chosen = self.choices.get(number)
        if chosen is not None and 0 <= chosen < len(options) and options[chosen].kind is not WayOutKind.MOVE_DOSE:
            self._take(options[chosen], own, number)
            return
        sentence = f"Dose {number} has no session in the clinic's window."
        status = AppointmentStatus.CANCELLED if own is not None else None
        self.lines.append(Line(LineKind.UNSAVED, sentence, own, status=status, ways_out=options))

    def _cover(self, own: BookedSheet, number: int) -> Placement | None:
        """Where a displaced session was settled to go, else its own time with somebody else; None if neither does."""
        settled = self.state.covers.get(own.id)
        if settled is not None and settled.start != own.start and not self._fits_there(settled, number):
            settled = None
        if settled is not None and settled.start == own.start and not may_stay(self.view, self.state, own):
            settled = None
        found = settled or taken_over(self.view, self.state, own)
        return None if found is None else replace(found, number=number, serves=number, phase=self._phase(number))

    def _fits_there(self, after: Placement, number: int) -> bool:
        link, dose = self.search.link, self.state.doses[number - 1]
        cutoff, start = self.view.cutoff(self.state.doses, number - 1), after.start - self.view.origin
        if link is None or dose.before is None or dose.anchor != self.view.dose_of(dose.before).anchor:
            return False
        return link.fits(start - dose.anchor, None if cutoff is None else cutoff - dose.anchor)

    def ways_out_of(self, number: int, dose: Dose, cutoff: int | None) -> tuple[WayOut, ...]:
        """What a person may do about a dose without a session."""
        return ways_out(
            self.search,
            number=min(number, self.search.doses),
            check_in=dose.start,
            anchor=dose.anchor,
            cutoff=cutoff,
            days=self.view.day_limits(self.state.doses, number - 1),
            movable=dose.before is None or not self.view.frozen(dose.before),
        )

    def _take(self, way: WayOut, own: BookedSheet | None, number: int) -> None:
        after = replace(way.session, number=number, serves=number, phase=self._phase(number))
        rule = Rule.OUTSIDE_WINDOW if way.kind is WayOutKind.LATE_SLOT else Rule.CLOSED
        if way.needs_reason:
            self.overrides.append(Conflict(rule, way.sentence))
        self._put(own, after, number)

    def _put(self, own: BookedSheet | None, after: Placement, number: int) -> None:
        if own is None:
            sentence = f"New integration session {number}: {say(self.view, after.start)}."
            self.lines.append(Line(LineKind.CREATED, sentence, None, after))
            return
        old, new = say(self.view, own.start), say(self.view, after.start)
        self.lines.append(Line(LineKind.MOVED, f"Integration session {number}: {old} → {new}.", own, after))

    def _release_orphans(self, spare: list[BookedSheet]) -> None:
        for session in spare:
            served = self.state.number_of(session.serves_id)
            if self.view.frozen(session) or (self.search.link is None and served is not None):
                continue
            self._release(session, "no dose needs it")

    def _release(self, session: BookedSheet, why: str) -> None:
        sentence = f"{say(self.view, session.start, 'Session')} is released: {why}."
        self.lines.append(Line(LineKind.RELEASED, sentence, session, status=AppointmentStatus.CANCELLED))

    def _phase(self, number: int) -> str:
        return self.search.phases[min(number, self.search.doses) - 1]


def _slot_of(session: BookedSheet, site_id: int, number: int, offset: int, status: WindowStatus | None) -> Placement:
    """A session's present slot as a placement that serves dose `number`."""
    return Placement(
        kind=session.kind,
        phase=session.phase,
        number=number,
        start=session.start,
        end=session.end,
        site_id=site_id,
        mode=session.mode,
        therapist_id=session.therapist_id,
        room_id=session.room_id,
        serves=number,
        offset_min=offset,
        window_status=status,
        holds=session.holds,
    )


def _words(status: WindowStatus) -> str:
    return {
        WindowStatus.PEAK: "in the preferred time",
        WindowStatus.IN_WINDOW_EARLY: "in the early part of the window",
        WindowStatus.IN_WINDOW_LATE: "in the late part of the window",
        WindowStatus.LATE: "outside the clinic's usual window",
        WindowStatus.TOO_EARLY: "before the window opens",
        WindowStatus.OUT: "outside the window",
    }[status]
