"""The kit in a real browser: accessible, quiet and whole at every width, in light and dark, under the strict policy."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.axe import assert_accessible, assert_readable, axe_faults, sideways_overflow
from tests.support.chromium import screen
from tests.support.server import serve
from tests.web.kit_app import ERRORS, ROOT, make_kit_app

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

STATIC = ROOT / "planner" / "web" / "static"
WIDTHS = (320, 390, 768, 1440)
PAGES = ("staff", "patient", "plain", "paper")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve(make_kit_app()) as server:
        yield server.url


@contextmanager
def opened(browser: Browser, address: str, width: int = 1440, *, scripts: bool = True) -> Iterator[Page]:
    """A page whose console must stay silent; a refused form's own status is no complaint."""
    complaints: list[str] = []
    nearest = width if width in (390, 768, 1440) else 390
    with screen(browser, nearest, scripts=scripts, base_url=address) as context:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on(
            "console",
            lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: None if request.url.startswith(address) else complaints.append(request.url),
        )
        yield page
    assert [text for text in complaints if "422" not in text] == []


def with_theme(name: str, theme: str) -> str:
    return f"/{name}?theme={theme}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_the_kit_is_accessible_and_fits(browser: Browser, address: str, name: str, width: int) -> None:
    with opened(browser, address, width) as page:
        page.goto(with_theme(name, "light"))
        assert_accessible(page)
        page.goto(with_theme(name, "dark"))
        assert_readable(page)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_roomy_form_fits_too(browser: Browser, address: str, width: int) -> None:
    with opened(browser, address, width) as page:
        page.goto("/staff?density=roomy")
        assert sideways_overflow(page) == 0
        assert axe_faults(page, only=("target-size", "color-contrast")) == []


def test_the_devices_own_wish_for_dark_gives_the_same_colours_as_the_choice(browser: Browser, address: str) -> None:
    colours = "getComputedStyle(document.body.parentElement).backgroundColor"
    with opened(browser, address) as page:
        page.goto("/staff?theme=dark")
        chosen = page.evaluate(colours)
        page.emulate_media(color_scheme="dark")
        page.goto("/staff")
        assert page.evaluate(colours) == chosen
        page.goto("/staff?theme=light")
        assert page.evaluate(colours) != chosen


def test_error_pages_are_accessible_and_show_no_traces(browser: Browser, address: str) -> None:
    with opened(browser, address, 390) as page:
        for code in ERRORS:
            page.goto(f"/fault/{code}")
            if code == ERRORS[0]:  # they share one layout; a second look at its markup would find nothing new
                assert_accessible(page)
            words = page.inner_text("main")
            assert str(code) not in words
            assert not re.search(r"(?i)\berror\b|invalid|traceback|administrator", words)


