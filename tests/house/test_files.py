"""What holds for every file: its size, what it may mention, how it asks for the time, what is left undone."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.sources import ROOT, place, project_files, python_files, tree

LONGEST_FILE = 450

# Written in pieces, so that this file does not contain what it looks for.
HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "np" + "mjs.org",
    "np" + "mjs.com",
    "jsde" + "livr.net",
    "unp" + "kg.com",
    "cdn" + "js.cloudflare",
    "fonts.google" + "apis",
    "fonts.gst" + "atic",
    "esm" + ".sh",
]
MACHINE_PATHS = re.compile("/(" + "wo" + "rk|ro" + "ot|tm" + "p|ho" + r"me/\w+|Use" + r"rs/\w+)/")
UNDONE = re.compile(
    "|".join(
        [
            r"\bTO" + r"DO\b",
            r"\bFIX" + r"ME\b",
            r"\bXX" + r"X\b",
            r"NotImplemented" + r"Error",
            r"pragma: " + r"no cover",
            r"assert " + r"True\b",
            r"type: " + r"ignore(?!\[)",
            r"no" + r"qa(?!:)",
            r"mark\." + r"(skip|xfail)",
            r"pytest\." + r"(skip|xfail|importorskip)",
        ]
    )
)
WAITING = re.compile(r"\bslee" + r"p\(")
CLOCKS = {"now", "utcnow", "today", "utcfromtimestamp", "fromtimestamp"}
BELOW_THE_DOORS = ("domain", "scheduling", "feeds", "store", "services")


def lines_with(pattern: re.Pattern[str], files: "list[Path]") -> list[str]:
    found = []
    for path in files:
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        found += [place(path, number) for number, line in enumerate(lines, 1) if pattern.search(line)]
    return found


def clock_readings(path: Path) -> list[ast.Call]:
    """Calls of datetime.now, date.today and their like; `func.now()` in a query is the database's affair."""
    return [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value).split(".")[-1] in {"datetime", "date"}
    ]


def test_no_file_of_the_product_is_too_long_to_read_at_one_sitting() -> None:
    lengths = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_package_registry_or_a_content_network(host: str) -> None:
    assert lines_with(re.compile(re.escape(host)), list(project_files())) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATHS, list(project_files())) == []


def test_nothing_is_left_undone_or_switched_off() -> None:
    code = [path for path in project_files() if path.suffix in {".py", ".html", ".js", ".css", ".toml"}]
    assert lines_with(UNDONE, code) == []


def test_no_test_waits_for_time_to_pass() -> None:
    tests = [path for path in project_files() if path.name.startswith("test_") and path.suffix == ".py"]
    assert lines_with(WAITING, tests) == []


def test_every_reading_of_the_clock_is_aware_of_its_zone() -> None:
    naive = [
        place(path, call.lineno)
        for path in python_files()
        for call in clock_readings(path)
        if isinstance(call.func, ast.Attribute)
        and (call.func.attr in {"utcnow", "utcfromtimestamp", "today"} or not (call.args or call.keywords))
    ]
    assert naive == []


def test_below_the_doors_the_time_is_an_argument() -> None:
    readings = [
        place(path, call.lineno)
        for path in python_files(*BELOW_THE_DOORS)
        for call in clock_readings(path)
        if isinstance(call.func, ast.Attribute) and call.func.attr != "fromtimestamp"
    ]
    assert readings == []


def requirement_lines() -> list[str]:
    texts = [(ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("app.in", "dev.in")]
    lines = [line for text in texts for line in text.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith(("#", "-r "))]


@pytest.mark.parametrize("line", requirement_lines())
def test_each_requirement_is_exact_and_says_why_it_is_there(line: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+(\[[a-z]+\])?==[0-9][\w.]* +# \S.{10,}", line)


@pytest.mark.parametrize("name", ["app", "dev"])
def test_each_requirement_is_locked_at_its_version_with_hashes_and_no_address(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    direct = [line.split("#")[0].strip() for line in requirement_lines()]
    wanted = {re.sub(r"\[.*\]", "", pin) for pin in direct}
    locked = set(re.findall(r"^([a-z0-9-]+(?:\[[a-z]+\])?==[^\s;]+)", lock, re.MULTILINE))
    assert name == "app" or wanted <= {re.sub(r"\[.*\]", "", pin) for pin in locked}
    assert len(re.findall(r"^[a-z0-9-]+(?:\[[a-z]+\])?==.*\\\n +--hash=", lock, re.MULTILINE)) == len(locked)
    assert "://" not in lock


def test_what_runs_has_the_versions_that_were_tested() -> None:
    locks = [(ROOT / "requirements" / name).read_text(encoding="utf-8") for name in ("app.txt", "dev.txt")]
    app, dev = (set(re.findall(r"^[a-z0-9-]+==[^\s;]+", lock, re.MULTILINE)) for lock in locks)
    assert app <= dev
