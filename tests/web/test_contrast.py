"""Contrast of every pair of tokens that meets on a page, computed from the style sheets themselves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "planner" / "web" / "static" / "css"
TEXT, EDGE = 4.5, 3.0
Colour = tuple[float, float, float]

# (what is drawn, what it lies on). A mixture is written as in the style sheets: "bad 7% bg".
TEXT_PAIRS = [
    *((tone, ground) for tone in ("fg", "mut", "accent") for ground in ("bg", "head")),
    *((tone, "bg") for tone in ("bad", "ok", "warn")),
    *(("fg", ground) for ground in ("win-open", "win-open-2", "win-best", "off", "off-2")),
    *(("mut", ground) for ground in ("off", "head 60% bg")),
    *(("on-accent", ground) for ground in ("accent", "bad", "ok", "accent 86% fg", "bad 86% fg")),
    *(("on-block", ground) for ground in ("dose", "integ", "prep")),
    *(("bg", ground) for ground in ("ok", "warn", "bad", "accent", "mut")),
    *(("fg", f"{tone} 9% bg") for tone in ("ok", "warn", "bad", "accent", "mut")),
    *(("mut", f"{tone} 9% bg") for tone in ("ok", "warn", "bad", "accent", "mut")),
    *(("fg", f"{tone} 7% bg") for tone in ("ok", "warn", "bad", "accent")),
    *((tone, "accent 6% bg") for tone in ("fg", "mut", "accent")),
    *((tone, "accent 8% bg") for tone in ("fg", "mut")),
]
EDGE_PAIRS = [
    *(("ctl", ground) for ground in ("bg", "head", "off")),
    *((tone, "bg") for tone in ("accent", "bad", "ok", "warn")),
    *(("win-line", ground) for ground in ("bg", "off", "win-open", "win-open-2", "win-best")),
]
MIXTURE = re.compile(r"(?P<tone>[a-z0-9-]+) (?P<share>\d+)% (?P<ground>[a-z0-9-]+)")


def sheet(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (CSS / f"{name}.css").read_text(encoding="utf-8"), flags=re.DOTALL)


def blocks() -> dict[str, dict[str, str]]:
    """Selector to custom properties, for each rule of tokens.css."""
    found: dict[str, dict[str, str]] = {}
    for selector, body in re.findall(r"(:root[^{]*)\{([^}]*)\}", sheet("tokens")):
        found.setdefault(selector.strip(), {}).update(re.findall(r"--([a-z0-9-]+):\s*([^;]+);", body))
    return found


def palette(theme: str) -> dict[str, str]:
    light = blocks()[":root"]
    return light if theme == "light" else {**light, **blocks()[':root[data-theme="dark"]']}


def colour(words: str, tokens: dict[str, str]) -> Colour:
    """A token, or a mixture of two, as red, green and blue from 0 to 1."""
    if mixture := MIXTURE.fullmatch(words):
        share = int(mixture["share"]) / 100
        tone, ground = colour(mixture["tone"], tokens), colour(mixture["ground"], tokens)
        red, green, blue = (share * a + (1 - share) * b for a, b in zip(tone, ground, strict=True))
        return red, green, blue
    digits = tokens[words].removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (int(digits[n : n + 2], 16) / 255 for n in (0, 2, 4))
    return red, green, blue


def luminance(shade: Colour) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in shade]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(over: Colour, under: Colour) -> float:
    light, dark = sorted((luminance(over), luminance(under)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("over", "under"), TEXT_PAIRS)
def test_text_can_be_read(theme: str, over: str, under: str) -> None:
    tokens = palette(theme)
    assert contrast(colour(over, tokens), colour(under, tokens)) >= TEXT


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("over", "under"), EDGE_PAIRS)
def test_edges_can_be_seen(theme: str, over: str, under: str) -> None:
    tokens = palette(theme)
    assert contrast(colour(over, tokens), colour(under, tokens)) >= EDGE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["bg", "head", "accent", "dose", "win-best", "bad"])
def test_one_of_the_two_rings_of_the_focus_shows_on_anything(theme: str, ground: str) -> None:
    tokens = palette(theme)
    under = colour(ground, tokens)
    assert max(contrast(colour(ring, tokens), under) for ring in ("focus", "focus-2")) >= EDGE


def test_blocks_stand_out_from_the_window_by_colour_or_by_edge() -> None:
    light = palette("light")
    for block in ("dose", "integ", "prep"):
        assert contrast(colour(block, light), colour("win-best", light)) >= EDGE
    assert palette("dark")["block-edge"] == "#e6ebf266", "in dark a block needs its edge"


def test_the_two_dark_blocks_say_the_same() -> None:
    found = blocks()
    assert found[':root:not([data-theme="light"])'] == found[':root[data-theme="dark"]']


def test_every_colour_on_a_page_is_a_token() -> None:
    for name in ("base", "parts", "pages"):
        left = re.findall(r"#[0-9a-fA-F]{3,8}\b", sheet(name))
        assert left == [], f"{name}.css"


def test_muted_text_is_never_put_on_the_strongest_tint() -> None:
    tokens = palette("light")
    assert contrast(colour("mut", tokens), colour("win-best", tokens)) < TEXT, "the rule is no longer needed"
    for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", sheet("parts") + sheet("pages")):
        assert not ("--win-best" in body and "color: var(--mut)" in body), selector


def test_layout_uses_logical_properties_only() -> None:
    physical = re.compile(
        r"(?<![\w-])(margin|padding|border)-(left|right|top|bottom)\b|(?<![\w-])(left|right|top|bottom)\s*:"
        r"|(?<![\w-])(width|height|min-width|max-width|min-height|max-height)\s*:|text-align:\s*(left|right)"
    )
    for name in ("reset", "base", "parts", "pages", "print"):
        rules = re.sub(r"@(media|container|page|bottom-right)[^{]*\{", "{", sheet(name))
        assert [found.group() for found in physical.finditer(rules)] == [], f"{name}.css"


def test_the_layers_are_named_once_and_each_sheet_keeps_to_its_own() -> None:
    assert sheet("reset").lstrip().startswith("@layer reset, tokens, base, parts, pages, print;")
    for name in ("reset", "tokens", "base", "parts", "pages", "print"):
        assert re.findall(r"@layer ([a-z]+) \{", sheet(name)) == [name]
