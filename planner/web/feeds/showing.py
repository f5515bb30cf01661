"""The page that shows a new calendar link, once, and the programs it can be added to."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

import segno
from flask import current_app, make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from planner.feeds.links import google_link, outlook_personal_link, outlook_work_link, webcal_link

CALENDAR_NAME: Final = "Appointments"
#: What each button makes a link for: the word it posts, what it says, a hint below it.
APPS: Final = {
    "apple": ("iPhone, iPad or Mac", ""),
    "google": ("Google Calendar", "Use a computer: the Google app on phones cannot add it."),
    "outlook": ("Outlook", ""),
    "other": ("Another app", ""),
}
_APPLE: Final = ("iPhone", "iPad", "Mac")
_SQUARE: Final = 5


@dataclass(frozen=True, slots=True)
class Button:
    """One way to add the calendar."""

    app: str
    words: str
    hint: str


@dataclass(frozen=True, slots=True)
class Way:
    """A link that opens the calendar program with the address in it."""

    words: str
    url: str


def buttons() -> list[Button]:
    """The ways to add a calendar, as the pages offer them."""
    return [Button(app, *words) for app, words in APPS.items()]


def device_called(app: str, taken: list[str]) -> str:
    """What the list of links calls this device: the program, or which Apple device asks; the second has a number."""
    agent = request.user_agent.string
    words = APPS[app][0]
    name = next((kind for kind in _APPLE if kind in agent), "Apple device") if app == "apple" else words
    number = 2
    chosen = name
    while chosen in taken:
        chosen, number = f"{name} {number}", number + 1
    return chosen


def link_page(token: str, app: str, device: str, *, done_url: str | None, ticket: str | None, **more: Any) -> Response:
    """The page with the new link. It has no forms: without a referrer, the protection of forms would refuse them."""
    address = _public(url_for("feeds.calendar", token=token))
    response = make_response(
        render_template(
            "feeds/link.html",
            **{
                "app": app,
                "place": _place(app, device),
                "address": address,
                "ways": _ways(app, address),
                "qr": None if ticket is None else qr_picture(_public(url_for("feeds.add", ticket=ticket))),
                "done_url": done_url,
                "person": None,
                "find_url": None,
                **more,
            },
        )
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _place(app: str, device: str) -> str:
    """Where the calendar goes, as the end of “Add it to ...”."""
    if app == "apple":
        return f"your {device.rstrip(' 0123456789')}"
    return {"google": "Google Calendar", "outlook": "Outlook"}.get(app, "your calendar app")


def qr_picture(address: str) -> str:
    """A QR code as SVG without styles: dark on white in every theme, because readers need it so."""
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn, kind="svg", xmldecl=False, svgns=False, scale=_SQUARE, light="#fff", nl=False
    )
    return drawn.getvalue().decode()


def _public(path: str) -> str:
    base: str = current_app.config["PLANNER_PUBLIC_URL"]
    return (base or request.url_root.rstrip("/")) + path


def _ways(app: str, address: str) -> list[Way]:
    """The programs' own links; none when the planner is not reached by https, which they all ask for."""
    try:
        return {
            "apple": [Way("Open my calendar app", webcal_link(address))],
            "google": [Way("Open Google Calendar", google_link(address))],
            "outlook": [
                Way("Open Outlook.com", outlook_personal_link(address, CALENDAR_NAME)),
                Way("Open Outlook at work or school", outlook_work_link(address, CALENDAR_NAME)),
            ],
            "other": [Way("Open my calendar app", webcal_link(address))],
        }[app]
    except ValueError:
        return []
