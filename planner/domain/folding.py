"""How typed words find names: the size of letters and their accents do not matter, in any script."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: Letters that are another letter with something through or beside it, which Unicode does not take apart.
_ALIKE = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "’": "'"}
)
#: As many codes and names are kept ready: some clinics' whole lists.
KEPT: Final = 65_536
_BETWEEN_WORDS = re.compile(r"[\W_]+")


def fold(text: str) -> str:
    """The text without accents and in small letters: “Élodie Øst” and “ELODIE OST” are the same."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(sign for sign in parts if unicodedata.category(sign) != "Mn")
    return bare.translate(_ALIKE)


def words_in(folded: str) -> tuple[str, ...]:
    """The words of a folded text, at whatever is neither letter nor digit."""
    return tuple(word for word in _BETWEEN_WORDS.split(folded) if word)


@dataclass(frozen=True, slots=True)
class _Keys:
    """A code and a name made ready to be compared. `name_words` has a space before each word."""

    code: str
    number: str
    name: str
    name_words: str
    all: str


@lru_cache(maxsize=KEPT)
def _keys_of(code: str, name: str) -> _Keys:
    parts, folded = words_in(fold(code)), fold(name)
    joined = "".join(parts)
    words = "".join(f" {word}" for word in words_in(folded))
    return _Keys(joined, parts[-1] if parts else "", folded, words, f"{joined} {folded}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for."""

    text: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, typed: str) -> Wanted:
        """What was typed, folded."""
        folded = fold(typed.strip())
        return cls(folded, words_in(folded))

    def rank(self, code: str, name: str) -> int | None:
        """How well a record fits: the lower the better, None for not at all.

        0 the very code, also without its letters (104 for P-104); 1 its beginning, or that of its number; 2 the name
        begins like this; 3 each word begins a word of it; 4 it stands somewhere in it.
        """
        keys = _keys_of(code, name)
        for word in self.words:
            if word not in keys.all:
                return None
        if not self.words:
            return None
        whole = "".join(self.words)
        if whole in (keys.code, keys.number):
            return 0
        if keys.code.startswith(whole) or keys.number.startswith(whole):
            return 1
        if keys.name.startswith(self.text):
            return 2
        if all(f" {word}" in keys.name_words for word in self.words):
            return 3
        return 4 if len(self.text) > 1 and self.text in keys.name else None
