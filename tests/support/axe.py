"""Accessibility checks inside a real page, under the page's own policy.

axe-core is evaluated through the browser's debugging channel in an isolated world: no script tag is added, so the
Content-Security-Policy stays on and real faults stay visible. The copy of axe is kept in tests/vendor/axe.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).resolve().parents[1] / "vendor" / "axe" / "axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


@cache
def _axe_source() -> str:
    return AXE.read_text(encoding="utf-8")


def axe_faults(page: Page, only: tuple[str, ...] = ()) -> list[str]:
    """What axe finds on the page as it stands now, one line for each faulty element.

    `only` names single rules of axe, such as "color-contrast"; without it all of RULES are looked at.
    """
    page.wait_for_load_state("load")  # a page whose style sheets are on their way has faults of its own
    chosen = {"type": "rule", "values": list(only)} if only else {"type": "tag", "values": list(RULES)}
    channel = page.context.new_cdp_session(page)
    try:
        frame = channel.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = channel.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})
        context = world["executionContextId"]
        _evaluate(channel, context, _axe_source() + "\n;true")
        options = json.dumps({"runOnly": chosen, "resultTypes": ["violations"]})
        found = json.loads(_evaluate(channel, context, f"axe.run(document, {options}).then(JSON.stringify)"))
    finally:
        channel.detach()
    return [
        f"{violation['id']} ({violation['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def _evaluate(channel: Any, context: int, source: str) -> Any:
    answer = channel.send(
        "Runtime.evaluate",
        {"expression": source, "contextId": context, "awaitPromise": True, "returnByValue": True},
    )
    if "exceptionDetails" in answer:
        raise AssertionError(f"axe did not run: {answer['exceptionDetails']}")
    return answer["result"].get("value")


def sideways_overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window; 0 is right."""
    page.wait_for_load_state("load")
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def assert_readable(page: Page) -> None:
    """No fault of contrast: enough for a second look at the same page in the other theme."""
    faults = axe_faults(page, only=("color-contrast",))
    assert not faults, f"{page.url}: {len(faults)} faults\n" + "\n".join(faults)


def assert_accessible(page: Page) -> None:
    """No axe fault (A and AA to 2.2, best practice) and no sideways scrolling, at the page's present width."""
    faults = axe_faults(page)
    assert not faults, f"{page.url}: {len(faults)} faults\n" + "\n".join(faults)
    assert sideways_overflow(page) == 0, f"{page.url} scrolls sideways by {sideways_overflow(page)} px"
