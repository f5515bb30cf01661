"""The clinic's worked scenarios A, B1, B2 and C1, to the minute, and a dose that runs late."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from planner.domain.conflicts import Rule
from planner.domain.intervals import instant_of
from planner.domain.statuses import AppointmentKind, AppointmentStatus
from planner.domain.windows import Window, WindowStatus
from planner.scheduling.decisions import Decision, LineKind, WayOutKind
from planner.scheduling.masks import slice_of
from planner.scheduling.moves import decide_dose_end, decide_lost, decide_move
from planner.scheduling.offers import offer_times
from planner.scheduling.placements import CourseProposal
from planner.scheduling.proposals import propose_courses
from planner.scheduling.search import CourseSearch
from planner.scheduling.sheets import BookedSheet, ClinicSheet, CourseSheet
from planner.scheduling.ways_out import ways_out
from tests.scheduling.scenario import (
    MON,
    THU,
    TUE,
    WED,
    K,
    R,
    at,
    clinic,
    course,
    iv,
    patient,
    request,
    spans,
    wall,
)

PREPARED = (date(2027, 1, 20),)
INFUSION, INTEGRATION = AppointmentKind.INFUSION, AppointmentKind.INTEGRATION


def winter(now: str = "2027-01-20 12:00", **busy: object) -> ClinicSheet:
    day, clock = now.split()
    return clinic(date(2027, 1, 18), date(2027, 4, 30), at(date.fromisoformat(day), clock), **busy)  # type: ignore[arg-type]


def proposal(*weekdays: int, supply: ClinicSheet | None = None) -> CourseProposal:
    found = propose_courses(supply or winter(), request(date(2027, 1, 25), preparation_days=PREPARED))
    return next(p for p in found.proposals if p.pattern == frozenset(weekdays))


def monday_thursday(now: str, **busy: object) -> CourseSheet:
    """Scenario A as booked, looked at again at a later moment."""
    asked = request(date(2027, 1, 25), preparation_days=PREPARED)
    return course(proposal(MON, THU), winter(now, **busy), asked)


def infusion(booked: CourseSheet, number: int) -> BookedSheet:
    return next(a for a in booked.appointments if a.kind is INFUSION and a.number == number and a.phase == "induction")


def told(decision: Decision, kind: LineKind) -> list[tuple[str, str, str, int | None]]:
    """Lines of a kind as (what, from, to, therapist)."""
    return [
        (
            (line.before or line.after).kind.value,
            wall(line.before.start) if line.before else "",
            wall(line.after.start) if line.after else "",
            line.after.therapist_id if line.after else None,
        )
        for line in decision.of(kind)
    ]


def kinds(decision: Decision) -> dict[LineKind, int]:
    return {kind: len(decision.of(kind)) for kind in LineKind if decision.of(kind)}


# -- A -----------------------------------------------------------------------------------------------------------------

TABLE_A = [
    # infusion, opens, peak, closes, must end by, session, therapist
    ("Mon 25 Jan 10:00", "Mon 25 Jan 22:40", "Tue 26 Jan 04:40", "Wed 27 Jan 10:40", "Thu 28 Jan 10:40",
     "Thu 28 Jan 07:30", "Tue 26 Jan 11:00", R),
    ("Thu 28 Jan 10:00", "Thu 28 Jan 22:40", "Fri 29 Jan 04:40", "Sat 30 Jan 10:40", "Sun 31 Jan 10:40",
     "Mon 01 Feb 07:30", "Fri 29 Jan 11:00", K),
    ("Mon 01 Feb 10:00", "Mon 01 Feb 22:40", "Tue 02 Feb 04:40", "Wed 03 Feb 10:40", "Thu 04 Feb 10:40",
     "Thu 04 Feb 07:30", "Tue 02 Feb 11:00", R),
    ("Thu 04 Feb 10:00", "Thu 04 Feb 22:40", "Fri 05 Feb 04:40", "Sat 06 Feb 10:40", "Sun 07 Feb 10:40",
     "Mon 08 Feb 07:30", "Fri 05 Feb 11:00", K),
    ("Mon 08 Feb 10:00", "Mon 08 Feb 22:40", "Tue 09 Feb 04:40", "Wed 10 Feb 10:40", "Thu 11 Feb 10:40",
     "Thu 11 Feb 07:30", "Tue 09 Feb 11:00", R),
    ("Thu 11 Feb 10:00", "Thu 11 Feb 22:40", "Fri 12 Feb 04:40", "Sat 13 Feb 10:40", "Sun 14 Feb 10:40",
     None, "Fri 12 Feb 11:00", K),
]  # fmt: skip


def test_scenario_a_table() -> None:
    chosen = proposal(MON, THU)
    visit, rule = iv().visit, iv().integration.window
    assert rule is not None
    infusions, sessions = chosen.of_kind(INFUSION), chosen.of_kind(INTEGRATION)
    for index, row in enumerate(TABLE_A):
        check_in = infusions[index].start
        after = infusions[index + 1].start if index < 5 else None
        window = Window(instant_of(check_in + visit.dose_ends_min), rule, None if after is None else instant_of(after))
        edges = (window.opens_at, window.peak_starts_at, window.peak_ends_at, window.closes_at, window.must_end_by)
        shown = tuple(None if edge is None else wall(round(edge.timestamp()) // 60) for edge in edges)
        session = sessions[index]
        assert wall(check_in + visit.dose_starts_min) == row[0]
        assert shown == row[1:6]
        assert (wall(session.start), session.therapist_id) == row[6:]
        assert session.end - session.start == 50
        assert session.serves == session.number == index + 1
        assert window.offset_of(instant_of(session.start)) == timedelta(hours=24, minutes=20)
        assert session.offset_min == 24 * 60 + 20
        assert session.window_status is WindowStatus.PEAK
        assert session.with_primary is (session.therapist_id == R)
        assert window.fits(instant_of(session.start), instant_of(session.end))


def test_scenario_a_as_a_whole() -> None:
    chosen = proposal(MON, THU)
    assert chosen.gaps == (3, 4, 3, 4, 3)
    assert chosen.span_days == 17
    assert chosen.remarks == ()
    assert (chosen.coverage.doses, chosen.coverage.in_peak, chosen.coverage.with_primary) == (6, 6, 3)
    (consolidation,) = chosen.of_kind(AppointmentKind.CONSOLIDATION)
    assert (wall(consolidation.start), consolidation.therapist_id) == ("Thu 18 Feb 11:00", R)
    assert [(b.day, b.number) for b in chosen.boosters] == [(date(2027, 3, 11), 1)]
    assert chosen.of_kind(AppointmentKind.PREPARATION) == ()
    assert [a.status for a in monday_thursday("2027-01-20 12:00").appointments][-1] is AppointmentStatus.PROPOSED


def test_scenario_a_chair_is_held_with_its_turnover() -> None:
    first = proposal(MON, THU).of_kind(INFUSION)[0]
    held = {thing: (wall(a)[-5:], wall(b)[-5:]) for thing, a, b in first.holds}
    assert held == {101: ("09:30", "11:55"), 131: ("09:30", "11:40"), 151: ("09:30", "11:40")}


def test_monday_wednesday_has_all_six_sessions_with_r() -> None:
    chosen = proposal(MON, WED)
    assert [wall(p.start + 30) for p in chosen.of_kind(INFUSION)] == [
        f"{day} 10:00" for day in ("Mon 25 Jan", "Wed 27 Jan", "Mon 01 Feb", "Wed 03 Feb", "Mon 08 Feb", "Wed 10 Feb")
    ]
    assert [(wall(p.start), p.therapist_id, p.offset_min) for p in chosen.of_kind(INTEGRATION)] == [
        (f"{day} 11:00", R, 1460)
        for day in ("Tue 26 Jan", "Thu 28 Jan", "Tue 02 Feb", "Thu 04 Feb", "Tue 09 Feb", "Thu 11 Feb")
    ]
    assert chosen.gaps == (2, 5, 2, 5, 2)
    assert chosen.span_days == 16
    assert chosen.coverage.with_primary == 6


def test_the_pattern_with_the_primary_therapist_throughout_ranks_first() -> None:
    found = propose_courses(winter(), request(date(2027, 1, 25), preparation_days=PREPARED)).proposals
    assert found[0].pattern == {MON, WED}
    assert [p.cost for p in found] == sorted(p.cost for p in found)
    assert len({p.pattern for p in found}) == len(found) >= 4


def test_a_first_dose_without_preparation_possible_is_refused() -> None:
    until_then = ((at(date(2027, 1, 18), "00:00"), at(date(2027, 1, 25), "09:00")),)
    unprepared = winter(r_busy=until_then, k_busy=until_then)
    asked = request(date(2027, 1, 25), latest_first_day=date(2027, 1, 25))
    found = propose_courses(unprepared, asked)
    assert found.proposals == ()
    assert found.refused[0].rule is Rule.PREP_MISSING
    assert not found.together
    prepared = replace(asked, preparation_days=PREPARED)
    assert propose_courses(unprepared, prepared).proposals


def test_preparation_is_planned_when_none_is_held() -> None:
    chosen = propose_courses(winter(), request(date(2027, 1, 25))).proposals[0]
    (preparation,) = chosen.of_kind(AppointmentKind.PREPARATION)
    assert (wall(preparation.start), preparation.therapist_id) == ("Wed 20 Jan 13:00", R)


# -- B1 ----------------------------------------------------------------------------------------------------------------


def test_b1_moves_one_dose_and_one_session() -> None:
    booked = monday_thursday("2027-01-29 12:00")
    decision = decide_move(booked, infusion(booked, 3).id, at(date(2027, 2, 2), "09:30"))
    assert kinds(decision) == {LineKind.MOVED: 2}
    assert told(decision, LineKind.MOVED) == [
        ("infusion", "Mon 01 Feb 09:30", "Tue 02 Feb 09:30", None),
        ("integration", "Tue 02 Feb 11:00", "Wed 03 Feb 11:00", R),
    ]
    session = decision.lines[1].after
    assert session is not None
    assert (session.offset_min, session.window_status, wall(session.end)) == (
        1460,
        WindowStatus.PEAK,
        "Wed 03 Feb 11:50",
    )
    assert decision.overrides == ()
    assert decision.boosters == ()


def test_b1_time_is_among_the_offers_with_the_same_decision() -> None:
    booked = monday_thursday("2027-01-29 12:00")
    offers = offer_times(booked, infusion(booked, 3).id)
    wanted = at(date(2027, 2, 2), "09:30")
    assert {o.start: o.decision for o in offers}[wanted] == decide_move(booked, infusion(booked, 3).id, wanted)


# -- B2 ----------------------------------------------------------------------------------------------------------------


def no_show() -> Decision:
    full = spans(date(2027, 2, 2), date(2027, 2, 3), (TUE, WED), ("09:30", "11:55"))
    booked = monday_thursday("2027-02-01 09:30", chairs_busy=full)
    return decide_lost(booked, infusion(booked, 3).id, AppointmentStatus.NOSHOW)


def test_b2_counts() -> None:
    assert kinds(no_show()) == {
        LineKind.MARKED: 1,
        LineKind.RENUMBERED: 3,
        LineKind.RELINKED: 3,
        LineKind.RELEASED: 1,
        LineKind.CREATED: 2,
        LineKind.MOVED: 2,
    }


def test_b2_line_by_line() -> None:
    decision = no_show()
    (mark,) = decision.of(LineKind.MARKED)
    assert mark.before is not None
    assert (wall(mark.before.start), mark.status) == ("Mon 01 Feb 09:30", AppointmentStatus.NOSHOW)
    assert told(decision, LineKind.CREATED) == [
        ("infusion", "", "Tue 16 Feb 09:30", None),
        ("integration", "", "Wed 17 Feb 11:00", R),
    ]
    assert told(decision, LineKind.RELEASED) == [("integration", "Tue 02 Feb 11:00", "", None)]
    assert told(decision, LineKind.RELINKED) == [
        ("integration", "Fri 05 Feb 11:00", "Fri 05 Feb 11:00", K),
        ("integration", "Tue 09 Feb 11:00", "Tue 09 Feb 11:00", R),
        ("integration", "Fri 12 Feb 11:00", "Fri 12 Feb 11:00", K),
    ]
    assert told(decision, LineKind.MOVED) == [
        ("consolidation", "Thu 18 Feb 11:00", "Tue 23 Feb 11:00", R),
        ("infusion", "Thu 11 Mar 09:30", "Tue 16 Mar 09:30", None),
    ]
    assert [(line.before.number, line.after.number) for line in decision.of(LineKind.RENUMBERED)] == [  # type: ignore[union-attr]
        (4, 3),
        (5, 4),
        (6, 5),
    ]


def test_b2_kept_appointments_keep_slot_and_holds() -> None:
    for line in (*no_show().of(LineKind.RELINKED), *no_show().of(LineKind.RENUMBERED)):
        assert line.before is not None and line.after is not None
        assert (line.before.start, line.before.end, line.before.holds) == (
            line.after.start,
            line.after.end,
            line.after.holds,
        )


def test_b2_new_session_and_remarks() -> None:
    decision = no_show()
    new = decision.of(LineKind.CREATED)[1].after
    assert new is not None
    assert (new.serves, new.number, new.offset_min, new.window_status) == (6, 6, 1460, WindowStatus.PEAK)
    assert decision.overrides == ()
    sentences = [remark.sentence for remark in decision.remarks]
    assert sentences[0].startswith("7 days between dose 2 and 3")
    assert sentences[1].startswith("The series takes 22 days")
    assert "Dose 6" in sentences[2]


# -- C1 ----------------------------------------------------------------------------------------------------------------


def thanksgiving() -> CourseSearch:
    supply = clinic(date(2027, 11, 8), date(2027, 12, 31), at(date(2027, 11, 15), "12:00"))
    return CourseSearch(supply, request(date(2027, 11, 22), preparation_days=(date(2027, 11, 19),)))


def dose_before_thanksgiving(search: CourseSearch) -> int:
    return at(date(2027, 11, 24), "09:30") - search.supply.origin


def test_c1_offers_no_dose_without_a_session() -> None:
    search = thanksgiving()
    check_in = dose_before_thanksgiving(search)
    assert search.slots is not None
    assert search.slots.best(check_in + search.anchor, None) is None
    assert search.visits >> check_in & 1
    assert not search.dose_mask(1) >> check_in & 1


def test_c1_is_refused_for_the_window_and_never_booked_silently() -> None:
    supply = clinic(date(2027, 11, 8), date(2027, 12, 31), at(date(2027, 11, 15), "12:00"))
    wanted = date(2027, 11, 24)
    asked = request(wanted, preparation_days=(date(2027, 11, 19),), latest_first_day=wanted)
    found = propose_courses(supply, asked)
    assert found.proposals == ()
    assert found.refused[0].rule is Rule.NO_WINDOW_SLOT


def test_c1_ways_out_in_order() -> None:
    search = thanksgiving()
    check_in = dose_before_thanksgiving(search)
    found = ways_out(search, number=1, check_in=check_in, anchor=check_in + search.anchor, cutoff=None, days=(0, 60))
    order = [way.kind for way in found]
    assert order == sorted(order, key=list(WayOutKind).index)
    opened = {(wall(w.session.start), w.session.therapist_id): w for w in found if w.kind is WayOutKind.OPEN_SLOT}
    ten, eleven = opened["Fri 26 Nov 10:00", K].session, opened["Fri 26 Nov 11:00", K].session
    assert (ten.offset_min, ten.window_status) == (47 * 60 + 20, WindowStatus.PEAK)
    assert (eleven.offset_min, eleven.window_status) == (48 * 60 + 20, WindowStatus.IN_WINDOW_LATE)
    assert search.link is not None and search.link.loss(48 * 60 + 20) == 97
    (moved,) = [w for w in found if w.kind is WayOutKind.MOVE_DOSE]
    assert moved.infusion is not None
    assert wall(moved.infusion.start) == "Tue 23 Nov 09:30"
    assert (wall(moved.session.start), moved.session.therapist_id) == ("Wed 24 Nov 11:00", R)
    assert moved.session.offset_min == 1460
    late = found[-1]
    assert late.kind is WayOutKind.LATE_SLOT and late.needs_reason
    assert (wall(late.session.start), late.session.therapist_id) == ("Mon 29 Nov 09:00", R)
    assert (late.session.offset_min, late.session.window_status) == (118 * 60 + 20, WindowStatus.LATE)
    assert search.link.loss(118 * 60 + 20) == 10_000 - 1552


# -- a dose that runs late ---------------------------------------------------------------------------------------------


def test_a_dose_ending_50_minutes_late_changes_nothing_but_the_record() -> None:
    booked = monday_thursday("2027-01-25 12:00")
    end = at(date(2027, 1, 25), "11:30")
    decision = decide_dose_end(booked, infusion(booked, 1).id, end)
    assert kinds(decision) == {LineKind.MARKED: 1}
    (mark,) = decision.lines
    assert (mark.dose_end, mark.status) == (end, AppointmentStatus.FULFILLED)
    assert at(date(2027, 1, 26), "11:00") - end == 23 * 60 + 30


def test_a_dose_ending_so_late_that_its_session_falls_out_moves_it() -> None:
    booked = monday_thursday("2027-01-26 00:30")
    end = at(date(2027, 1, 25), "23:30")
    decision = decide_dose_end(booked, infusion(booked, 1).id, end)
    assert kinds(decision) == {LineKind.MARKED: 1, LineKind.MOVED: 1}
    (line,) = decision.of(LineKind.MOVED)
    assert line.after is not None
    assert (wall(line.after.start), line.after.therapist_id) == ("Wed 27 Jan 09:00", R)
    assert line.after.window_status is WindowStatus.PEAK
    assert line.after.offset_min == line.after.start - end == 33 * 60 + 30


def test_a_dose_ending_late_enough_to_leave_the_peak_is_noted() -> None:
    booked = monday_thursday("2027-01-25 20:00")
    decision = decide_dose_end(booked, infusion(booked, 1).id, at(date(2027, 1, 25), "18:00"))
    assert kinds(decision) == {LineKind.MARKED: 1, LineKind.NOTED: 1}


# -- coverage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("weekday", "peak_primary", "peak", "in_window"),
    [(0, 9, 18, 32), (1, 9, 18, 30), (2, 7, 16, 21), (3, 0, 7, 7), (4, 0, 0, 2)],
)
def test_window_coverage_by_weekday(weekday: int, peak_primary: int, peak: int, in_window: int) -> None:
    supply = winter()
    search = CourseSearch(supply, request(date(2027, 1, 25), preparation_days=PREPARED))
    link = search.link
    assert link is not None
    anchor = at(date(2027, 1, 25) + timedelta(days=weekday), "09:30") - search.supply.origin + search.anchor
    people = [search.supply.session_starts(50, therapist) for therapist in (R, K)]

    def starts(masks: list[int], first: int, last: int) -> int:
        return sum(slice_of(mask, anchor + first, anchor + last).bit_count() for mask in masks)

    assert starts(people[:1], link.peak_start, link.peak_end) == peak_primary
    assert starts(people, link.peak_start, link.peak_end) == peak
    assert starts(people, link.opens, link.closes) == in_window


def test_a_patient_who_only_comes_in_person_is_not_seen_by_telehealth() -> None:
    from planner.domain.statuses import Mode

    only = patient(modes=(Mode.IN_PERSON,))
    found = propose_courses(winter(), request(date(2027, 1, 25), patient=only, preparation_days=PREPARED))
    assert all(p.mode is Mode.IN_PERSON for p in found.proposals[0].placements)
    assert all(p.room_id for p in found.proposals[0].of_kind(INTEGRATION))
