from planner.feeds.text import clean, clean_line


def test_every_kind_of_line_break_becomes_one_line_feed():
    assert clean("a\r\nb\rc\nd\u2028e\u2029f") == "a\nb\nc\nd\ne\nf"


def test_control_characters_go_and_tabs_stay():
    controls = "".join(map(chr, [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0)]))

    assert clean(f"a{controls}b\tc") == "ab\tc"


def test_a_cleaned_text_has_the_lines_python_sees():
    # vdirsyncer splits with str.splitlines, which knows more line ends than iCalendar does.
    text = "".join(map(chr, range(0x3000)))

    assert clean(text).splitlines() == clean(text).split("\n")


def test_bidi_overrides_and_isolates_go_and_right_to_left_letters_stay():
    assert clean("\u202eTest\u2066 Alder\u2069 \u05d0\u05dc\u05d5\u05df \u200f!") == (
        "Test Alder \u05d0\u05dc\u05d5\u05df \u200f!"
    )


def test_lone_surrogates_noncharacters_and_byte_order_marks_go():
    assert clean("\ufeffa\ud800b\udfffc\ufffe\uffff").encode() == b"abc"


def test_emoji_with_joiners_stay_whole():
    family = "\U0001f469\u200d\U0001f467 \u0915\u094d\u200d\u0937"

    assert clean(family) == family


def test_a_title_is_one_line():
    assert clean_line("Test\r\nPatient\u2028Alder") == "Test Patient Alder"
