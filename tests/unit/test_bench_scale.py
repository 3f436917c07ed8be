"""How much is measured, and what it is held against, follows what is aimed at."""

import msgspec
import pytest

from ops.bench import scale
from ops.bench.compare import CHANCE, chance
from ops.bench.parts.memory import aimed_at
from ops.slo import load

AIMS = msgspec.structs.replace(load().aims, users=81, functions=9, database_shops=61, database_passages=70_000)


@pytest.mark.parametrize("name", ["full", "quick"])
def test_users_functions_and_shops_are_those_of_the_aims(name):
    made = scale.SCALES[name](AIMS)
    assert (81, 9, 61) == (made.users, made.functions, made.shops)


def test_the_passages_that_have_an_aim_are_a_rung_of_the_ladder():
    assert (1_000, 10_000, 70_000) == scale.full(AIMS).passages
    assert (1_000, 10_000) == scale.full(msgspec.structs.replace(AIMS, database_passages=10_000)).passages


def test_a_full_run_has_rounds_enough_to_say_what_got_worse():
    made = scale.full(AIMS)
    assert max(chance(rounds, rounds) for rounds in (made.rounds, made.starts, made.stacks)) <= CHANCE


def test_the_doors_are_the_last_ones_that_the_memory_of_so_many_functions_is_of():
    names = ("chat", "mcp", "openai", "search")
    assert ["chat", "search"] == aimed_at(names, 2)
    assert ["chat", "search", "mcp"] == aimed_at(names, 3)
    assert 4 == len(aimed_at(names, 8))
