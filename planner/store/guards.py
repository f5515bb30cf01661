"""The guards that live in the database itself, on both engines, and the check that they are still there.

Whatever writes, raw SQL included: nobody and nothing is held twice (security.md 8.1), nobody has two shifts at once on
one roster, history is only appended to, a protocol version that a course uses stays as it is, and no word that
calendars show changes without their noticing. Shifts on two rosters may overlap: being on call for one site while
working at another is no mistake, and what is one is warned of in the draft.
Migrations may drop triggers silently, so the guards are put back after each of them and compared with this file at
every start.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Insert, insert, inspect, text
from sqlalchemy.exc import IntegrityError

from planner.store import feed_revisions, shift_guards

#: No appointment holds anything for longer; it bounds the look-up of overlaps on SQLite.
LONGEST_SECONDS = 86_400

APPEND_ONLY = ("audit_entry", "rule_override", "change_line", "roster_publication")
#: Tables that came with a later migration than the first: before it there is nothing to guard.
LATER_TABLES = ("roster_publication",)
#: The migration with which rosters are kept apart; before it there is no roster to guard either.
ROSTER_COLUMN = "roster_site_id"

_PAIR = """EXISTS (SELECT 1 FROM rule_override r WHERE r.rule = 'overlap'
      AND ((r.appointment_id = NEW.appointment_id AND r.other_appointment_id = o.appointment_id)
        OR (r.appointment_id = o.appointment_id AND r.other_appointment_id = NEW.appointment_id)))"""


@dataclass(frozen=True, slots=True)
class Guard:
    """One trigger, function or constraint: its name, how to make it and how to remove it."""

    name: str
    create: str
    drop: str
    #: Of a trigger, the table it is on.
    table: str = ""


def _sqlite_overlap(moment: str) -> Guard:
    # AFTER, because before an insert SQLite tells a trigger the id -1 when none was given: a row with that very id
    # would be taken for the new one and overlooked.
    name = f"occupancy_no_overlap_{moment.lower()}"
    return Guard(
        name,
        f"""CREATE TRIGGER {name} AFTER {moment} ON occupancy BEGIN
  SELECT RAISE(ABORT, 'occupancy_length') WHERE NEW.ends_at <= NEW.starts_at
    OR NEW.ends_at - NEW.starts_at > {LONGEST_SECONDS};
  SELECT RAISE(ABORT, 'occupancy_override_named') WHERE NEW.override_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM rule_override r WHERE r.id = NEW.override_id AND r.rule = 'overlap'
      AND r.appointment_id = NEW.appointment_id);
  SELECT RAISE(ABORT, 'occupancy_no_overlap') WHERE EXISTS (SELECT 1 FROM occupancy o
    WHERE o.holdable_id = NEW.holdable_id AND o.starts_at < NEW.ends_at
      AND o.starts_at > NEW.starts_at - {LONGEST_SECONDS} AND o.ends_at > NEW.starts_at AND o.id <> NEW.id
      AND NOT ((o.override_id IS NOT NULL OR NEW.override_id IS NOT NULL) AND {_PAIR}));
