"""A request to an empty function: our host and nginx, beside stock servers behind the same nginx."""

from collections.abc import Callable, Sequence

from ops.bench import processes, rivals
from ops.bench.figure import Figure, interleaved
from ops.bench.load import measure
from ops.bench.rivals import Rival, module_of
from ops.bench.rounds import Measured, through_nginx
from ops.bench.scale import Scale
from ops.bench.stand import BODY, Stand, end, path, stand

OURS = "ours"


def measure_serving(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    present = rivals.present(say)
    with stand() as bench:
        bench.start_host([OURS])
        bench.start_nginx([module_of(rival) for rival in present])
        say("the rivals start")
        started = {rival.name: bench.rival(rival) for rival in present}
        try:
            pids = {name: process.pid for name, process in started.items()}
            found = {connections: _rounds(bench, pids, connections, scale, say) for connections in (1, scale.users)}
        finally:
            end(list(started.values()))
    return [*_alone(found[1]), *_of_many(found[scale.users], present, scale.users)]


def _rounds(
    bench: Stand, pids: dict[str, int], connections: int, scale: Scale, say: Callable[[str], None]
) -> dict[str, Measured]:
    names = [OURS, *pids] if connections > 1 else [OURS, rivals.STOCK.name]
    found = {name: Measured() for name in names}
    for number, name in interleaved(names, scale.rounds):
        say(f"{connections} connections, round {number + 1} of {scale.rounds}: {name}")
        family = processes.family(*(bench.state(OURS)["workers"] if name == OURS else [pids[name]]))
        meter = processes.Meter(family)
        where = path(OURS if name == OURS else f"{name}0")
        outcome = measure(through_nginx(bench.settings, where, [BODY], scale, connections))
        found[name].add(outcome, {"function": meter.spent_s()})
    return found


def _of_many(found: dict[str, Measured], present: Sequence[Rival], users: int) -> list[Figure]:
    return [
        Figure(
            key=f"serving.rate.{rival.name}", title=f"empty function, {users} users, through nginx",
            unit="a second", better="higher", ours=found[OURS].side("our host"),
            floor=found[rival.name].side(rival.words),
        )
        for rival in present
    ]  # fmt: skip


def _alone(found: dict[str, Measured]) -> Sequence[Figure]:
    stock: Rival = rivals.STOCK
    return [
        Figure(
            key="serving.latency", title="empty function, one user, through nginx", unit="ms", better="lower",
            ours=found[OURS].side("our host", quantile=0.5), floor=found[stock.name].side(stock.words, quantile=0.5),
        )
    ]  # fmt: skip
