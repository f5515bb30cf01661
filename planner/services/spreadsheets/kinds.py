"""The kinds of file there are, and every column of each. The pages that explain them are made from this."""

from __future__ import annotations

from typing import Final

from planner.services.spreadsheets.columns import Column, Kind

_SITE: Final = Column(
    "site", "site", "The site, by its code or its name. It has to be one of yours.", "MAIN", required=True
)
_DAY_WORDS: Final = "as 2027-04-03"
_ACTIVE: Final = (
    "“no” for one that is not in use any more. Only read for new ones: taking one out of use has a page, which looks "
    "after what is booked. Empty means “yes”."
)

PEOPLE: Final = Kind(
    "people",
    "Staff",
    "member of staff",
    "members of staff",
    "One line for each member of staff who is put on rosters.",
    "A line is about somebody who is here when name and initials are the same.",
    "Roles, sites and patients at once are added to, and the two numbers are changed. Nothing is taken away: that is "
    "told as a fault, because shifts and appointments may hang on it.",
    (
        Column("name", "name", "First and last name.", "Robin Example", required=True),
        Column(
            "initials",
            "initials",
            "Up to 6 characters; made from the name when empty. They tell two people of one name apart.",
            "RE",
        ),
        Column(
            "roles",
            "roles",
            "One or more of nurse, prescriber, therapist, with semicolons between.",
            "nurse; therapist",
            required=True,
        ),
        Column("sites", "sites", "Codes or names of the sites where they work, with semicolons between.", "MAIN; WEST",
               required=True),
        Column("lanes", "patients at once", "How many patients a nurse watches at once, 1 to 12. Empty means 1.", "2"),
        Column("turnover", "minutes between", "Free minutes after each appointment, 0 to 240. Empty means 0.", "10"),
        Column("most", "sessions a day", "How many sessions on one day at most. Empty means no limit.", "6"),
        Column("active", "active", _ACTIVE, "yes"),
    ),
)  # fmt: skip

PATIENTS: Final = Kind(
    "patients",
    "Patients",
    "patient",
    "patients",
    "One line for each patient.",
    "A line is about a patient who is here when the code is the same.",
    "Everything but the code, the site and whether they are in treatment. Agreement to messages is never taken from a "
    "file: patients give it themselves.",
    (
        Column("code", "code", "Up to 12 characters. Calendars and staff screens show it.", "P-204", required=True),
        Column("name", "name", "First and last name.", "Sam Sample", required=True),
        _SITE,
        Column("therapist", "therapist", "The therapist who sees them first. Empty for none yet.", "Robin Example"),
        Column("escort", "escort", "Who takes them home.", "A neighbour"),
        Column(
            "modes",
            "ways of meeting",
            "in-person, telehealth, or both with a semicolon between, the liked one first. Empty means both.",
            "in-person; telehealth",
        ),
        Column("preferred_from", "likes from", "Earliest check-in they like, HH:MM. Empty means any time.", "09:00"),
        Column("preferred_to", "likes until", "Latest check-in they like, HH:MM.", "15:00"),
        Column(
            "weekly",
            "can come",
            "Days and times each week, with semicolons between. Empty means any time.",
            "Mon 09:00-12:00; Thu 13:00-17:00",
        ),
        Column("active", "active", _ACTIVE, "yes"),
    ),
)

SHIFTS: Final = Kind(
    "shifts",
    "Shifts",
    "shift",
    "shifts",
    "One line for each shift of each person. They go straight into the published roster.",
    "A line is about a shift that is here when person, day and start are the same.",
    "End, break, on call and telehealth, unless something booked would lose its cover: that is told as a fault.",
    (
        Column("person", "person", "Name of a member of staff; “name (initials)” where two have one name.",
               "Robin Example", required=True),
        _SITE,
        Column("day", "day", f"The day the shift starts, {_DAY_WORDS}.", "2027-04-05", required=True, is_date=True),
        Column("start", "start", "Wall time at the site, HH:MM.", "08:00", required=True),
        Column("end", "end", "Wall time at the site. Later than 24:00 runs into the next day: 26:00 is 02:00.", "16:30",
               required=True),
        Column("break_start", "break start", "Start of the break. Empty for none.", "12:00"),
        Column("break_end", "break end", "End of the break.", "12:30"),
        Column("on_call", "on call", "“yes” for somebody who can be reached but is not there.", "no"),
        Column("remote", "telehealth", "“yes” for a shift by telehealth.", "no"),
    ),
)  # fmt: skip

