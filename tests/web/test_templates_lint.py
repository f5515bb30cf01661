"""What no template may contain. The policy would stop most of it in the browser; this stops it on the desk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PATHS = sorted(TEMPLATES.rglob("*.html"))
NAMES = [path.relative_to(TEMPLATES).as_posix() for path in PATHS]

HX_FILE = "components/hx.html"
# Macros that let ready-made markup through, each with the file it stands in.
SAFE_MACROS = {"components/drawing.html": 1}
SCRIPTLESS_LAYOUTS = ("layouts/patient.html", "layouts/plain.html", "layouts/print.html")

HANDLERS = "abort|blur|change|click|error|focus|input|key|load|mouse|paste|pointer|reset|scroll|submit|toggle|touch"
REFUSED_MARKUP = {
    "a style attribute": re.compile(r"(?i)(?<![\w-])style\s*="),
    "a style element": re.compile(r"(?i)<style"),
    "an event attribute": re.compile(rf"(?i)(?<![\w-])on({HANDLERS})\w*\s*="),
    "a javascript: address": re.compile(r"(?i)javascript:"),
    "a placeholder, which goes away when it is needed": re.compile(r"(?i)(?<![\w-])placeholder\s*="),
    "an address of another site": re.compile(r"""(?i)(src|href)\s*=\s*["'](https?:)?//"""),
    "escaping switched off": re.compile(r"autoescape\s+false"),
}
# Words that name no rule and no way out (everybody), and words a stranger may not read (patients).
UNHELPFUL = re.compile(r"(?i)\binvalid\b|error occurred|contact your (system )?administrator|\boops\b")
INDISCREET = re.compile(
    r"(?i)\b(ketamine|esketamine|infusions?|doses?|dosing|psychotherap\w*|integration|neuroplastic\w*|"
    r"no-show|missed|failed|escort|phq|screening|peak)\b"
)

COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
CODE = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
TAG = re.compile(r"<[^>]*>")
PHRASE = re.compile(r"""\"([^"]*\s[^"]*)\"|'([^']*\s[^']*)'""")


def source(name: str) -> str:
    """The template without its comments."""
    return COMMENT.sub("", (TEMPLATES / name).read_text(encoding="utf-8"))


def words_people_read(text: str) -> str:
    """Text between tags, and phrases given to macros; not the names of variables or addresses."""
    phrases = [" ".join(filter(None, found)) for code in CODE.findall(text) for found in PHRASE.findall(code)]
    return "\n".join([TAG.sub(" ", CODE.sub(" ", text)), *phrases])


def is_page(name: str) -> bool:
    folder, _, leaf = name.partition("/")
    return bool(leaf) and folder not in ("components", "layouts") and not name.rpartition("/")[2].startswith("_")


PAGES = [name for name in NAMES if is_page(name)]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_the_policy_forbids(name: str) -> None:
    text = source(name)
    assert [what for what, pattern in REFUSED_MARKUP.items() if pattern.search(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_markup_is_let_through_by_the_named_macros_only(name: str) -> None:
    assert len(re.findall(r"\|\s*safe\b|\bMarkup\b", source(name))) == SAFE_MACROS.get(name, 0)


@pytest.mark.parametrize("name", [name for name in NAMES if name != HX_FILE])
def test_hx_attributes_are_written_by_the_macro_with_the_nonce(name: str) -> None:
    text = source(name)
    assert not re.search(r"(?<![\w/-])(data-)?hx-[a-z-]+\s*=", text), "write hx- attributes through components/hx.html"
    for call in re.finditer(r"(?<![\w.])(hx|polled)\((?P<first>\s*[\w.]+)", text):
        assert call["first"].strip() == "csp_nonce", f"{call.group()}: the page's nonce comes first"
    for call in re.finditer(r"(?<![\w.=])hx\(", text):
        before = text[: call.start()]
        tag = before[before.rfind("<") :]
        assert re.match(r"<(a|form)\b", tag) or re.search(r"hx\s*=\s*$", before), "only on a form or a link"


def test_the_hx_macros_never_write_attributes_without_a_nonce_or_with_code_in_them() -> None:
    text = source(HX_FILE)
    macros = re.findall(r"\{% macro (?:hx|polled)\b.*?endmacro %\}", text, re.DOTALL)
    assert len(macros) == 2
    for macro in macros:
        assert re.search(r"\{%-? ?if nonce", macro)
        assert macro.count('hx-nonce="{{ nonce }}"') == 1
        assert not re.search(r"hx-(on|vals|vars)|js:", macro)


@pytest.mark.parametrize("name", NAMES)
def test_scripts_are_files_with_the_pages_nonce(name: str) -> None:
    for tag in re.findall(r"<script\b[^>]*>", source(name)):
        assert 'nonce="{{ csp_nonce }}"' in tag, tag
        assert "src=" in tag, tag


@pytest.mark.parametrize("name", NAMES)
def test_pages_without_scripts_stay_so(name: str) -> None:
    text = source(name)
    if name in SCRIPTLESS_LAYOUTS or any(f'"{layout}"' in text for layout in SCRIPTLESS_LAYOUTS):
        assert "<script" not in text
        assert not re.search(r"(?<![\w.])(hx|polled)\(", text)


@pytest.mark.parametrize("name", NAMES)
def test_no_unhelpful_words(name: str) -> None:
    assert UNHELPFUL.findall(words_people_read(source(name))) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("my/")] or ["layouts/patient.html"])
def test_patients_read_plain_and_discreet_words(name: str) -> None:
    assert INDISCREET.findall(words_people_read(source(name))) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_title_and_leaves_frame_parts_to_its_layout(name: str) -> None:
    text = source(name)
    assert re.search(r'\{%-? extends (layout\b|"(layouts/|[a-z_]+/_))', text), "every page stands on a layout"
    shared = re.search(r'extends "([a-z_]+/_[a-z_]+\.html)"', text)
    titled = text + (source(shared.group(1)) if shared else "")
    assert re.search(r"\{%-? ?block title\b", titled)
    assert not re.search(r'<(main|html|head|body|title)\b|role="(status|main)"', text)


@pytest.mark.parametrize("name", NAMES)
def test_every_unsafe_form_carries_the_hidden_fields(name: str) -> None:
    text = source(name)
    for form in re.finditer(r"""<form\b[^>]*method\s*=\s*["']post["'].*?(</form>|endmacro)""", text, re.DOTALL | re.I):
        assert "hidden_fields(" in form.group(), "use form_start or hidden_fields"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('<p style="color:red">', "a style attribute"),
        ("<p onclick=go()>", "an event attribute"),
        ('{{ field(form.a, onchange="x") }}', "an event attribute"),
        ('<a href="javascript:x">', "a javascript: address"),
        ('<img src="//elsewhere.example/a.png">', "an address of another site"),
    ],
)
def test_the_lint_sees_what_it_should(text: str, what: str) -> None:
    assert REFUSED_MARKUP[what].search(text)


def test_the_word_test_reads_phrases_but_not_code() -> None:
    text = '{{ kind_tag("infusion") }}<a href="/infusions/4">Go</a>{{ empty_state("Your next infusion") }}'
    assert INDISCREET.findall(words_people_read(text)) == ["infusion"]
