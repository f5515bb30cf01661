"""What is wrong with a protocol, said once per field so a form can show it in place."""

from __future__ import annotations

from collections.abc import Iterable

from planner.domain.errors import PlannerError


class ProtocolInvalid(PlannerError):
    """A protocol (or its window rule) breaks one or more rules.

    `problems` holds (dotted path, one clear sentence) pairs in the order they were found; a path is the
    document's own, such as `dose_phases.0.spacing.min_days`, and is empty for the document as a whole.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems: tuple[tuple[str, str], ...] = tuple(problems)
        told = (f"{path}: {sentence}" if path else sentence for path, sentence in self.problems)
        super().__init__(" ".join(told))

    def __reduce__(self) -> tuple[type[ProtocolInvalid], tuple[tuple[tuple[str, str], ...]]]:
        # Without this a pickled copy would be rebuilt from the joined sentence and lose its paths.
        return (ProtocolInvalid, (self.problems,))

    @property
    def paths(self) -> tuple[str, ...]:
        """The dotted paths at fault, in the order found."""
        return tuple(path for path, _ in self.problems)
