"""Choosing one option for each of several, against trying every combination."""

from itertools import product
from random import Random

import pytest

from planner.scheduling.packing import Option, best_packing


def option(cost: int, *uses: tuple[str, int, int], name: str = "", place: str | None = None) -> Option[str]:
    return Option((cost,), uses, name, place, PLACES.get(place or "", 0))


#: How many places there are of each kind.
PLACES = {"one": 1, "two": 2}


def crowded(taken: list[Option[str]]) -> bool:
    return any(sum(each.place == place for each in taken) > places for place, places in PLACES.items())


def meet(one: Option[str], other: Option[str]) -> bool:
    return any(x == y and a < d and c < b for x, a, b in one.uses for y, c, d in other.uses)


def tried(wanted: list[list[Option[str]]]) -> tuple[int, int]:
    """The fewest without an option and the least cost, by trying all."""
    best = (len(wanted) + 1, 0)
    for choice in product(*([*options, None] for options in wanted)):
        taken = [each for each in choice if each is not None]
        if not crowded(taken) and not any(meet(a, b) for at, a in enumerate(taken) for b in taken[at + 1 :]):
            best = min(best, (len(wanted) - len(taken), sum(each.cost[0] for each in taken)))
    return best


def random_wants(seed: int) -> list[list[Option[str]]]:
    rnd, places = Random(seed), Random(f"places {seed}")
    wanted = []
    for _ in range(rnd.randint(1, 4)):
        options = []
        for _ in range(rnd.randint(0, 4)):
            start = rnd.randint(0, 4)
            use = (rnd.choice("ab"), start, start + rnd.randint(1, 3))
            options.append(option(rnd.randint(0, 3), use, place=places.choice((None, None, *PLACES))))
        wanted.append(sorted(options, key=lambda each: each.cost))
    return wanted


@pytest.mark.parametrize("block", range(4))
def test_as_many_as_possible_get_one_at_least_cost(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        wanted = random_wants(seed)
        found = best_packing(wanted)
        taken = [each for each in found if each is not None]
        assert not any(meet(a, b) for at, a in enumerate(taken) for b in taken[at + 1 :]), seed
        assert not crowded(taken), seed
        assert (found.count(None), sum(each.cost[0] for each in taken)) == tried(wanted), seed


def test_nothing_is_wanted_or_possible() -> None:
    assert best_packing([]) == []
    assert best_packing([[]]) == [None]


def test_one_steps_aside_for_another_who_has_only_one_chance() -> None:
    flexible = [option(0, ("a", 0, 1), name="a"), option(1, ("b", 0, 1), name="b")]
    fixed = [option(0, ("a", 0, 1), name="a")]
    assert [each and each.what for each in best_packing([flexible, fixed])] == ["b", "a"]


def test_when_the_looking_is_over_others_still_step_aside() -> None:
    """A chain of wants, each of whom has to make room for the next; with no time to look at all of it."""
    wanted = [[option(0, (f"{n}", 0, 1)), option(1, (f"{n + 1}", 0, 1))] for n in range(4)]
    wanted.append([option(0, ("0", 0, 1))])
    found = best_packing(wanted, most_looks=6)
    assert None not in found
    taken = [each for each in found if each is not None]
    assert not any(meet(a, b) for at, a in enumerate(taken) for b in taken[at + 1 :])


def test_a_place_that_somebody_has_is_left_to_them_when_the_looking_is_over() -> None:
    wanted = [[option(0, (f"{n}", 0, 1), place="two"), option(1, (f"x{n}", 0, 1))] for n in range(5)]
    found = best_packing(wanted, most_looks=3)
    assert None not in found
    assert not crowded([each for each in found if each is not None])
