"""The arrows between the rooms hold, and the contract that says so can fail."""

import ast
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.house.sources import PLANNER, ROOT, place, python_files, tree

LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# One import per contract that the contract has to refuse: where it is planted, and what it says.
PLANTED = {
    "arrows": ("domain", "import planner.store"),
    "feeds": ("feeds", "import planner.scheduling"),
    "pages": ("web", "import planner.store.records"),
    "commands": ("cli", "import planner.feeds"),
    "flask": ("services", "import flask"),
    "database": ("scheduling", "import sqlalchemy"),
    "calendars": ("store", "import icalendar"),
}
ALLOWED_FROM_OUTSIDE = {"domain": {"planner.domain"}, "scheduling": {"planner.scheduling", "planner.domain"}}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200", "PYTHONUTF8": "1"},
    )


def contracts() -> dict[str, str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}


def test_the_rooms_keep_their_contracts() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_refuses_what_it_is_there_for(tmp_path: Path) -> None:
    assert set(PLANTED) == set(contracts()), "each contract needs a planted import, and each one a contract"
    shutil.copytree(PLANNER, tmp_path / "planner", ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for room, statement in PLANTED.values():
        (tmp_path / "planner" / room / "planted.py").write_text(f"{statement}\n", encoding="utf-8")

    done = lint_imports(tmp_path)

    assert done.returncode == 1, done.stdout + done.stderr
    kept = [name for name in contracts().values() if f"{name} BROKEN" not in done.stdout]
    assert kept == [], done.stdout


@pytest.mark.parametrize("room", sorted(ALLOWED_FROM_OUTSIDE))
def test_the_pure_rooms_use_the_standard_library_only(room: str) -> None:
    strangers = [
        f"{place(path, line)} imports {name}"
        for path in python_files(room)
        for line, name in imported_names(tree(path))
        if name.split(".")[0] not in sys.stdlib_module_names
        and not any(name == own or name.startswith(own + ".") for own in ALLOWED_FROM_OUTSIDE[room])
    ]
    assert strangers == []


def imported_names(module: ast.Module) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            base = node.module or ""
            found += [(node.lineno, base if base != "planner" else f"planner.{a.name}") for a in node.names]
    return found
