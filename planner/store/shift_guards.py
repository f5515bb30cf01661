"""The guard of the roster: nobody has two shifts at once on one roster, whatever writes.

On two rosters somebody may: who is on call for one site works at another, and a week is warned of the rest when it is
drafted. On one roster there is no such reason; the draft refuses it at the field, and two who publish neighbouring
weeks at once, or raw SQL, are refused here.
"""

from __future__ import annotations

NAME = "shift_no_overlap"
LENGTH = "shift_length"
#: Two days on the clock, and clocks change by hours at most. It bounds the look-up of overlaps on SQLite.
LONGEST_SECONDS = 3 * 86_400


def _sqlite_trigger(moment: str) -> tuple[str, str, str]:
    name = f"{NAME}_{moment.lower()}"
    return (
        name,
        "shift",
        f"""CREATE TRIGGER {name} AFTER {moment} ON shift BEGIN
  SELECT RAISE(ABORT, '{LENGTH}') WHERE NEW.ends_at <= NEW.starts_at
    OR NEW.ends_at - NEW.starts_at > {LONGEST_SECONDS};
  SELECT RAISE(ABORT, '{NAME}') WHERE EXISTS (SELECT 1 FROM shift o
    WHERE o.person_id = NEW.person_id AND o.roster_site_id = NEW.roster_site_id AND o.starts_at < NEW.ends_at
      AND o.starts_at > NEW.starts_at - {LONGEST_SECONDS} AND o.ends_at > NEW.starts_at AND o.id <> NEW.id);
END""",  # noqa: S608  nothing in it comes from outside
    )


#: Name, table and statement of each trigger.
SQLITE_TRIGGERS = (_sqlite_trigger("INSERT"), _sqlite_trigger("UPDATE"))

#: Name and definition of each constraint on `shift`, and how PostgreSQL tells it back.
POSTGRES_CONSTRAINTS = (
    (
        NAME,
        "EXCLUDE USING gist (int8range(person_id::bigint, person_id::bigint, '[]') WITH &&, "
        "int8range(roster_site_id::bigint, roster_site_id::bigint, '[]') WITH &&, "
        "tstzrange(starts_at, ends_at) WITH &&)",
        "EXCLUDE USING gist (int8range((person_id)::bigint, (person_id)::bigint, '[]'::text) WITH &&, "
        "int8range((roster_site_id)::bigint, (roster_site_id)::bigint, '[]'::text) WITH &&, "
        "tstzrange(starts_at, ends_at) WITH &&)",
    ),
    (
        LENGTH,
        f"CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '{LONGEST_SECONDS} seconds')",
        "CHECK (((ends_at > starts_at) AND (ends_at <= (starts_at + '72:00:00'::interval))))",
    ),
)
