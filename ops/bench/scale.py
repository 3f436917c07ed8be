"""How much is measured: all of it, what fits into a few minutes, or each part once."""

from collections.abc import Callable

import msgspec

from ops.slo import load
from ops.slo.levels import Aims


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of one run.

    `passages` are the rungs of the database's ladder, `shops` those of each rung; each shop is asked one question,
    `asks` times a round, and `recalled` others where it has an index. Of the product's functions at most `hosted` are
    set beside stock servers, and `functions` empty ones. The whole stack is started `stacks` times.
    """

    name: str
    rounds: int
    warm_up_s: float
    seconds: float
    users: int
    functions: int
    hosted: int = 100
    starts: int
    stacks: int
    passages: tuple[int, ...]
    shops: int
    asks: int
    recalled: int
    documents: int


def scale(name: str) -> Scale:
    """One of SCALES, of what the service levels aim at; raises LevelsError."""
    return SCALES[name](load().aims)


def full(aims: Aims) -> Scale:
    """Rounds enough to say what got worse (ops/bench/compare.py): four are the fewest."""
    return Scale(
        name="full", rounds=5, warm_up_s=0.8, seconds=2.5, starts=5, stacks=4, asks=10, recalled=8, documents=200,
        users=aims.users, functions=aims.functions, shops=aims.database_shops,
        passages=rungs(1_000, 10_000, aims.database_passages),
    )  # fmt: skip


def quick(aims: Aims) -> Scale:
    """The same in less time, without the rung that has an aim."""
    return Scale(
        name="quick", rounds=4, warm_up_s=0.2, seconds=0.8, starts=4, stacks=1, asks=5, recalled=3, documents=30,
        users=aims.users, functions=aims.functions, shops=aims.database_shops, passages=(1_000, 10_000),
    )  # fmt: skip


def tiny(_aims: Aims) -> Scale:
    """Each part once, as small as can be: its figures say nothing."""
    return Scale(
        name="tiny", rounds=1, warm_up_s=0.1, seconds=1.0, starts=1, stacks=1, asks=2, recalled=2, documents=3,
        users=4, functions=1, hosted=1, shops=2, passages=(40,),
    )  # fmt: skip


def rungs(*passages: int) -> tuple[int, ...]:
    """A ladder, in order, each rung once."""
    return tuple(sorted({*passages}))


SCALES: dict[str, Callable[[Aims], Scale]] = {"full": full, "quick": quick, "tiny": tiny}
