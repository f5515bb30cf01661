"""What the picture of a window is made of: numbers and words only, no drawing.

Positions are per cent of the picture's width.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

# Pixels. With late time the window is a smaller part of the width, so its labels stand on two lines.
PLAIN_HEIGHT, TALL_HEIGHT = 104, 120


@dataclass(frozen=True)
class StripSession:
    """An integration session to draw.

    `fits` is the clinic's verdict; without it the whole session must lie inside the window.
    """

    starts_at: datetime
    ends_at: datetime
    fits: bool | None = None


@dataclass(frozen=True)
class Band:
    """A tinted stretch; tone is `open`, `best` or `late`, which says its own name in the picture."""

    tone: str
    x: float
    width: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True)
class Tick:
    """Local midnight, or the left edge for the first day; `words` is empty when the label would not fit."""

    x: float
    text_x: float
    words: str


@dataclass(frozen=True)
class Edge:
    """A 2 px line with its label; tone is `dose`, `open`, `shut`, `best` or `late`. Lengths are pixels downwards."""

    tone: str
    x: float
    text_x: float
    words: str
    anchor: str
    dx: int
    top: int
    bottom: int
    text_y: int


@dataclass(frozen=True)
class Block:
    """A lettered block: D for a dose, T for an integration session."""

    letter: str
    tone: str
    x: float
    width: float

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True)
class StripDay:
    """One row of the narrow form; tone is `dose`, `best`, `open`, `late` or `none`."""

    tone: str
    words: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class StripModel:
    """All the template needs. `height` is in pixels; a picture with late time has one line of labels more."""

    title: str
    sentence: str
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    edges: tuple[Edge, ...]
    blocks: tuple[Block, ...]
    days: tuple[StripDay, ...]
    height: int = PLAIN_HEIGHT

    @property
    def shows_late(self) -> bool:
        return self.height != PLAIN_HEIGHT