END""",
        f"DROP TRIGGER IF EXISTS {name}",
        "occupancy",
    )


def _sqlite_append_only(table: str) -> list[Guard]:
    guards = [
        Guard(
            f"{table}_append_only_{moment.lower()}",
            f"CREATE TRIGGER {table}_append_only_{moment.lower()} BEFORE {moment} ON {table} BEGIN "
            f"SELECT RAISE(ABORT, '{table}_append_only'); END",
            f"DROP TRIGGER IF EXISTS {table}_append_only_{moment.lower()}",
            table,
        )
        for moment in ("UPDATE", "DELETE")
    ]
    name = f"{table}_append_only_replace"
    guards.append(
        Guard(
            name,
            f"CREATE TRIGGER {name} BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} t WHERE t.id = NEW.id) BEGIN "
            f"SELECT RAISE(ABORT, '{table}_append_only'); END",
            f"DROP TRIGGER IF EXISTS {name}",
            table,
        )
    )
    return guards


#: The row would push out a used version, by its id or by being the same number of the same protocol.
_PUSHES_OUT_USED = """EXISTS (SELECT 1 FROM protocol_version v
    WHERE (v.id = NEW.id OR (v.protocol_id = NEW.protocol_id AND v.number = NEW.number))
      AND EXISTS (SELECT 1 FROM course c WHERE c.protocol_version_id = v.id))"""


def _sqlite_protocol(what: str, moment: str, when: str) -> Guard:
    name = f"protocol_version_immutable_{what}"
    return Guard(
        name,
        f"CREATE TRIGGER {name} BEFORE {moment} ON protocol_version WHEN {when} BEGIN "
        "SELECT RAISE(ABORT, 'protocol_version_immutable'); END",
        f"DROP TRIGGER IF EXISTS {name}",
        "protocol_version",
    )


def _sqlite_protocol_guards() -> list[Guard]:
    # OR REPLACE removes the old row without telling the delete trigger, unless recursive_triggers is on.
    used = "EXISTS (SELECT 1 FROM course c WHERE c.protocol_version_id = OLD.id)"
    return [
        _sqlite_protocol("replace", "INSERT", _PUSHES_OUT_USED),
        _sqlite_protocol("update", "UPDATE", f"{used} OR {_PUSHES_OUT_USED}"),
        _sqlite_protocol("delete", "DELETE", used),
    ]


SQLITE_GUARDS: tuple[Guard, ...] = (
    _sqlite_overlap("INSERT"),
    _sqlite_overlap("UPDATE"),
    *(guard for table in APPEND_ONLY for guard in _sqlite_append_only(table)),
    *_sqlite_protocol_guards(),
    *(
        Guard(name, create, f"DROP TRIGGER IF EXISTS {name}", table)
        for name, table, create in (*feed_revisions.SQLITE_TRIGGERS, *shift_guards.SQLITE_TRIGGERS)
    ),
)


def _postgres_function(name: str, body: str) -> Guard:
    return Guard(
        name,
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $guard$ {body} $guard$",
        f"DROP FUNCTION IF EXISTS {name}() CASCADE",
    )


def _postgres_trigger(name: str, when: str, table: str, function: str, each: str = "ROW") -> Guard:
    return Guard(
        name,
        f"CREATE TRIGGER {name} {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER IF EXISTS {name} ON {table}",
        table,
    )


_OVERRIDE_BODY = f"""
BEGIN
  PERFORM 1 FROM holdable WHERE id = NEW.holdable_id FOR NO KEY UPDATE;
  IF NEW.override_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM rule_override r WHERE r.id = NEW.override_id
      AND r.rule = 'overlap' AND r.appointment_id = NEW.appointment_id) THEN
    RAISE EXCEPTION 'occupancy_override_named' USING ERRCODE = '23514', CONSTRAINT = 'occupancy_override_named';
  END IF;
  IF EXISTS (SELECT 1 FROM occupancy o WHERE o.holdable_id = NEW.holdable_id
      AND o.starts_at < NEW.ends_at AND o.ends_at > NEW.starts_at AND o.id IS DISTINCT FROM NEW.id
      AND (o.override_id IS NOT NULL OR NEW.override_id IS NOT NULL)
      AND NOT {_PAIR}) THEN
    RAISE EXCEPTION 'occupancy_no_overlap' USING ERRCODE = '23P01', CONSTRAINT = 'occupancy_no_overlap';
  END IF;
  RETURN NEW;
END"""

_APPEND_ONLY_BODY = """
BEGIN
  RAISE EXCEPTION '%_append_only', TG_TABLE_NAME USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END"""

_PROTOCOL_BODY = """
BEGIN
  IF EXISTS (SELECT 1 FROM course c WHERE c.protocol_version_id = OLD.id) THEN
    RAISE EXCEPTION 'protocol_version_immutable' USING ERRCODE = '23514', CONSTRAINT = 'protocol_version_immutable';
  END IF;
  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
  RETURN NEW;
