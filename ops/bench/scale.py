"""How much is measured: all of it, what fits into three minutes, or each part once."""

import msgspec


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of one run.

    `passages` are the rungs of the database's ladder, `shops` those of each rung. Of the product's functions at most
    `hosted` are set beside stock servers, and `functions` empty ones. The whole stack is started `stacks` times.
    """

    name: str
    rounds: int
    warm_up_s: float
    seconds: float
    users: int = 50
    functions: int = 8
    hosted: int = 100
    starts: int
    stacks: int
    passages: tuple[int, ...]
    shops: int
    questions: int
    pgbench_s: float
    documents: int


FULL = Scale(
    name="full", rounds=3, warm_up_s=0.8, seconds=3.0, starts=5, stacks=3,
    passages=(1_000, 10_000, 100_000), shops=50, questions=4, pgbench_s=3.0, documents=80,
)  # fmt: skip
QUICK = Scale(
    name="quick", rounds=3, warm_up_s=0.2, seconds=0.8, starts=3, stacks=1,
    passages=(1_000, 10_000), shops=50, questions=2, pgbench_s=1.0, documents=30,
)  # fmt: skip
TINY = Scale(
    name="tiny", rounds=1, warm_up_s=0.1, seconds=1.0, users=4, functions=1, hosted=1, starts=1, stacks=1,
    passages=(40,), shops=2, questions=2, pgbench_s=1.0, documents=3,
)  # fmt: skip
SCALES = {scale.name: scale for scale in (FULL, QUICK, TINY)}
