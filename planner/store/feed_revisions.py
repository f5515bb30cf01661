"""What the clinic calls things, and the links that show it: a changed word is a change of every entry it stands in.

A calendar program that has fetched an entry sees a new title or place only when the link's tag, the entry's SEQUENCE
and its LAST-MODIFIED move (feeds.md rules 3, 4, 14). All three hang on the link's revision, so the database itself
counts one whenever a word changes, whoever changes it: a page, a command or raw SQL. One trigger per table, the same
conditions on both engines; `planner.store.guards` puts them in place and demands them at every start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class _Word:
    """A column that calendars show, and which rows of `feed` show it."""

    column: str
    shown_in: str


def _has(*conditions: str) -> str:
    return f"EXISTS (SELECT 1 FROM appointment a WHERE {' AND '.join(conditions)})"  # noqa: S608  our own words only


_ENTRIES_SPEAK: Final = "feed.detail <> 'busy'"
_THERAPISTS: Final = "(a.therapist_id = feed.subject_id OR a.nurse_id = feed.subject_id)"
#: A place's own entries say where they are only to those who see codes, or beside a place they ask for.
_PLACE_SAYS_MORE: Final = "(feed.detail <> 'discreet' OR feed.show_address)"


def _thing(scope: str, others: tuple[str, str]) -> _Word:
    """The name of a chair or room: in its own calendar's name, and in the entries of visits that take place there."""
    there = f"a.{scope}_id = NEW.id"
    elsewhere = " OR ".join(
        f"feed.scope = '{other}' AND {_has(there, f'a.{other}_id = feed.subject_id')}" for other in others
    )
    return _Word(
        "name",
        f"feed.scope = '{scope}' AND feed.subject_id = NEW.id"
        f" OR {_ENTRIES_SPEAK} AND feed.scope = 'therapist' AND {_has(there, _THERAPISTS)}"
        f" OR {_ENTRIES_SPEAK} AND {_PLACE_SAYS_MORE} AND ({elsewhere})",
    )


_AT_SITE: Final = "a.site_id = NEW.id"
_PATIENT_THERE: Final = f"feed.scope = 'patient' AND {_has(_AT_SITE, 'a.patient_id = feed.subject_id')}"
_ANYBODY_THERE: Final = (
    f"({_PATIENT_THERE} OR feed.scope = 'therapist' AND {_has(_AT_SITE, _THERAPISTS)}"
    f" OR feed.scope = 'chair' AND {_has(_AT_SITE, 'a.chair_id = feed.subject_id')}"
    f" OR feed.scope = 'room' AND {_has(_AT_SITE, 'a.room_id = feed.subject_id')}"
    " OR feed.scope = 'site' AND feed.subject_id = NEW.id)"
)
_OF_PATIENT: Final = "a.patient_id = NEW.id"
_PLACES_OF_PATIENT: Final = " OR ".join(
    f"feed.scope = '{scope}' AND {_has(_OF_PATIENT, f'a.{scope}_id = feed.subject_id')}"
    for scope in ("chair", "room", "site")
)

_WORDS: Final[dict[str, tuple[_Word, ...]]] = {
    "clinic": (
        _Word("neutral_name", "feed.subject_id IS NOT NULL"),  # every link carries it as its calendar's name
        _Word("feed_words", f"feed.scope = 'patient' AND feed.words = '' AND {_ENTRIES_SPEAK}"),
        # Whole days of leave are days of the zone; it is the clinic's where a person has no site.
        _Word("zone", "feed.scope = 'therapist'"),
    ),
    "site": (
        _Word(
            "alias",
            "feed.scope = 'site' AND feed.subject_id = NEW.id"
            f" OR feed.show_address AND {_ENTRIES_SPEAK} AND {_ANYBODY_THERE}",
        ),
        _Word("address", f"feed.show_address AND {_ENTRIES_SPEAK} AND {_PATIENT_THERE}"),
        _Word(
            "zone",
            "feed.scope = 'therapist' AND EXISTS (SELECT 1 FROM person_site p"
            " WHERE p.site_id = NEW.id AND p.person_id = feed.subject_id)",
        ),
    ),
    "chair": (_thing("chair", ("room", "site")),),
    "room": (_thing("room", ("chair", "site")),),
    "patient": (
        _Word(
            "code",
            f"{_ENTRIES_SPEAK} AND (feed.scope = 'therapist' AND {_has(_OF_PATIENT, _THERAPISTS)}"
            f" OR feed.detail <> 'discreet' AND ({_PLACES_OF_PATIENT}))",
        ),
    ),
}

#: The later of now and one second after anything a program may have seen of the link (feeds.md rule 4).
_SEEN: Final = (
    "SELECT v.changed_at FROM calendar_version v WHERE v.scope = feed.scope AND v.subject_id = feed.subject_id"
)
_SQLITE_TIME: Final = f"max(unixepoch(), feed.revised_at + 1, coalesce(({_SEEN}), 0) + 1)"
_POSTGRES_TIME: Final = (
    "greatest(date_trunc('second', clock_timestamp()), feed.revised_at + interval '1 second',"
    f" ({_SEEN}) + interval '1 second')"
)


def _changed(words: tuple[_Word, ...]) -> str:
    return " OR ".join(f"OLD.{word.column} IS DISTINCT FROM NEW.{word.column}" for word in words)


def _count_revision(words: tuple[_Word, ...], revised_at: str) -> str:
    shown = " OR ".join(f"OLD.{word.column} IS DISTINCT FROM NEW.{word.column} AND ({word.shown_in})" for word in words)
    return (
        f"UPDATE feed SET revision = feed.revision + 1, revised_at = {revised_at}"  # noqa: S608  our own words only
        f" WHERE feed.revoked_at IS NULL AND ({shown});"
    )


def _name(table: str) -> str:
    return f"{table}_words_in_calendars"


#: Name, table and text of each trigger on SQLite.
SQLITE_TRIGGERS: Final = tuple(
    (
        _name(table),
        table,
        f"CREATE TRIGGER {_name(table)} AFTER UPDATE ON {table} WHEN {_changed(words)} BEGIN "
        f"{_count_revision(words, _SQLITE_TIME)} END",
    )
    for table, words in _WORDS.items()
)

#: Name, table and function body of each trigger on PostgreSQL.
POSTGRES_TRIGGERS: Final = tuple(
    (
        _name(table),
        table,
        f"BEGIN IF {_changed(words)} THEN {_count_revision(words, _POSTGRES_TIME)} END IF; RETURN NULL; END",
    )
    for table, words in _WORDS.items()
)
