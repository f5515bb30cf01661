"""Following changed time zone rules from the command line, and being told to."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from planner.domain.statuses import MOVABLE
from planner.domain.zonedata import zone_data_version
from planner.services.demo import DEMO_SIGN_INS
from planner.store.engine import Store
from planner.store.records import Appointment, AuditEntry, Site
from tests.cli.conftest import NOW, Run
from tests.support.zones import put_zone_files, zone_data

ROOT = Path(__file__).resolve().parents[2]
#: From now on an hour further behind UTC, the year round: what is agreed for today has not begun either.
FOR_GOOD = "MST7"


@pytest.fixture
def zone(store: Store) -> str:
    with store.reading() as db:
        return db.scalars(select(Site.zone).order_by(Site.id)).first() or ""


def future(store: Store) -> dict[int, tuple[object, ...]]:
    with store.reading() as db:
        query = select(Appointment).where(Appointment.starts_at > NOW, Appointment.status.in_(MOVABLE))
        return {row.id: (row.starts_at, row.starts_wall, row.sequence, row.tzdata_version) for row in db.scalars(query)}


def test_a_dry_run_lists_everything_and_changes_nothing(demo: Run, store: Store, zone: str, tmp_path: Path) -> None:
    before = future(store)
    with zone_data(put_zone_files(tmp_path, {zone: FOR_GOOD}, "2027z")):
        listed = demo("upkeep", "zones", "--dry-run")
        assert future(store) == before
        done = demo("upkeep", "zones")
    assert (listed.exit_code, done.exit_code, listed.stderr, done.stderr) == (0, 0, "", "")
    assert listed.stdout.splitlines()[:-1] == done.stdout.splitlines()[:-1]
    assert (listed.stdout.splitlines()[-1], done.stdout.splitlines()[-1]) == ("Nothing was changed.", "Done.")
    head = listed.stdout.splitlines()[0]
    assert head.startswith(f"{zone}, zone data {zone_data_version()} → 2027z: ")
    moved = [line for line in listed.stdout.splitlines() if line.startswith("  move ")]
    assert f"{len(moved)} move, 0 stay" in head
    assert len(moved) > 5
    after = future(store)
    assert sum(after[key] != before[key] and after[key][0] != before[key][0] for key in after) == len(moved)
    assert {row[1] for row in after.values()} == {row[1] for row in before.values()}
    assert {row[3] for row in after.values()} == {"2027z"}


def test_running_it_again_finds_nothing_to_do(demo: Run, store: Store, zone: str, tmp_path: Path) -> None:
    with zone_data(put_zone_files(tmp_path, {zone: FOR_GOOD}, "2027z")):
        demo("upkeep", "zones")
        settled = future(store)
        with store.reading() as db:
            here = len(
                db.scalars(
                    select(Appointment.id).where(
                        Appointment.starts_at > NOW, Appointment.status.in_(MOVABLE), Appointment.zone == zone
                    )
                ).all()
            )
        again = demo("upkeep", "zones")
    assert future(store) == settled
    assert f"{zone}, zone data 2027z: 0 move, 0 stay, {here} are right, 0 shifts move" in again.stdout


def test_doctor_says_that_data_changed_until_it_is_followed(demo: Run, zone: str, tmp_path: Path) -> None:
    at_first = demo("doctor")
    assert at_first.exit_code == 0
    assert f"ok     time zone data {zone_data_version()}" in at_first.stdout
    with zone_data(put_zone_files(tmp_path, {zone: FOR_GOOD}, "2027z")):
        said = "zone data changed from {} to 2027z: run “flask --app wsgi upkeep zones”"
        wrong = demo("doctor")
        demo("upkeep", "zones")
        right = demo("doctor")
    assert wrong.exit_code == 1
    assert f"wrong  time zone data 2027z: {said.format(zone_data_version())}" in wrong.stdout
    assert (right.exit_code, "ok     time zone data 2027z" in right.stdout) == (0, True)


def test_what_has_to_stay_is_listed_with_the_reason_and_the_course(
    demo: Run, store: Store, zone: str, tmp_path: Path
) -> None:
    with store.writing() as db:
        row = db.scalars(
            select(Appointment)
            .where(Appointment.starts_at > NOW, Appointment.status.in_(MOVABLE), Appointment.zone == zone)
            .order_by(Appointment.starts_at)
        ).first()
        assert row is not None
        row.starts_wall = f"{row.starts_wall[:11]}02:30"
        wall, course_id, day = row.starts_wall, row.course_id, row.starts_at
    # Clocks go forward at two that night.
    rule = f"CST6CDT,J{int(f'{day:%j}')},J{int(f'{day:%j}') + 90}"
    with zone_data(put_zone_files(tmp_path, {zone: rule}, "2027z")):
        listed = demo("upkeep", "zones", "--dry-run").stdout
    (stays,) = (line for line in listed.splitlines() if line.startswith("  STAYS"))
    assert f"agreed {wall.replace('T', ' ')}" in stays
    assert "02:30 does not exist" in stays
    assert f"  look at course {course_id} of " in listed


def test_a_coordinator_may_answer_for_it_and_others_may_not(demo: Run, store: Store, zone: str, tmp_path: Path) -> None:
    emails = {role: email for role, email, _ in DEMO_SIGN_INS}
    with zone_data(put_zone_files(tmp_path, {zone: FOR_GOOD}, "2027z")):
        refused = demo("upkeep", "zones", "--as", emails["nurse"])
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert demo("upkeep", "zones", "--as", emails["coordinator"]).exit_code == 0
    with store.reading() as db:
        lines = db.scalars(select(AuditEntry).where(AuditEntry.action == "zone.followed")).all()
    assert {line.roles for line in lines} == {"coordinator"}
    assert zone in {line.detail["zone"] for line in lines}


def test_a_server_that_starts_says_so_and_serves(demo_url: str, store: Store, zone: str, tmp_path: Path) -> None:
    put_zone_files(tmp_path, {zone: FOR_GOOD}, "2099z")
    with store.writing() as db:
        for row in db.scalars(select(Appointment)):
            row.starts_at, row.ends_at = (at.replace(year=at.year + 50) for at in (row.starts_at, row.ends_at))
    ask = "import wsgi; print(wsgi.app.name)"
    environment = {"DATABASE_URL": demo_url, "SECRET_KEY": "only for tests", "PYTHONTZPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", ask], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, "planner\n"), done.stderr
    assert done.stderr == (
        f"Zone data changed from {zone_data_version()} to 2099z: run “flask --app wsgi upkeep zones”.\n"
    )