END"""

POSTGRES_GUARDS: tuple[Guard, ...] = (
    Guard(
        "occupancy_no_overlap",
        "ALTER TABLE occupancy ADD CONSTRAINT occupancy_no_overlap EXCLUDE USING gist ("
        "int8range(holdable_id::bigint, holdable_id::bigint, '[]') WITH &&, tstzrange(starts_at, ends_at) WITH &&) "
        "WHERE (override_id IS NULL)",
        "ALTER TABLE occupancy DROP CONSTRAINT IF EXISTS occupancy_no_overlap",
    ),
    Guard(
        "occupancy_length",
        "ALTER TABLE occupancy ADD CONSTRAINT occupancy_length CHECK (ends_at > starts_at "
        f"AND ends_at <= starts_at + interval '{LONGEST_SECONDS} seconds')",
        "ALTER TABLE occupancy DROP CONSTRAINT IF EXISTS occupancy_length",
    ),
    *(
        Guard(
            name,
            f"ALTER TABLE shift ADD CONSTRAINT {name} {definition}",
            f"ALTER TABLE shift DROP CONSTRAINT IF EXISTS {name}",
        )
        for name, definition, _ in shift_guards.POSTGRES_CONSTRAINTS
    ),
    _postgres_function("occupancy_override_guard", _OVERRIDE_BODY),
    _postgres_trigger("occupancy_override_guard", "BEFORE INSERT OR UPDATE", "occupancy", "occupancy_override_guard"),
    _postgres_function("refuse_rewriting", _APPEND_ONLY_BODY),
    *(
        _postgres_trigger(f"{table}_append_only", "BEFORE DELETE OR UPDATE", table, "refuse_rewriting")
        for table in APPEND_ONLY
    ),
    *(
        _postgres_trigger(f"{table}_no_truncate", "BEFORE TRUNCATE", table, "refuse_rewriting", "STATEMENT")
        for table in APPEND_ONLY
    ),
    _postgres_function("protocol_version_immutable", _PROTOCOL_BODY),
    _postgres_trigger(
        "protocol_version_immutable", "BEFORE DELETE OR UPDATE", "protocol_version", "protocol_version_immutable"
    ),
    *(
        guard
        for name, table, body in feed_revisions.POSTGRES_TRIGGERS
        for guard in (_postgres_function(name, body), _postgres_trigger(name, "AFTER UPDATE", table, name))
    ),
)


SHIFT_GUARDS = (shift_guards.NAME, shift_guards.LENGTH)


class GuardMissing(RuntimeError):
    """A guard is gone, was changed, or something else may undo its work: serving would risk double bookings."""


def guards_for(connection: Connection) -> tuple[Guard, ...]:
    """The guards of the connection's engine, for the tables that its migration has."""
    guards = SQLITE_GUARDS if connection.dialect.name == "sqlite" else POSTGRES_GUARDS
    found = inspect(connection)
    absent = {table for table in LATER_TABLES if not found.has_table(table)}
    has_rosters = any(column["name"] == ROSTER_COLUMN for column in found.get_columns("shift"))
    return tuple(
        guard
        for guard in guards
        if guard.table not in absent and (has_rosters or not guard.name.startswith(SHIFT_GUARDS))
    )


def install_guards(connection: Connection) -> None:
    """Put every guard in place as this file has it, replacing older ones."""
    remove_guards(connection)
    for guard in guards_for(connection):
        connection.execute(text(guard.create.replace(":", "\\:")))


def remove_guards(connection: Connection) -> None:
    """Take every guard away; for downgrades and for the control run of the race test."""
    for guard in reversed(guards_for(connection)):
        connection.execute(text(guard.drop))


#: Longer names than this are cut when they are told.
_LONGEST_NAME = 63
_SQLITE_TRIGGERS = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
#: Rules can rewrite what is asked of a table just as triggers can. Those of foreign keys are PostgreSQL's own.
_POSTGRES_TRIGGERS = """SELECT t.tgname\\:\\:text, c.relname\\:\\:text FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT t.tgisinternal AND n.nspname = current_schema()
UNION ALL SELECT r.rulename\\:\\:text, c.relname\\:\\:text FROM pg_rewrite r
  JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname = current_schema()"""


def strange_triggers(connection: Connection) -> list[str]:
    """Triggers and rules that are not in this file, as “name on table”.

    On any table: one on `appointment` can empty `occupancy` as well as one on `occupancy` itself.
    """
    sqlite = connection.dialect.name == "sqlite"
    known = {(guard.name, guard.table) for guard in guards_for(connection) if guard.table}
    rows = connection.execute(text(_SQLITE_TRIGGERS if sqlite else _POSTGRES_TRIGGERS))
    return sorted(f"{_told(name)} on {_told(table)}" for name, table in rows if (name, table) not in known)


def _told(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:_LONGEST_NAME]


def _squeeze(definition: str) -> str:
    return re.sub(r"\s+", " ", definition).strip().rstrip(";")


