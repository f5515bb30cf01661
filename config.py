"""How this planner is set up: frozen settings, read from the environment once."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent
INSTANCE = ROOT / "instance"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """What one password hash costs: argon2id's memory in KiB and its passes (OWASP's minimum by default)."""

    memory_kib: int = 19_456
    passes: int = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a machine may choose. `trusted_proxies` is the number of proxies whose X-Forwarded-* count.

    What a key of `secret_key_fallbacks` signed is still read; only `secret_key` signs.
    """

    database_url: str
    secret_key: str
    https: bool = False
    public_url: str = ""
    trusted_hosts: tuple[str, ...] = LOOPBACK
    trusted_proxies: int = 0
    password_cost: PasswordCost = PasswordCost()
    secret_key_fallbacks: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read DATABASE_URL, SECRET_KEY (_FALLBACKS), HTTPS, PUBLIC_URL, TRUSTED_HOSTS and TRUSTED_PROXIES.

        Without DATABASE_URL the database is one SQLite file in `instance/`; without SECRET_KEY a random one is kept
        beside the database, readable by its owner only. Raises ValueError for a value that makes no sense.
        """
        given = os.environ if environment is None else environment
        database_url = given.get("DATABASE_URL") or f"sqlite:///{INSTANCE / 'planner.sqlite3'}"
        public_url = given.get("PUBLIC_URL", "").rstrip("/")
        return cls(
            database_url=database_url,
            secret_key=given.get("SECRET_KEY") or _own_secret(database_url),
            https=_switch(given, "HTTPS", default=public_url.startswith("https://")),
            public_url=public_url,
            trusted_hosts=_hosts(given.get("TRUSTED_HOSTS", ""), public_url),
            trusted_proxies=_count(given, "TRUSTED_PROXIES"),
            secret_key_fallbacks=_listed(given.get("SECRET_KEY_FALLBACKS", "")),
        )


def folder_of(database_url: str) -> Path:
    """Where things that belong to the database but not into it are kept; made when missing."""
    scheme, _, path = database_url.partition(":///")
    is_file = scheme.startswith("sqlite") and path and ":memory:" not in path
    folder = Path(path).resolve().parent if is_file else INSTANCE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _own_secret(database_url: str) -> str:
    try:
        return kept_secret(folder_of(database_url) / "secret.key")
    except OSError as error:
        raise ValueError(f"The folder of the database cannot be used ({error.strerror}: {error.filename}).") from error


def kept_secret(path: Path) -> str:
    """The secret in `path`; a new random one when there is none. Two processes that start at once agree."""
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(SECRET_BYTES))
        try:
            os.link(draft, path)  # unlike a rename, this fails when the other process was first
        except FileExistsError:
            pass
        finally:
            os.unlink(draft)
    return path.read_text().strip()


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    word = given.get(name, "").strip().lower()
    if word in ("", "1", "on", "yes", "true", "0", "off", "no", "false"):
        return default if not word else word in ("1", "on", "yes", "true")
    raise ValueError(f"{name} is “on” or “off”, not “{word}”.")


def _count(given: Mapping[str, str], name: str) -> int:
    word = given.get(name, "").strip() or "0"
    if not (word.isascii() and word.isdigit()):
        raise ValueError(f"{name} is the number of proxies in front, such as 1, not “{word}”.")
    return int(word)


def _listed(words: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in words.split(",") if word.strip())


def _hosts(words: str, public_url: str) -> tuple[str, ...]:
    named = _listed(words)
    if named:
        return named
    public = urlsplit(public_url).hostname
    return (*LOOPBACK, public) if public else LOOPBACK
