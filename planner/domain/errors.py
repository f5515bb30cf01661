"""What can go wrong, in sentences that people can act on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.domain.conflicts import Conflict


class PlannerError(Exception):
    """A refusal with one clear sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class FieldError(PlannerError):
    """Input that cannot be used; `field` names the form field that caused it."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Refused(PlannerError):
    """A change that rules of the clinic forbid; `conflicts` names each rule and who or what is in the way."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__(" ".join(dict.fromkeys(conflict.sentence for conflict in conflicts)))


class StaleVersion(PlannerError):
    """The posted version is older than the stored one: somebody changed it in between."""

    def __init__(self, seen: int, current: int, what: str = "This appointment") -> None:
        self.seen, self.current = seen, current
        super().__init__(f"{what} was changed by somebody else in the meantime. Here is how it is now.")


class NotPermitted(PlannerError):
    """The person may see this, but not do that."""


class NotFound(PlannerError):
    """There is no such thing, or it is not theirs: both answer the same."""

    def __init__(self, sentence: str = "There is nothing here.") -> None:
        super().__init__(sentence)


class LimitReached(PlannerError):
    """So much and no more within a time; `retry_after` is how long until it may go on."""

    def __init__(self, sentence: str, retry_after: timedelta) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class RequestReused(PlannerError):
    """The same idempotency key came with other content."""
