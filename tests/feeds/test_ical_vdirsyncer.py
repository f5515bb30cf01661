"""vdirsyncer's own splitting of a feed into items: what its users' stores would hold."""

from vdirsyncer.vobject import Item, split_collection

from tests.feeds.samples import CHANGED, feed, leave, utc, visit

UIDS = [f"{number:04}@calendar.invalid" for number in range(40)]


def items(body):
    return {item.uid: item for item in map(Item, split_collection(body.decode()))}


def test_each_appointment_is_one_item():
    body = feed(*(visit(uid) for uid in UIDS), leave("away@calendar.invalid"))

    assert sorted(items(body)) == sorted([*UIDS, "away@calendar.invalid"])
    assert len(list(split_collection(body.decode()))) == 41


def test_hostile_text_makes_no_items_and_hides_none():
    evil = "\u2028BEGIN:VEVENT\x85UID:evil\r\nEND:VEVENT\x1cEND:VCALENDAR\x0cUID:b"
    body = feed(visit("a@calendar.invalid", summary=f"A{evil}", description=evil), visit("b@calendar.invalid"))

    assert set(items(body)) == {"a@calendar.invalid", "b@calendar.invalid"}


def test_an_unchanged_feed_looks_unchanged_and_a_move_is_one_changed_item():
    before = items(feed(*(visit(uid) for uid in UIDS)))
    moved = visit(
        UIDS[7],
        sequence=4,
        starts_at=utc(2026, 11, 25, 15),
        ends_at=utc(2026, 11, 25, 17, 25),
        changed_at=CHANGED,
    )
    after = items(feed(*(moved if uid == UIDS[7] else visit(uid) for uid in UIDS)))

    assert set(after) == set(before)
    assert {uid for uid in UIDS if after[uid].hash != before[uid].hash} == {UIDS[7]}
    assert {uid: item.hash for uid, item in before.items()} == {
        uid: item.hash for uid, item in items(feed(*(visit(uid) for uid in UIDS))).items()
    }


def test_an_empty_feed_has_no_items():
    assert items(feed()) == {}
