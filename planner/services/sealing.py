"""Small secrets at rest: sealed with AES-256-GCM under a key that is not in the database (security.md abuse case 27).

The key is derived (HKDF-SHA-256) from the planner's secret key. What a former secret sealed is still opened while that
one is among the fallbacks. What a secret belongs to is bound to it: moved to another row it does not open.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from planner.domain.errors import PlannerError

_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_PURPOSE: Final = b"planner: small secrets at rest, version 1"


class CannotOpen(PlannerError):
    """A sealed secret that no key at hand opens."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be opened, because the planner's SECRET_KEY was changed. Whoever runs the planner "
            "puts the former key into SECRET_KEY_FALLBACKS."
        )


class Sealer:
    """Seals with the secret key; opens with it or with a former one."""

    def __init__(self, secret: str, fallbacks: Iterable[str] = ()) -> None:
        self._keys = [AESGCM(_derived(word)) for word in (secret, *fallbacks)]

    def seal(self, content: bytes, belongs_to: str) -> bytes:
        """The content, readable again only with the key and for the same `belongs_to`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _VERSION + nonce + self._keys[0].encrypt(nonce, content, belongs_to.encode())

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """What was sealed. Raises CannotOpen."""
        return self._opened(sealed, belongs_to)[0]

    def is_outdated(self, sealed: bytes, belongs_to: str) -> bool:
        """Whether a former key sealed it. Raises CannotOpen."""
        return self._opened(sealed, belongs_to)[1] > 0

    def _opened(self, sealed: bytes, belongs_to: str) -> tuple[bytes, int]:
        nonce, text = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] == _VERSION and len(nonce) == _NONCE_BYTES:
            for number, key in enumerate(self._keys):
                try:
                    return key.decrypt(nonce, text, belongs_to.encode()), number
                except InvalidTag:
                    continue
        raise CannotOpen


def _derived(secret: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=_PURPOSE).derive(secret.encode())
