"""Random acts on random small courses: whatever follows leaves every link whole or names the exception."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduling.acts import ACTS, random_act


@pytest.mark.parametrize("act", ACTS)
def test_a_cascade_leaves_every_link_whole_or_names_the_exception(act: str) -> None:
    judged = 0

    @settings(max_examples=20)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        nonlocal judged
        made = random_act(seed, act)
        if made is not None and made[1] is not None:
            judged += 1
            assert made[1].faults() == []

    check()
    assert judged >= 3