def _live_sqlite(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return {name: _squeeze(sql) for name, sql in rows}


def _live_postgres(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text(
            "SELECT conname\\:\\:text, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid IN (to_regclass('occupancy'), to_regclass('shift')) "
            "UNION ALL SELECT 'trigger ' || c.relname || ' ' || t.tgname, "
            "t.tgenabled\\:\\:text || ' ' || pg_get_triggerdef(t.oid, true) "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE NOT t.tgisinternal AND n.nspname = current_schema() "
            "UNION ALL SELECT 'function ' || proname, provolatile\\:\\:text || ' ' || prosrc FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = current_schema()"
        )
    )
    return {name: _squeeze(definition) for name, definition in rows}


#: As PostgreSQL tells the constraints back; it rewrites what it is given.
_POSTGRES_CONSTRAINTS = {
    "occupancy_no_overlap": "EXCLUDE USING gist (int8range((holdable_id)::bigint, (holdable_id)::bigint, '[]'::text) "
    "WITH &&, tstzrange(starts_at, ends_at) WITH &&) WHERE ((override_id IS NULL))",
    "occupancy_length": "CHECK (((ends_at > starts_at) AND (ends_at <= (starts_at + '24:00:00'::interval))))",
}


def _expected_postgres(guards: tuple[Guard, ...]) -> dict[str, str]:
    expected = dict(_POSTGRES_CONSTRAINTS)
    names = {guard.name for guard in guards}
    expected |= {name: told for name, _, told in shift_guards.POSTGRES_CONSTRAINTS if name in names}
    for guard in guards:
        if "CREATE OR REPLACE FUNCTION" in guard.create:
            # “v”: volatile, so that it sees what others committed while it waited for the row lock.
            expected[f"function {guard.name}"] = _squeeze("v " + guard.create.split("$guard$")[1].strip())
        elif guard.create.startswith("CREATE TRIGGER"):
            expected[f"trigger {guard.table} {guard.name}"] = "O " + guard.create
    return expected


def missing_guards(connection: Connection) -> list[str]:
    """Names of guards that are not in the database exactly as this file has them."""
    guards = guards_for(connection)
    if connection.dialect.name == "sqlite":
        live = _live_sqlite(connection)
        return [guard.name for guard in guards if live.get(guard.name) != _squeeze(guard.create)]
    live = _live_postgres(connection)
    wrong = {name for name, definition in _expected_postgres(guards).items() if live.get(name) != definition}
    return sorted({name.split()[-1] for name in wrong})


def guards_fault(connection: Connection) -> str | None:
    """Why the guards cannot be relied on, and the way out, in a sentence or two; None when they can. Reads only."""
    if missing := missing_guards(connection):
        return (
            f"The database has lost its protection against double booking ({', '.join(missing)}). "
            "Run “flask --app wsgi migrate” before serving."
        )
    if strange := strange_triggers(connection):
        return (
            f"The database has triggers or rules that are not the planner's and may undo its protection "
            f"({', '.join(strange)}). Drop them before serving."
        )
    return None


def check_guards(connection: Connection) -> None:
    """Compare the live guards with this file, then try one overlap that must be refused.

    Call it in a transaction that may be rolled back. Raises GuardMissing.
    """
    if fault := guards_fault(connection):
        raise GuardMissing(fault)
    _demand_refusal(connection)


def _new_id(connection: Connection, statement: Insert) -> int:
    key = connection.execute(statement).inserted_primary_key
    return int(key[0]) if key else 0


def _demand_refusal(connection: Connection) -> None:
    from planner.store.records import Account, Hold, Holdable, HoldableKind, Occupancy

    outer = connection.begin_nested()
    start = datetime(2000, 1, 1, tzinfo=UTC)
    refused = False
    try:
        holdable = _new_id(connection, insert(Holdable).values(kind=HoldableKind.ROOM))
        account = _new_id(
            connection,
            insert(Account).values(
                email="", email_key="guard check", password_hash="", name="", active=False, created_at=start
            ),
        )
        hold = _new_id(connection, insert(Hold).values(account_id=account, expires_at=start, created_at=start))
        row = {"holdable_id": holdable, "hold_id": hold, "starts_at": start, "ends_at": start + timedelta(hours=1)}
        connection.execute(insert(Occupancy).values(**row))
        inner = connection.begin_nested()
        try:
            connection.execute(insert(Occupancy).values(**row))
        except IntegrityError:
            refused = True
        finally:
            inner.rollback()
    finally:
        outer.rollback()
    if not refused:
        raise GuardMissing("The database accepted a double booking in a trial. It must not serve like this.")
