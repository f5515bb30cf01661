"""Time zones whose rules changed: zone files made of a few bytes, read in place of the pinned ones."""

from __future__ import annotations

import struct
import zoneinfo
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from planner.domain.walltime import zone_named


def zone_file(rule: str) -> bytes:
    """A zone file (RFC 9636) without transitions of its own: for all time it follows `rule`, a POSIX TZ string.

    `CST6` is six hours behind UTC the year round, `CST6CDT,M3.2.0,M11.1.0` what Chicago had in 2025.
    """
    name = rule[:3].encode()
    behind = -3600 * int(rule[3])
    block = struct.pack(">lbb", behind, 0, 0) + name + b"\0"
    head = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, len(name) + 1)
    return head + block + head + block + b"\n" + rule.encode() + b"\n"


def put_zone_files(folder: Path, rules: Mapping[str, str], release: str) -> Path:
    """A folder as PYTHONTZPATH names one, that says which release it is."""
    for zone, rule in rules.items():
        file = folder / zone
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(zone_file(rule))
    (folder / "tzdata.zi").write_text(f"# version {release}\n", encoding="utf-8")
    return folder


@contextmanager
def zone_data(folder: Path) -> Iterator[None]:
    """The zone files of `folder` are in force, and the pinned ones again afterwards."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(folder)])
    _forget()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(to=before)
        _forget()


def _forget() -> None:
    zoneinfo.ZoneInfo.clear_cache()
    zone_named.cache_clear()
