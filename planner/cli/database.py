"""The database on the command line: migrate, look after, copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL, make_url

from planner.cli.doors import Failed, now, refusals, store
from planner.domain.zonedata import zone_data_version
from planner.services.second_factor import unreadable
from planner.services.upkeep import disagreements, overlaps
from planner.services.zone_changes import outdated_sentence
from planner.store import migrate as migrations
from planner.store.engine import Store
from planner.store.guards import GuardMissing, check_guards, guards_fault
from planner.store.queries.audit import history_size


@click.command("migrate")
@with_appcontext
def migrate() -> None:
    """Bring the database to the newest migration and put its guards in place."""
    with refusals():
        migrations.upgrade(store().url)
    click.echo(f"The database is at migration {migrations.head()} and refuses double bookings.")


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@with_appcontext
def backup(file: Path) -> None:
    """Write a checked copy of the database to FILE, which must not exist yet.

    SQLite: a whole copy that was opened, found intact and still guarded. PostgreSQL: a dump for pg_restore.
    """
    if file.exists():
        raise Failed(f"{file} exists already; choose another name.")
    if not file.parent.is_dir():
        raise Failed(f"There is no folder {file.parent}.")
    with refusals():
        url = make_url(store().url)
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(str(url.database), file)
        else:
            _dump_postgres(url, file)
    click.echo(f"{file}: {file.stat().st_size:,} bytes.")


def _copy_sqlite(database: str, file: Path) -> None:
    """By SQLite's own VACUUM INTO: copying a live file could catch it half-written."""
    if not Path(database).is_file():
        raise Failed("There is no database to copy yet.")
    with _folder_beside(file) as folder:
        draft = Path(folder) / "copy.sqlite3"
        connection = sqlite.connect(database, isolation_level=None)
        try:
            connection.execute("VACUUM INTO ?", (str(draft),))
        except sqlite.Error as error:
            raise Failed(f"The database could not be copied: {error}.") from error
        finally:
            connection.close()
        _check_copy(draft)
        draft.chmod(0o600)
        _flush_to_disk(draft)
        draft.rename(file)


def _folder_beside(file: Path) -> tempfile.TemporaryDirectory[str]:
    """An empty folder on the same disk. Raises Failed when nothing can be written there."""
    try:
        return tempfile.TemporaryDirectory(dir=file.parent)
    except OSError as error:
        raise Failed(f"Nothing can be written to {file.parent}: {error.strerror}.") from error


def _check_copy(draft: Path) -> None:
    copy = Store(f"sqlite:///{draft}")
    try:
        with copy.read_engine.connect() as connection:
            found = connection.execute(text("PRAGMA integrity_check")).scalar()
            fault = guards_fault(connection)
    finally:
        copy.dispose()
    if found != "ok":
        raise Failed("The copy is damaged, so it was thrown away; check the disk.")
    if fault:
        raise Failed(f"The copy was thrown away, because it could not be served from. {fault}")


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _dump_postgres(url: URL, file: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise Failed("pg_dump is not installed here; install PostgreSQL's client programs to make a backup.")
    # The address goes in as text without its password, which other users of this machine could read from the
    # list of processes.
    bare = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    address = bare.render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    draft = file.with_name(f".{file.name}.part")
    done = subprocess.run(  # noqa: S603  no shell, and the program is the system's own
        [program, "-Fc", "--no-owner", f"--file={draft}", f"--dbname={address}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        draft.unlink(missing_ok=True)
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise Failed(f"pg_dump could not make the backup: {reason}")
    draft.chmod(0o600)
    draft.rename(file)


@click.command("doctor")
@with_appcontext
def doctor() -> None:
    """Look the database over: engine, migrations, guards, what is held against what is booked, time zone data."""
    faults = 0
    with refusals():
        for what, fault in _findings(store()):
            click.echo(f"{'wrong' if fault else 'ok':<6} {what}" + (f": {fault}" if fault else ""))
            faults += bool(fault)
    if faults:
        raise Failed("Something is wrong with this database." if faults == 1 else f"{faults} things are wrong.")


def _findings(found: Store) -> list[tuple[str, str]]:
    """Each thing looked at, with what is wrong about it or nothing."""
    engine = found.read_engine
    with engine.connect() as connection:
        version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
    findings = [(f"{engine.dialect.name} {version}", "")]
    at, newest = migrations.current(engine), migrations.head()
    behind = "" if at == newest else f"at {at or 'nothing'}, newest is {newest}; run “flask --app wsgi migrate”"
    findings.append((f"migration {at or 'none'}", behind))
    if at is None:
        return findings
    with found.write_engine.connect() as connection:
        findings.append(("refuses double bookings", _guards_fault(connection)))
    with found.reading() as db:
        findings.append(("nobody and nothing is held twice", _counted(overlaps(db), "overlaps")))
        findings.append(("what is held agrees with what is booked", _counted(disagreements(db), "disagree")))
        unreadable_seeds = unreadable(db, current_app.extensions["planner_sealer"])
        findings.append(("second factors can be read", _sealed_with_another_key(unreadable_seeds)))
        findings.append((_history_words(*history_size(db)), ""))
        findings.append((f"time zone data {zone_data_version()}", outdated_sentence(db, now())))
    return findings


def _history_words(lines: int, reads: int) -> str:
    return f"history of {lines:,} lines, {reads:,} of them looks at records and lists"


def _guards_fault(connection: Connection) -> str:
    with connection.begin() as trial:
        try:
            check_guards(connection)
        except GuardMissing as missing:
            return str(missing)
        finally:
            trial.rollback()
    return ""


def _sealed_with_another_key(account_ids: list[int]) -> str:
    if not account_ids:
        return ""
    named = ", ".join(str(number) for number in account_ids[:5])
    return (
        f"{len(account_ids)} were sealed with another SECRET_KEY (accounts {named}); put the former key into "
        "SECRET_KEY_FALLBACKS, or remove each with “flask --app wsgi accounts remove-factor EMAIL”"
    )


def _counted(ids: list[int], word: str) -> str:
    if not ids:
        return ""
    named = ", ".join(str(number) for number in ids[:5])
    return f"{len(ids)} {word} (appointments {named}{', …' if len(ids) > 5 else ''})"
