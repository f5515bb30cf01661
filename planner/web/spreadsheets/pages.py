"""What the pages of an import say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from planner.services.spreadsheets.columns import Kind
from planner.services.spreadsheets.kinds import KINDS
from planner.services.spreadsheets.progress import Progress
from planner.services.spreadsheets.runs import GONE, SHOWN_FAULTS, STALE, Run

STATE_WORDS = {
    "waiting": "waiting to be read",
    "checking": "being read",
    "checked": "checked, not written yet",
    "writing": "being written",
    "done": "brought in",
    "failed": "not brought in",
    "stopped": "stopped",
}


@dataclass(frozen=True, slots=True)
class RunLine:
    """One import in a list."""

    id: int
    title: str
    words: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunPage:
    """One import, as its page shows it."""

    run: Run
    kind: Kind
    state: str
    version: int
    headline: str
    sentence: str
    counted: str
    is_running: bool
    is_cut_short: bool
    faults: Sequence[tuple[int, str, str]]
    more_faults: int
    notes: Sequence[str]
    asks_order: bool
    counts: Sequence[tuple[str, str]]
    button: str


def run_line(run: Run, now: datetime) -> RunLine:
    """One import in the list of all."""
    words = STATE_WORDS["stopped"] if is_cut_short(run, None, now) else STATE_WORDS[run.state.value]
    return RunLine(run.id, KINDS[run.kind].title, words, run.created_at)


def is_cut_short(run: Run, progress: Progress | None, now: datetime) -> bool:
    """Whether whoever worked on it is gone."""
    told = progress.read(run.id) if progress is not None else None
    seen = max(run.seen_at, told.at) if told else run.seen_at
    return run.is_unfinished and seen <= now - STALE


def run_page(run: Run, faults: Sequence[tuple[int, str, str]], progress: Progress, now: datetime) -> RunPage:
    """Everything the page of one import shows."""
    kind = KINDS[run.kind]
    cut = is_cut_short(run, progress, now)
    summary = run.summary
    changes = int(summary.get("new", 0)) + int(summary.get("changed", 0))
    return RunPage(
        run=run,
        kind=kind,
        state=run.state.value,
        version=run.version,
        headline=_headline(run, kind, cut),
        sentence=GONE if cut else str(summary.get("sentence", "")),
        counted=_counted(run, progress),
        is_running=run.is_unfinished and not cut,
        is_cut_short=cut,
        faults=faults[:SHOWN_FAULTS],
        more_faults=max(0, len(faults) - SHOWN_FAULTS),
        notes=tuple(str(note) for note in summary.get("notes", ())),
        asks_order=bool(summary.get("asks_order")),
        counts=_counts(summary),
        button=f"Import {kind.count_words(changes)}" if changes else "",
    )


def _headline(run: Run, kind: Kind, cut: bool) -> str:
    if cut:
        return f"{kind.title}: cut short"
    if run.state.value == "checked":
        if run.summary.get("asks_order"):
            return f"{kind.title}: which number is the day?"
        if run.problem_count:
            return f"{kind.title}: {run.problem_count:,} of {run.total:,} lines have to be put right"
        return f"{kind.title}: every line is good"
    return f"{kind.title}: {STATE_WORDS[run.state.value]}"


def _counted(run: Run, progress: Progress) -> str:
    told = progress.read(run.id)
    done, total = (told.done, told.total) if told else (run.done, run.total)
    if run.state.value == "writing":
        return f"{done:,} of {total:,} written" if total else "Checking once more"
    if not total:
        return f"{done:,} lines read" if done else "Starting"
    return f"{done:,} of {total:,} lines checked"


def _counts(summary: object) -> Sequence[tuple[str, str]]:
    if not isinstance(summary, dict) or "new" not in summary:
        return ()
    return tuple(
        (words, f"{int(summary.get(key, 0)):,}")
        for key, words in (("new", "New"), ("changed", "Changed"), ("same", "Unchanged"))
    )
