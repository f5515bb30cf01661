"""The test browser: three widths, scripts on or off, and no way out of this machine."""

import pytest
from playwright.sync_api import Browser, Error

from tests.support.chromium import VIEWPORTS, screen
from tests.support.hello import app
from tests.support.server import serve


@pytest.mark.parametrize("width", VIEWPORTS)
def test_pages_open_at_the_width_asked_for(browser: Browser, width: int) -> None:
    with serve(app) as server, screen(browser, width, base_url=server.url) as context:
        page = context.new_page()
        page.goto("/")
        assert page.evaluate("window.innerWidth") == width
        assert page.inner_text("#out") == "scripted"


def test_scripts_can_be_off(browser: Browser) -> None:
    with serve(app) as server, screen(browser, 390, scripts=False, base_url=server.url) as context:
        page = context.new_page()
        page.goto("/")
        assert page.inner_text("#out") == "plain"


def test_other_machines_cannot_be_reached(browser: Browser) -> None:
    with screen(browser) as context:
        page = context.new_page()
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://example.org/")