def test_axe_really_looks(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/plain")
        page.evaluate("document.querySelector('label').remove()")
        assert any(line.startswith("label") for line in axe_faults(page))


def test_nothing_overflows_with_text_spacing_or_when_zoomed(browser: Browser, address: str) -> None:
    with opened(browser, address, 390) as page:
        for name in PAGES:
            page.goto(f"/{name}")
            page.evaluate(
                """() => { for (const e of document.querySelectorAll('body *')) {
                     e.style.letterSpacing = '.12em'; e.style.wordSpacing = '.16em'; e.style.lineHeight = '1.5'; } }"""
            )
            assert sideways_overflow(page) == 0, name


def test_every_tab_stop_shows_its_focus_and_there_is_no_trap(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        seen = []
        for _ in range(200):
            page.keyboard.press("Tab")
            here = page.evaluate(
                """() => { const e = document.activeElement; if (e === document.body) return null;
                     const ringed = e.matches('.choice input') ? e.nextElementSibling : e;
                     const style = getComputedStyle(ringed), box = e.getBoundingClientRect();
                     return { name: e.outerHTML.slice(0, 90), width: parseFloat(style.outlineWidth),
                              shown: style.outlineStyle !== 'none',
                              inView: box.bottom > 0 && box.top < innerHeight }; }"""
            )
            if here is None:
                break
            assert here["shown"], here
            assert here["width"] >= 3, here
            assert here["inView"], here
            seen.append(here["name"])
        assert len(seen) > 30, "the page was not walked to its end"


def test_targets_of_the_patient_are_44_pixels_high(browser: Browser, address: str) -> None:
    with opened(browser, address, 390) as page:
        page.goto("/patient")
        small = page.evaluate(
            """() => [...document.querySelectorAll('main a, main button, main label, footer a, footer button, nav a')]
                 .filter(e => e.getBoundingClientRect().height < 44 && !e.closest('.before'))
                 .map(e => e.outerHTML)"""
        )
        assert small == []


def test_a_refused_form_is_shown_in_place_with_the_focus_on_its_summary(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        page.locator("#reason").fill("kept as it was")
        page.get_by_role("button", name="See what changes").click()
        page.locator("#error-summary").wait_for()
        assert page.title() == "Error: P-104 - Northfield Clinic"
        assert page.evaluate("document.activeElement.id") == "error-summary"
        assert page.locator("#reason").input_value() == "kept as it was"
        assert_accessible(page)
        page.get_by_role("link", name="Choose where the session is held").click()
        assert page.evaluate("document.activeElement.id") == "mode-0"


def test_the_same_form_works_without_scripts(browser: Browser, address: str) -> None:
    with opened(browser, address, scripts=False) as page:
        page.goto("/staff")
        page.locator("#reason").fill("kept as it was")
        page.get_by_role("button", name="See what changes").click()
        assert page.title() == "Error: P-104 - Northfield Clinic"
        assert page.locator("#reason").input_value() == "kept as it was"
        assert page.evaluate("document.activeElement.id") == "error-summary"


def test_a_form_that_was_sent_cannot_be_sent_again(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        sent: list[str] = []

        def answer_nothing(route: Route) -> None:
            sent.append(route.request.url)
            route.fulfill(status=204)  # the browser stays on the page, as it does while a slow answer is awaited

        page.route("**/undo", answer_nothing)
        page.evaluate(
            """() => { const b = [...document.querySelectorAll('button')].find(b => b.textContent === 'Undo');
                 b.click(); b.click(); b.click(); }"""
        )
        page.get_by_role("button", name="Saving...").wait_for()
        assert len(sent) == 1


def test_the_chosen_date_is_written_back_with_its_day(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        assert page.locator("#day-day").inner_text() == "Tuesday 24 November"
        page.locator("#day").fill("2026-11-26")
        assert page.locator("#day-day").inner_text() == "Thursday 26 November"


def test_the_person_menu_opens_and_closes_from_the_keyboard(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        page.locator(".person-button").press("Enter")
        assert page.get_by_role("button", name="Sign out").is_visible()
        assert_accessible(page)
        page.keyboard.press("Escape")
        assert not page.get_by_role("button", name="Sign out").is_visible()


def test_the_sign_out_warning_comes_after_its_minutes_and_one_press_stays(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.clock.install()
        page.goto("/staff")
        page.clock.run_for(12 * 60_000)
        assert not page.locator("#sign-out-warning").is_visible()
        page.clock.run_for(2 * 60_000)
        assert page.locator("#sign-out-warning").is_visible()
        with page.expect_request("**/staff"):
            page.get_by_role("button", name="Stay signed in").click()
        assert not page.locator("#sign-out-warning").is_visible()


def test_the_window_is_a_picture_when_wide_and_a_list_when_narrow(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.goto("/staff")
        strip = page.locator("#strip-1")
        assert strip.locator("svg").is_visible()
        assert not strip.locator(".strip-days").is_visible()
        assert "cut short by infusion 3" in strip.locator("figcaption").inner_text()
        page.set_viewport_size({"width": 390, "height": 900})
        assert not strip.locator("svg").is_visible()
        assert "Preferred from 05:10" in strip.locator(".strip-days").inner_text()


def test_labels_of_the_window_do_not_touch_each_other(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        for width in (768, 1024, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto("/staff")
            touching = page.evaluate(
                """() => [...document.querySelectorAll('.strip-wide')].flatMap(svg => {
                     const labels = [...svg.querySelectorAll('text')]
                       .map(t => ({ words: t.textContent, box: t.getBoundingClientRect() }));
                     const meet = (p, q) => p.left < q.right && q.left < p.right
                       && p.top + 3 < q.bottom && q.top + 3 < p.bottom;
                     return labels.flatMap((a, i) => labels.slice(i + 1)
                       .filter(b => meet(a.box, b.box)).map(b => a.words + ' / ' + b.words)); })"""
            )
            assert touching == [], width


def test_kinds_are_told_apart_without_colours(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.emulate_media(forced_colors="active")
        page.goto("/staff")
        letters = page.locator(".timeline .kind b").all_inner_texts()
        assert letters == ["P", "D", "T", "D", "T", "D"]
        edge = "getComputedStyle(document.querySelector('.timeline .kind b')).borderTopStyle"
        assert page.evaluate(edge) == "solid"


def test_print_has_no_navigation_and_no_buttons(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.emulate_media(media="print")
        page.goto("/staff")
        for part in (".main-nav", ".button.primary", ".person", "#status", ".skip"):
            assert not page.locator(part).first.is_visible(), part
        assert page.get_by_role("heading", level=1).is_visible()
        assert page.locator(".table tbody tr").first.is_visible()


def test_patient_pages_load_no_script_and_say_who_to_call(address: str) -> None:
    client = make_kit_app().test_client()
    words = client.get("/patient").get_data(as_text=True)
    assert "<script" not in words
    assert "hx-" not in words
    assert "Not feeling safe?" in words
    assert "Who to call" in words


@pytest.mark.parametrize("name", ["staff", "patient", "plain", "paper"])
def test_each_layout_has_one_heading_one_main_one_status_and_a_skip_link(name: str) -> None:
    words = make_kit_app().test_client().get(f"/{name}").get_data(as_text=True)
    assert words.count("<h1") == 1
    assert words.count("<main") == 1
    assert words.count('role="status"') == (0 if name == "paper" else 1)
    assert '<html lang="en"' in words
    assert 'class="skip" href="#main"' in words
    ids = re.findall(r'\sid="([^"]+)"', words)
    assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)


def test_a_form_carries_its_token_key_and_version() -> None:
    words = make_kit_app().test_client().get("/staff").get_data(as_text=True)
    form = words[words.index('<div id="kit-form">') :]
    assert '<input type="hidden" name="csrf_token" value="made-up-token">' in form
    assert '<input type="hidden" name="idempotency_key" value="key-1">' in form
    assert '<input type="hidden" name="seen_version" value="3">' in form


def test_text_of_people_is_escaped() -> None:
    app = make_kit_app()
    with app.test_request_context():
        notice = app.jinja_env.get_template("components/status.html").module.notice  # type: ignore[attr-defined]
        assert "&lt;b&gt;" in str(notice("ok", "<b>bold</b>"))


def packed(*names: str) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)


def test_styles_and_scripts_stay_small() -> None:
    shared = [f"css/{sheet}.css" for sheet in ("reset", "tokens", "base", "parts", "print")]
    assert packed(*shared) < 10_000
    assert packed(*shared, "css/pages.css") < 12_000
    assert packed("js/app.js") < 3_000
    assert packed("js/app.js", "vendor/htmx.min.js", "vendor/hx-csp.min.js") < 25_000


@pytest.mark.parametrize("folder", [STATIC / "vendor", ROOT / "tests" / "vendor" / "axe"], ids=["htmx", "axe"])
def test_files_of_others_are_what_their_list_says(folder) -> None:
    listed = re.findall(r"\| `([^`]+\.js)` \|.*`([0-9a-f]{64})` \|", (folder / "README.md").read_text())
    assert sorted(name for name, _ in listed) == sorted(path.name for path in folder.glob("*.js"))
    for name, checksum in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == checksum, name


def test_a_trail_of_links_ends_in_words_and_not_in_a_mark(browser: Browser, address: str) -> None:
    marks = """() => { const trail = document.querySelector('.crumbs ol');
      trail.append(trail.lastElementChild.cloneNode(true));
      return [...trail.children].map(li => ['::before', '::after'].map(part => getComputedStyle(li, part).content)) }"""
    with opened(browser, address) as page:
        page.goto("/staff")
        assert page.evaluate(marks) == [["none", "none"], ['"›"', "none"]]
