"""What people really send: one clear sentence each, nothing half-written, and the next request is answered."""

import io
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from planner.services.spreadsheets.reading import MOST_BYTES
from planner.store.records import Closure, ImportRun
from tests.support.imports import InlineImports
from tests.support.strict_client import Page, StrictClient
from tests.web.spreadsheets.conftest import Send

URL = "/admin/spreadsheets/closures"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"site,reason\nN,x\n", "The column “day” is missing."),
        (b"PK\x03\x04" + b"\x00" * 50, "In the spreadsheet choose “Save as” and CSV UTF-8"),
        (b" ", "This file is empty."),
        (b"site,day\n", "its header only, and no closed day below it"),
        (b"site,day\nN,2026-05-01\x00\n", "zero bytes"),
        (b"site,day\nN,2026-05-01," + b"x" * 30_000, "no line of a table here is longer"),
        (b'site,day\nN,"2026-05-01\n', "The quotation marks do not match in the record that begins on line 2."),
        (b"site,day,Day\nN,2026-05-01,2026-05-02\n", "The column “day” is there twice."),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "file",
)
def test_a_file_that_is_no_table_is_told_in_a_sentence(db: Session, bring: Send, content: bytes, words: str) -> None:
    page = bring("closures", content)
    assert words in page.words
    assert "not brought in" in page.words
    assert db.scalar(select(func.count()).select_from(Closure)) == 0
    assert db.scalar(select(ImportRun.content)) is None


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("site;day;reason\nN;2026-05-01;Fête\n".encode(), "The separator is the semicolon."),
        ("\ufeffsite,day,reason\nN,2026-05-01,Fête\n".encode(), "Read as UTF-8."),
        ("site,day,reason\nN,2026-05-01,Fête\n".encode("cp1252"), "Read as Windows-1252"),
        (b"site,day\nN,25/12/26\nN,26/12/26\n", "Dates are read day first; no other way fits all of them."),
    ],
    ids=["semicolon", "mark", "latin", "dates"],
)
def test_what_was_found_out_about_a_file_is_said(bring: Send, content: bytes, note: str) -> None:
    page = bring("closures", content)
    assert note in page.words
    assert "every line is good" in page.words


def test_dates_that_can_be_read_in_two_ways_are_asked_about(
    db: Session, coordinator: StrictClient, bring: Send
) -> None:
    page = bring("closures", b"site,day\nN,03/04/27\n")
    assert "which number is the day?" in page.words
    assert "Day first: 03/04/27 is 3 April" in page.words
    run_id = db.scalars(select(ImportRun.id)).one()
    again = f"/admin/spreadsheets/runs/{run_id}/again"
    answer = coordinator.submit(page, again, {"order": "month-first"})
    page = coordinator.page(answer.location)
    assert "Dates are read month first, as you said." in page.words
    coordinator.submit(page, f"/admin/spreadsheets/runs/{run_id}/write")
    assert str(db.scalar(select(Closure.day))) == "2027-03-04"


def test_a_wrong_encoding_is_put_right_without_sending_the_file_again(
    db: Session, coordinator: StrictClient, bring: Send
) -> None:
    page = bring("closures", "site,day,reason\nN,2026-05-01,Święto\n".encode("cp1250"))
    run_id = db.scalars(select(ImportRun.id)).one()
    answer = coordinator.submit(page, f"/admin/spreadsheets/runs/{run_id}/again", {"encoding": "cp1250"})
    coordinator.submit(coordinator.page(answer.location), f"/admin/spreadsheets/runs/{run_id}/write")
    assert db.scalar(select(Closure.reason)) == "Święto"


def test_many_bad_lines_are_all_told(db: Session, coordinator: StrictClient, bring: Send) -> None:
    page = bring("closures", b"site,day\n" + b"N,soon\n" * 1_000)
    assert "1,000 of 1,000 lines have to be put right" in page.words
    assert "And 800 more." in page.words
    run_id = db.scalars(select(ImportRun.id)).one()
    assert coordinator.get(f"/admin/spreadsheets/runs/{run_id}/lines.csv").data.count(b"\r\n") == 1_001


def test_no_file_at_all(coordinator: StrictClient, bring: Send) -> None:
    page = coordinator.page(URL)
    answer = coordinator.submit(page, URL)
    assert answer.status_code == 422
    assert "Choose a file." in Page(answer.text).words
    assert "Choose a file; this one is empty." in bring("closures", b"", status=422).words


def body_of(coordinator: StrictClient, size: int, encoding: str = "") -> dict[str, Any]:
    """The request of a form with a file of so many bytes, made by hand: the client would keep it in a file."""
    parts = {
        'name="csrf_token"': coordinator.csrf_token.encode(),
        'name="idempotency_key"': b"a-key-of-sixteen-or-more",
        'name="encoding"': encoding.encode(),
        'name="file"; filename="x.csv"': b"site,day\r\n" + (b"N,soon" + b" " * 92 + b"\r\n") * (size // 100),
    }
    body = b"".join(
        b"--xx\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + part + b"\r\n"
        for head, part in parts.items()
    )
    body += b"--xx--\r\n"
    return {
        "input_stream": io.BytesIO(body),
        "content_length": len(body),
        "content_type": "multipart/form-data; boundary=xx",
    }


def test_a_large_file_is_taken_and_one_that_is_too_large_is_told(
    db: Session, coordinator: StrictClient, imports: InlineImports
) -> None:
    imports.held = True
    too_large = coordinator.post(URL, **body_of(coordinator, MOST_BYTES + 50_000))
    assert too_large.status_code == 413
    assert "larger than 20 MB" in too_large.text
    assert imports.started == []
    assert coordinator.post(URL, **body_of(coordinator, 100, "x" * 300_000)).status_code == 413
    assert coordinator.post("/patients/new", **body_of(coordinator, 1_500_000)).status_code == 413
    assert coordinator.post(URL, **body_of(coordinator, 5_000_000)).status_code == 303
    assert len(db.scalars(select(ImportRun.content)).one() or b"") > 5_000_000
