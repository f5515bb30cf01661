"""The table of figures that `make bench` prints."""

import math
import sys
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TextIO, TypeVar

Result = TypeVar("Result")


class Report:
    """Prints one aligned line per figure as soon as it is known."""

    def __init__(self, output: TextIO | None = None) -> None:
        self._output = output or sys.stdout

    def heading(self, text: str) -> None:
        """Start a group of figures."""
        print(f"\n{text}", file=self._output, flush=True)

    def line(self, name: str, figure: float | str, unit: str = "", *, aim: float | None = None) -> None:
        """One figure in its unit; with an aim, also figure/aim, where up to 1.00 is good."""
        shown = figure if isinstance(figure, str) else format_figure(figure)
        ratio = ""
        if aim and not isinstance(figure, str):
            ratio = f"({figure / aim:.2f} of the aim, {format_figure(aim)})"
        print(f"  {name:<58} {shown:>10} {unit:<6} {ratio}".rstrip(), file=self._output, flush=True)

    def times(
        self,
        name: str,
        seconds: Sequence[float],
        *,
        median_aim: float | None = None,
        p95_aim: float | None = None,
    ) -> None:
        """Median and 95th percentile of measured times, both shown in milliseconds; the aims too."""
        self.line(f"{name}, median of {len(seconds)}", percentile(seconds, 50) * 1000, "ms", aim=median_aim)
        self.line(f"{name}, 95th percentile", percentile(seconds, 95) * 1000, "ms", aim=p95_aim)


def format_figure(figure: float) -> str:
    """Three or more significant digits, without exponents: 0.123, 12.3, 1234."""
    if figure == 0 or float(figure).is_integer():
        return str(int(figure))
    digits = max(0, 2 - math.floor(math.log10(abs(figure))))
    return f"{figure:.{min(digits, 6)}f}"


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of them do not exceed. Raises ValueError for no values."""
    if not values:
        raise ValueError("no values, so no percentile")
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def measure(work: Callable[[], Result], *, repeat: int, warm_up: int = 1) -> tuple[list[float], Result]:
    """Seconds taken by each of `repeat` calls, after `warm_up` that do not count, and the last result.

    Raises ValueError for no calls.
    """
    if repeat < 1:
        raise ValueError("nothing is measured by not running it")
    for _ in range(warm_up):
        work()
    seconds = []
    for _ in range(repeat):
        started = perf_counter()
        result = work()
        seconds.append(perf_counter() - started)
    return seconds, result