ABSENCES: Final = Kind(
    "absences",
    "Absences",
    "absence",
    "absences",
    "One line for each time a member of staff is away.",
    "A line is about an absence that is here when person and start are the same.",
    "The reason, and a later end when nothing is booked in the added time. An absence over booked appointments is told "
    "as a fault: put it in on the Rosters page, which moves them.",
    (
        Column("person", "person", "Name of a member of staff of one of your sites.", "Robin Example", required=True),
        Column("first_day", "first day", f"The first day, {_DAY_WORDS}.", "2027-04-05", required=True, is_date=True),
        Column("first_time", "first time", "From when on, HH:MM. Empty means from the start of the day.", ""),
        Column("last_day", "last day", "The last day. Empty means the first day.", "2027-04-09", is_date=True),
        Column("last_time", "last time", "Until when, HH:MM. Empty means until the end of the day.", ""),
        Column("reason", "reason", "Shown to whoever makes rosters.", "Leave"),
    ),
)

CLOSURES: Final = Kind(
    "closures",
    "Closed days",
    "closed day",
    "closed days",
    "One line for each day on which a site is closed.",
    "A line is about a closed day that is here when site and day are the same.",
    "The reason. A day on which something is booked at the site is told as a fault: close it on the Rosters page, "
    "which moves what is booked.",
    (
        _SITE,
        Column("day", "day", f"The closed day, {_DAY_WORDS}.", "2027-12-25", required=True, is_date=True),
        Column("reason", "reason", "Why it is closed.", "Holiday"),
    ),
)

PLACES: Final = Kind(
    "chairs-and-rooms",
    "Chairs and rooms",
    "chair or room",
    "chairs and rooms",
    "One line for each chair and each room.",
    "A line is about a chair or room that is here when site, kind and name are the same.",
    "The minutes between of a room. Taking one out of use has a page.",
    (
        Column("kind", "kind", "chair or room.", "room", required=True),
        _SITE,
        Column("name", "name", "Up to 60 characters, once at each site.", "Room 2", required=True),
        Column("turnover", "minutes between", "Free minutes after each session in a room, 0 to 240. Empty for a chair.",
               "10"),
        Column("active", "active", _ACTIVE, "yes"),
    ),
)  # fmt: skip

#: Whom and what an appointment may hold for another time than the whole of it.
HELD: Final = ("therapist", "prescriber", "nurse", "chair", "room")
_HELD_WORDS: Final = (
    "For which minutes from the start ",
    ", such as 0 to 20; 90 to 130; “none” for not at all. Empty means the whole appointment and the minutes between.",
)

APPOINTMENTS: Final = Kind(
    "appointments",
    "Appointments",
    "appointment",
    "appointments",
    "One line for each appointment, as it stands in the book you bring along. It belongs to no course.",
    "A line is about an appointment that is here when the reference is the same; without a reference, when patient, "
    "kind and start are the same.",
    "Nothing. An appointment that is here at another time, or with others, is told as a fault: take the "
    "line out, or cancel the appointment on its page.",
    (
        Column(
            "reference",
            "reference",
            "What your book calls this appointment: any text up to 200 characters that stays the same. It is not kept "
            "as it is, and calendars never show it.",
            "A-1042",
        ),
        Column("patient", "patient", "The patient's code.", "P-204", required=True),
        Column("kind", "kind", "first talk, visit, session, follow-up or assessment.", "session", required=True),
        _SITE,
        Column("day", "day", f"The day, {_DAY_WORDS}.", "2027-04-05", required=True, is_date=True),
        Column("start", "start", "Wall time at the site, HH:MM.", "14:00", required=True),
        Column("end", "end", "Wall time at the site. Later than 24:00 runs into the next day.", "15:00"),
        Column("minutes", "minutes", "How long it is; in place of the end.", ""),
        Column("status", "status", "booked, arrived, fulfilled, cancelled or noshow. Empty means booked.", "booked"),
        Column("mode", "way of meeting", "in-person or telehealth. Empty means in-person.", "in-person"),
        Column("therapist", "therapist", "Name of the therapist. Empty for none.", "Robin Example"),
        Column("nurse", "nurse", "Name of the nurse. Empty for none.", ""),
        Column("chair", "chair", "Name of the chair at the site. Empty for none.", ""),
        Column("room", "room", "Name of the room at the site. Empty for none.", "Room 2"),
        Column("prescriber", "prescriber", "Name of a prescriber it takes up. Empty for none.", ""),
        Column("place", "nurse place", "Which of the patients the nurse watches at once this one is, from 1. Empty for "
               "the first that is free.", ""),
        *(
            Column(f"{key}_held", f"{key} held", f"{_HELD_WORDS[0]}the {key} is held{_HELD_WORDS[1]}", "")
            for key in HELD
        ),
        Column("over", "booked over", "References of appointments that it is booked over on purpose, with semicolons "
               "between. Empty for none: then nobody and nothing is held twice.", ""),
    ),
)  # fmt: skip

#: In the order in which a clinic brings them in: each may name what the ones before it hold.
KINDS: Final[dict[str, Kind]] = {
    kind.slug: kind for kind in (PLACES, PEOPLE, PATIENTS, SHIFTS, ABSENCES, CLOSURES, APPOINTMENTS)
}
