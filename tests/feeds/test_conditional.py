from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.feeds.conditional import etag, not_modified, parse_http_date
from tests.feeds.samples import utc

DAY = date(2026, 11, 24)
TAG = etag(1, 2, 3, DAY)
CHANGED = utc(2026, 11, 24, 9, 30, 0)


def test_the_tag_is_weak_and_known_from_counters_alone():
    assert TAG == 'W/"1-2-3-20261124"'


@pytest.mark.parametrize(
    "other",
    [etag(2, 2, 3, DAY), etag(1, 3, 3, DAY), etag(1, 2, 4, DAY), etag(1, 2, 3, DAY + timedelta(days=1))],
)
def test_deploy_mode_change_deletion_and_midnight_each_move_the_tag(other):
    assert other != TAG
    assert not not_modified(other, None, TAG, CHANGED)


@given(st.tuples(*[st.integers(0, 99)] * 3), st.tuples(*[st.integers(0, 99)] * 3))
def test_different_counters_never_share_a_tag(one, two):
    assert (etag(*one, DAY) == etag(*two, DAY)) is (one == two)


@pytest.mark.parametrize(
    "header",
    [
        TAG,
        '"1-2-3-20261124"',
        "*",
        " * ",
        f'"old", {TAG}',
        f'W/"a,b",{TAG} , "c"',
        f',, "" ,\t{TAG},',
    ],
)
def test_a_tag_we_gave_is_not_modified(header):
    assert not_modified(header, None, TAG, CHANGED)


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        '"*"',
        "1-2-3-20261124",
        'W/"1-2-3-20261124',
        f'{TAG} "x"',
        f"*, {TAG}",
        f"{TAG}; q=1",
        'w/"1-2-3-20261124"',
        '"1-2-3-20261124-gzip"',
        "\N{SNOWMAN}",
        '"1-2-3-2026112"',
    ],
)
def test_anything_else_is_sent_again(header):
    assert not not_modified(header, None, TAG, CHANGED)


@pytest.mark.parametrize(
    "header",
    [
        "Tue, 24 Nov 2026 09:30:00 GMT",
        "Tue, 24 Nov 2026 09:30:01 GMT",
        "Tuesday, 24-Nov-26 09:30:00 GMT",
        "Tue Nov 24 09:30:00 2026",
    ],
)
def test_a_date_at_or_after_the_change_is_not_modified(header):
    assert not_modified(None, header, TAG, CHANGED)
    assert not_modified(None, header, TAG, CHANGED + timedelta(milliseconds=999)) is True


def test_a_date_before_the_change_is_sent_again():
    assert not not_modified(None, "Tue, 24 Nov 2026 09:29:59 GMT", TAG, CHANGED)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "yesterday",
        "2030-01-01T00:00:00Z",
        "Tue, 31 Feb 2030 00:00:00 GMT",
        "Tue, 24 Nov 2030 25:00:00 GMT",
        "Tue, 24 Nov 2030 09:30:00 +0000",
        "Tue, 24 Nov 2030 09:30:00 CET",
        "Tue, 24 Nov 2030 09:30:00",
        "Tue, 24 Nov 0000 09:30:00 GMT",
        "24 Nov 2030",
        "1900000000",
        "Tue, 24 Nov 2030 09:30:00 GMT, Tue, 24 Nov 2031 09:30:00 GMT",
    ],
)
def test_a_date_not_understood_is_never_not_modified(header):
    assert parse_http_date(header) is None
    assert not not_modified(None, header, TAG, CHANGED)


def test_the_tag_wins_over_the_date():
    later = "Tue, 24 Nov 2030 09:30:00 GMT"

    assert not not_modified('"old"', later, TAG, CHANGED)
    assert not not_modified("", later, TAG, CHANGED)
    assert not_modified(TAG, "Tue, 24 Nov 2020 09:30:00 GMT", TAG, CHANGED)


def test_without_conditions_the_feed_is_sent():
    assert not not_modified(None, None, TAG, CHANGED)


@given(st.text(), st.text())
def test_garbage_never_raises_and_never_hides_a_change(one, two):
    assert not_modified(one, two, TAG, CHANGED) is (one.strip(" \t") == "*")
    assert not not_modified(None, two, TAG, CHANGED)


def test_a_years_two_digits_are_read_as_near_dates():
    assert parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT") == utc(1994, 11, 6, 8, 49, 37)
    assert parse_http_date("Sun Nov  6 08:49:37 1994") == utc(1994, 11, 6, 8, 49, 37)
