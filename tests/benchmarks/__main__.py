"""Run the benchmarks: `python -m tests.benchmarks`, or with names to run only those that contain one."""

import os
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

from tests.benchmarks.report import Report


def names(wanted: list[str]) -> list[str]:
    """The benchmark modules, in the order of their names."""
    found = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    benchmarks = sorted(name for name in found if name.startswith("bench_"))
    return [name for name in benchmarks if not wanted or any(part in name for part in wanted)]


def main(wanted: list[str]) -> int:
    """Run them and print their figures; 1 when there is nothing to run."""
    chosen = names(wanted)
    if not chosen:
        print(f"no benchmark is called {' or '.join(wanted) or 'bench_*.py'}", file=sys.stderr)
        return 1
    report = Report()
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors")
    for name in chosen:
        module = import_module(f"tests.benchmarks.{name}")
        report.heading((module.__doc__ or name).strip().splitlines()[0])
        module.run(report)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
