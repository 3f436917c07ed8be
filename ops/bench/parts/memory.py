"""Memory of functions that have answered and are idle: ours under one host, and each under a stock Granian of its own.

The product's functions first, with all that they keep open, then empty ones. PSS (proc(5), smaps_rollup): pages that
several processes share count once, in parts, so that the sides are measured one at a time.
"""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from ops.bench import processes, rivals
from ops.bench.figure import Figure, Side
from ops.bench.scale import Scale
from ops.bench.stand import OK, end, stand, wait_until
from ops.release.closure import function_names
from ops.slo import load
from ops.stack.parts import ROOT
from ops.stack.running import Running, running
from ops.unixhttp import ask

BESIDE = ("model", "postgres", "nginx")
DOORS = ("mcp", "openai")  # other ways to what the rest do: the last ones that an aim for so many functions is of


def measure_memory(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    return [*_product(scale, say), *_empty(scale, say)]


def _product(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    ours: dict[str, list[float]] = {name: [] for name in ("all", "aimed", "host", *BESIDE)}
    theirs: dict[str, list[float]] = {"all": [], "aimed": []}
    names = function_names(ROOT)[: scale.hosted]
    aimed = aimed_at(names, load().aims.functions)
    for number in range(scale.stacks):
        say(f"the product's functions, round {number + 1}")
        with running() as stack:
            _take(stack, names, aimed, ours)
            say("the same under stock Granians")
            _under_granian(stack, names, aimed, theirs)
    stock = "a stock Granian each"
    return [
        Figure(
            key="memory.functions", title=f"all {len(names)} functions of the product, idle, host included",
            unit="MiB PSS", better="lower", ours=_side("our host", ours["all"]), floor=_side(stock, theirs["all"]),
            note=f"of ours the host and its zygote {ours['host'][0]:.0f} MiB; beside them "
            + ", ".join(f"{name} {ours[name][0]:.0f} MiB" for name in BESIDE),
        ),
        Figure(
            key="memory.eight", title=f"{len(aimed)} of them{_without(names, aimed)}, host included",
            unit="MiB PSS", better="lower", ours=_side("our host", ours["aimed"]),
            floor=_side(stock, theirs["aimed"]),
        ),
    ]  # fmt: skip


def aimed_at(names: Sequence[str], count: int) -> list[str]:
    """The functions that an aim for so many is of."""
    return sorted(names, key=lambda name: (name in DOORS, name))[:count]


def _without(names: Sequence[str], aimed: Sequence[str]) -> str:
    left_out = [name for name in names if name not in aimed]
    return f", without {' and '.join(left_out)}" if left_out else ""


def _take(stack: Running, names: Sequence[str], aimed: Sequence[str], found: dict[str, list[float]]) -> None:
    pids = stack.pids()
    each = {name: _pss(*pids[f"functions/{name}"]) for name in names}
    together = _pss(*pids["host"])
    host = together - sum(each.values())
    found["all"].append(round(together, 1))
    found["aimed"].append(round(host + sum(of for name, of in each.items() if name in aimed), 1))
    found["host"].append(round(host, 1))
    for name in BESIDE:
        found[name].append(_pss(*pids[name]))


def _under_granian(stack: Running, names: Sequence[str], aimed: Sequence[str], found: dict[str, list[float]]) -> None:
    """Every function under a Granian of its own, with the environment that its worker has."""
    pids = stack.pids()
    environ = psutil.Process(pids["host"][0]).environ()
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in names:
            socket = stack.folder / f"{name}.sock"
            started[name] = rivals.start(
                rivals.STOCK, name, ROOT, socket, {**environ, "EDGE_HOME": str(stack.folder / "stock")},
                stack.folder / "stock.log",
            )  # fmt: skip
            _until_answers(started[name], socket, stack.folder / "stock.log")
        each = {name: _pss(process.pid) for name, process in started.items()}
    finally:
        end(list(started.values()))
    found["all"].append(round(sum(each.values()), 1))
    found["aimed"].append(round(sum(of for name, of in each.items() if name in aimed), 1))


def _until_answers(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(log.read_text(errors="replace")[-2000:])
        try:
            status, _ = ask(str(socket), "GET", "/openapi.json", timeout_s=5)
        except OSError:
            return False
        return status in {OK, 404}

    wait_until(answers)


def _empty(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    ours, theirs = [], []
    for number in range(scale.stacks):
        say(f"{scale.functions} empty functions, round {number + 1}")
        ours.append(_empty_hosted(scale.functions))
        theirs.append(_empty_under_granian(scale.functions))
    return [
        Figure(
            key="memory.empty", title=f"{scale.functions} empty functions, host included", unit="MiB PSS",
            better="lower", ours=_side("our host", ours), floor=_side("a stock Granian each", theirs),
        )
    ]  # fmt: skip


def _empty_hosted(count: int) -> float:
    with stand() as bench:
        bench.start_host([f"empty{number}" for number in range(count)])
        return _pss(bench.host.ask({"op": "status"})["pid"])


def _empty_under_granian(count: int) -> float:
    with stand() as bench:
        started = [bench.rival(rivals.STOCK, number=number) for number in range(count)]
        try:
            return _pss(*(process.pid for process in started))
        finally:
            end(started)


def _pss(*pids: int) -> float:
    return processes.pss_mib(processes.family(*pids))


def _side(name: str, rounds: list[float]) -> Side:
    return Side(name=name, rounds=tuple(rounds))
