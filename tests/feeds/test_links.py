from urllib.parse import parse_qs, urlsplit

import pytest

from planner.feeds.links import google_link, outlook_personal_link, outlook_work_link, webcal_link

ADDRESS = "https://calendar.example.test/c/AbC-_123/appointments.ics"
EVERY_LINK = [
    webcal_link,
    google_link,
    lambda address: outlook_personal_link(address, "Appointments"),
    lambda address: outlook_work_link(address, "Appointments"),
]


def test_webcal_is_the_same_address_under_another_scheme():
    assert webcal_link(ADDRESS) == "webcal://calendar.example.test/c/AbC-_123/appointments.ics"


def test_google_gets_the_webcal_form_quoted_whole():
    assert google_link(ADDRESS) == (
        "https://calendar.google.com/calendar/r?cid="
        "webcal%3A%2F%2Fcalendar.example.test%2Fc%2FAbC-_123%2Fappointments.ics"
    )


@pytest.mark.parametrize(
    ("link", "host"), [(outlook_personal_link, "outlook.live.com"), (outlook_work_link, "outlook.office.com")]
)
def test_outlook_gets_the_https_form_and_a_name(link, host):
    parts = urlsplit(link(ADDRESS, "A & B=1\r\n\u00e9"))

    assert (parts.scheme, parts.netloc, parts.path) == ("https", host, "/calendar/0/addfromweb")
    assert parse_qs(parts.query) == {"url": [ADDRESS], "name": ["A & B=1 \u00e9"]}
    assert "+" not in parts.query


@pytest.mark.parametrize("link", EVERY_LINK)
@pytest.mark.parametrize(
    "address",
    [
        "http://calendar.example.test/c/x/appointments.ics",
        "webcal://calendar.example.test/c/x/appointments.ics",
        "javascript:alert(1)",
        "//calendar.example.test/c/x/appointments.ics",
        "https:///c/x/appointments.ics",
        "https://someone@calendar.example.test/c/x/appointments.ics",
        "https://calendar.example.test/c/x y/appointments.ics",
        "https://calendar.example.test/c/x\r\nX: 1/appointments.ics",
        "",
    ],
)
def test_anything_but_a_feeds_https_address_is_refused(link, address):
    with pytest.raises(ValueError, match="Not the address of a feed"):
        link(address)


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "localhost", "[::1]:5000"])
def test_this_machine_may_be_tried_without_https(host):
    assert webcal_link(f"http://{host}/c/x/appointments.ics") == f"webcal://{host}/c/x/appointments.ics"
