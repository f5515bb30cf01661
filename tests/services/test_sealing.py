"""Small secrets at rest: only the key opens them, only where they belong."""

import pytest

from planner.services.sealing import CannotOpen, Sealer

SECRET, FORMER = "a secret for tests only", "the secret of before"


def test_what_is_sealed_opens_again_and_never_looks_the_same() -> None:
    sealer = Sealer(SECRET)
    first, second = (sealer.seal(b"seed", "row 1") for _ in range(2))
    assert sealer.open(first, "row 1") == sealer.open(second, "row 1") == b"seed"
    assert first != second
    assert b"seed" not in first + second


def test_another_row_another_key_and_a_changed_byte_do_not_open() -> None:
    sealed = Sealer(SECRET).seal(b"seed", "row 1")
    with pytest.raises(CannotOpen, match="SECRET_KEY_FALLBACKS"):
        Sealer(SECRET).open(sealed, "row 2")
    with pytest.raises(CannotOpen):
        Sealer(FORMER).open(sealed, "row 1")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(CannotOpen):
            Sealer(SECRET).open(changed, "row 1")


@pytest.mark.parametrize("length", range(0, 30))
def test_half_of_it_does_not_open(length: int) -> None:
    with pytest.raises(CannotOpen):
        Sealer(SECRET).open(Sealer(SECRET).seal(b"seed", "row 1")[:length], "row 1")


def test_a_former_key_still_opens_and_is_told_apart() -> None:
    sealed = Sealer(FORMER).seal(b"seed", "row 1")
    both = Sealer(SECRET, [FORMER])
    assert both.open(sealed, "row 1") == b"seed"
    assert both.is_outdated(sealed, "row 1")
    assert not both.is_outdated(both.seal(b"seed", "row 1"), "row 1")
