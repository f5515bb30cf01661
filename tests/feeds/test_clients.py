import pytest

from planner.feeds.clients import UNKNOWN_CLIENT, client_family


@pytest.mark.parametrize(
    ("user_agent", "family"),
    [
        ("Google-Calendar-Importer", "Google Calendar"),
        ("iOS/18.0 (22A3354) dataaccessd/1.0", "Apple Calendar"),
        ("macOS/13.4 (22F66) dataaccessd/1.0", "Apple Calendar"),
        ("Mac+OS+X/10.15.7 (19H2) CalendarAgent/930.5.1", "Apple Calendar"),
        ("macOS/15.1 (24B83) calaccessd/1.0", "Apple Calendar"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)", "Outlook"),
        ("Microsoft.Exchange.CalendarSubscription/15.20", "Outlook"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.5.0", "Thunderbird"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Lightning/6.2", "Thunderbird"),
        ("Nextcloud Webcal Service", "Nextcloud"),
        ("Mozilla/5.0 (compatible) Nextcloud Webcal Crawler", "Nextcloud"),
        ("ICSx5/2.3 (ical4j/3.2 okhttp/4.12) Android/14", "ICSx5"),
        ("vdirsyncer/0.21.0", "vdirsyncer"),
        ("Fastmail Calendar Sync", "Fastmail"),
        ("curl/8.5.0", UNKNOWN_CLIENT),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", UNKNOWN_CLIENT),
        ("", UNKNOWN_CLIENT),
        (None, UNKNOWN_CLIENT),
        ("<script>alert(1)</script>", UNKNOWN_CLIENT),
        ("x" * 100_000 + "vdirsyncer", UNKNOWN_CLIENT),
    ],
)
def test_a_program_is_named_as_people_know_it(user_agent, family):
    assert client_family(user_agent) == family


def test_an_unknown_program_is_another_app():
    assert UNKNOWN_CLIENT == "Another app"
