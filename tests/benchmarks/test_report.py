"""What `make bench` prints can be read and compared."""

import io

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.report import Report, format_figure, measure, percentile


@pytest.mark.parametrize(
    ("figure", "shown"), [(0, "0"), (3, "3"), (0.01234, "0.0123"), (12.345, "12.3"), (1234.56, "1235"), (-2.5, "-2.50")]
)
def test_figures_have_three_digits_that_count(figure: float, shown: str) -> None:
    assert format_figure(figure) == shown


def test_lines_are_aligned_and_compare_with_the_aim() -> None:
    output = io.StringIO()
    report = Report(output)
    report.heading("Planning")
    report.times("one course", [0.010, 0.020, 0.030, 0.100], median_aim=50, p95_aim=50)
    report.line("queries", "equal")
    _, heading, median, worst, equal = output.getvalue().split("\n")[:5]
    assert heading == "Planning"
    assert median.split("  ")[1:2] == ["one course, median of 4"]
    assert median.endswith("20 ms     (0.40 of the aim, 50)")
    assert worst.endswith("100 ms     (2.00 of the aim, 50)")
    assert equal.index("equal") + len("equal") == median.index(" ms")


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 95), percentile([7.0], 95)) == (50.0, 95.0, 7.0)
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_measuring_warms_up_and_keeps_the_last_result() -> None:
    calls = iter(range(10))
    seconds, result = measure(lambda: next(calls), repeat=3, warm_up=2)
    assert (len(seconds), result) == (3, 4)
    assert all(second >= 0 for second in seconds)


def test_an_unknown_benchmark_is_said_to_be_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing-of-the-kind"]) == 1
    assert capsys.readouterr().err == "no benchmark is called nothing-of-the-kind\n"
