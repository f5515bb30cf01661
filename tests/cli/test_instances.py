"""Planning instances on the command line: brought in, planned, written out, refused in sentences."""

import json
from pathlib import Path

import pytest

from planner.services.instances.parsing import parse_instance
from tests.cli.conftest import Run
from tests.support.instances import FILES, content_of, document_of
from tests.support.plan_checker import broken_rules

PASSWORD = "made-up words for tests"
TRAP = "a14-greedy-trap"


@pytest.fixture
def staffed(run: Run) -> Run:
    """On a database with an admin and a coordinator, and nothing else."""
    for role in ("admin", "coordinator"):
        who = f"{role}@clinic.example"
        made = run("accounts", "create", who, "--name", f"Test {role}", "--role", role, typed=f"{PASSWORD}\n")
        assert made.exit_code == 0, made.stderr
    return run


def test_an_instance_from_the_file_to_the_plan(staffed: Run, tmp_path: Path) -> None:
    came = staffed("instances", "import", str(FILES / f"{TRAP}.json"), "--as", "admin@clinic.example")
    assert came.exit_code == 0, came.stderr
    assert "2 patients" in came.stdout
    planned = staffed("instances", "plan", "--as", "coordinator@clinic.example", "--on", "2027-01-31")
    assert planned.stdout == "2 planned, 0 not.\n"
    for name, more in (("instance", ()), ("plan", ("--plan",))):
        out = staffed(
            "instances", "export", str(tmp_path / f"{name}.json"), "--as", "coordinator@clinic.example", *more
        )
        assert out.exit_code == 0, out.stderr
    assert parse_instance((tmp_path / "instance.json").read_bytes()) == parse_instance(content_of(TRAP))
    assert broken_rules(document_of(TRAP), json.loads((tmp_path / "plan.json").read_bytes())) == []


def test_who_is_left_over_is_told_with_the_reasons(staffed: Run) -> None:
    name = "a05-weekend-infeasible"
    assert not staffed("instances", "import", str(FILES / f"{name}.json"), "--as", "admin@clinic.example").exit_code
    told = staffed("instances", "plan", "--as", "coordinator@clinic.example", "--on", "2027-01-10").stdout.splitlines()
    assert told[0].startswith("p1: No nurse has a free place often enough.")
    assert told[1] == "0 planned, 1 not."


def test_every_fault_of_a_file_is_a_line(staffed: Run, tmp_path: Path) -> None:
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(document_of(TRAP) | {"grid_min": 0, "holidays": ["soon"]}))
    refused = staffed("instances", "import", str(file), "--as", "admin@clinic.example")
    assert refused.exit_code == 1
    assert [line.split(":")[0] for line in refused.stderr.splitlines()] == ["grid_min", "holidays[0]"]


def test_a_clinic_in_use_and_the_wrong_account_are_refused(staffed: Run) -> None:
    file = str(FILES / f"{TRAP}.json")
    refused = staffed("instances", "import", file, "--as", "coordinator@clinic.example")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert staffed("instances", "export", "-", "--as", "coordinator@clinic.example").exit_code == 1
    assert staffed("instances", "import", file, "--as", "admin@clinic.example").exit_code == 0
    again = staffed("instances", "import", file, "--as", "admin@clinic.example")
    assert again.exit_code == 1
    assert "sites or patients already" in again.stderr
