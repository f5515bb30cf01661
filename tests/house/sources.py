"""The project's own files, and its Python files read as syntax trees."""

import ast
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLANNER = ROOT / "planner"
# For a copy without git: what .gitignore would have left out.
NOT_OURS = {".git", ".venv", "instance", "__pycache__", ".hypothesis", "test-results"}


@cache
def project_files() -> tuple[Path, ...]:
    """Every file that is tracked or could be: all but what git ignores and what others wrote (vendor)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = [name for name in listed.stdout.split("\0") if name]
    found = [ROOT / name for name in names] if listed.returncode == 0 else _walk(ROOT)
    return tuple(sorted(path for path in found if path.is_file() and "vendor" not in path.parts))


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name in NOT_OURS or path.name.endswith("_cache"):
            continue
        found += _walk(path) if path.is_dir() else [path]
    return found


def python_files(*rooms: str) -> list[Path]:
    """The product's Python files, or those of some of its rooms."""
    folders = [PLANNER / room for room in rooms] or [PLANNER]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """The file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def place(path: Path, line: int | None = None) -> str:
    """A file, and a line in it, as a person would look it up."""
    name = str(path.relative_to(ROOT))
    return name if line is None else f"{name}:{line}"
