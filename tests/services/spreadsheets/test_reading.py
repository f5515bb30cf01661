"""What spreadsheets write is read, whatever the encoding and separator; what is no table is told in a sentence."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.services.spreadsheets.columns import places_of, plain
from planner.services.spreadsheets.kinds import CLOSURES, KINDS, SHIFTS
from planner.services.spreadsheets.reading import ENCODINGS, Unreadable, read_sheet

TEXT = "site,day,reason\r\nMAIN,2027-12-25,Fête de Noël\r\n"
CELLS = [("MAIN", "2027-12-25", "Fête de Noël")]


def cells(content: bytes, **more: str) -> list[tuple[str, ...]]:
    return [line.cells for line in read_sheet(content, known_headers=CLOSURES.knows, **more).lines]


def refusal(content: bytes, **more: str) -> str:
    with pytest.raises(Unreadable) as refused:
        places_of(CLOSURES, read_sheet(content, known_headers=CLOSURES.knows, **more))
    sentence = refused.value.sentence
    assert sentence.strip().endswith(".")
    assert "Traceback" not in sentence
    return sentence


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-1"])
def test_encodings_that_spreadsheets_write(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    assert cells(mark + TEXT.encode(encoding)) == CELLS


def test_the_encoding_that_was_found_is_told() -> None:
    assert "Read as UTF-8." in read_sheet(TEXT.encode(), known_headers=CLOSURES.knows).notes
    assert (
        "Read as Windows-1252 (Western Europe)."
        in read_sheet(TEXT.encode("cp1252"), known_headers=CLOSURES.knows).notes
    )


def test_a_wrong_guess_can_be_put_right() -> None:
    content = "site,day,reason\nMAIN,2027-05-03,Święto\n".encode("cp1250")
    assert cells(content)[0][2] != "Święto"
    assert cells(content, encoding="cp1250")[0][2] == "Święto"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_file_that_is_not_in_the_chosen_encoding_is_told_with_its_line(end: str) -> None:
    assert "line 2" in refusal(TEXT.replace("\r\n", end).encode("cp1252"), encoding="utf-8")


def test_a_file_that_was_cut_short_is_told_with_its_last_line() -> None:
    assert "not in UTF-16: line 2 does not fit" in refusal(TEXT.removesuffix("\r\n").encode("utf-16")[:-1])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_separators_and_line_ends(separator: str, end: str) -> None:
    content = TEXT.replace(",", separator).replace("\r\n", end).encode()
    assert cells(content) == CELLS


def test_a_separator_line_of_a_spreadsheet_is_understood() -> None:
    assert cells(b"sep=;\r\nsite;day;reason\r\nMAIN;2027-12-25;A, B\r\n") == [("MAIN", "2027-12-25", "A, B")]


def test_commas_in_a_semicolon_file_do_not_decide() -> None:
    assert cells(b"site;day;reason\nMAIN;2027-12-25;one, two, three, four\n")[0][2] == "one, two, three, four"


def test_empty_lines_and_columns_at_the_end_do_not_matter() -> None:
    content = b"\r\nsite,day,reason,,\r\nMAIN,2027-12-25,Holiday,,\r\n\r\n,,,,\r\n\r\n"
    sheet = read_sheet(content, known_headers=CLOSURES.knows)
    assert sheet.header == ("site", "day", "reason")
    assert [line.number for line in sheet.lines] == [3]


def test_line_numbers_count_the_lines_inside_quotes() -> None:
    content = b'site,day,reason\nMAIN,2027-12-25,"two\nlines"\nMAIN,2027-12-26,x\n'
    assert [line.number for line in read_sheet(content, known_headers=CLOSURES.knows).lines] == [2, 4]


def test_the_order_case_and_spaces_of_headers_do_not_matter() -> None:
    sheet = read_sheet(
        b" Break_Start ,END,Start,day, Person*,SITE,break end\na,b,c,d,e,f,g\n", known_headers=SHIFTS.knows
    )
    places = places_of(SHIFTS, sheet)
    assert [places[key] for key in ("person", "site", "day", "start", "end", "break_start", "break_end")] == [
        4, 5, 3, 2, 1, 0, 6,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"PK\x03\x04 and so on", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "workbook"),
        (b"%PDF-1.7", "PDF"),
        (gzip.compress(b"site,day\n"), "compressed"),
        (b"site,day\nMAIN,2027\x00-12-25\n", "zero bytes"),
        (TEXT.encode("utf-16-le"), "zero bytes"),
        (zlib.compress(bytes(range(256)) * 40), "CSV"),
        (b"site,reason\nMAIN,x\n", "“day” is missing"),
        (b"reason,colour\nx,y\n", "cannot be found"),
        (b"MAIN,2027-12-25,Holiday\n", "cannot be found"),
        (b"site,day,colour\nMAIN,2027-12-25,red\n", "“colour”"),
        (b"site,,day\nMAIN,red,2027-12-25\n", "number 2 without a name"),
        (b"site,day,Day\nMAIN,2027-12-25,2027-12-26\n", "there twice"),
        (b'site,day\nMAIN,"2027-12-25\n', "quotation marks"),
        (b'site,day\nMAIN,"2027"-12-25\n', "quotation marks"),
        (b"site,day\n" + b"x" * 10_000_000, "10,000,000 characters"),
        (b"," * 10_000_000, "10,000,000 characters"),
        (b"site,day\n" + b"\n" * 400_000, "more than 100,000 lines"),
        (b"site,day\n" + b"M,x\n" * 100_001, "more than 100,000 lines"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_what_cannot_be_read_is_told_in_one_sentence(content: bytes, words: str) -> None:
    assert words in refusal(content)


@given(st.binary(max_size=400), st.sampled_from(["", *ENCODINGS]))
def test_whatever_the_bytes_they_are_read_or_refused(content: bytes, encoding: str) -> None:
    try:
        read_sheet(content, encoding=encoding, known_headers=CLOSURES.knows)
    except Unreadable as refused:
        assert refused.sentence


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.slug)
def test_no_two_columns_of_a_kind_can_be_mixed_up(kind: object) -> None:
    headers = [plain(header) for header in kind.headers]  # type: ignore[attr-defined]
    assert len(set(headers)) == len(headers)
