"""Cold starts: a function's, beside a stock server over the same one; and the whole stack's, first and again."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ops.bench import rivals
from ops.bench.figure import Figure, interleaved, timed
from ops.bench.scale import Scale
from ops.bench.stand import Stand, answers, end, stand, wait_until
from ops.release.snapshot import snapshot
from ops.release.store import Store
from ops.stack.running import home
from ops.unixhttp import ask

OURS = "ours"


def measure_starting(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    return [*_functions(scale, say), *_stack(scale, say)]


def _functions(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    by_name = {rival.name: rival for rival in rivals.present(say)}
    taken: dict[str, list[list[float]]] = {OURS: [], **{name: [] for name in by_name}}
    with stand() as bench:
        bench.start_host([OURS])  # the host runs; what is measured are further functions
        for number, name in interleaved(taken, scale.starts):
            say(f"start {number + 1} of {scale.starts}: {name}")
            if name == OURS:
                taken[name].append([_fork(bench, f"cold{number}")])
            else:
                start = time.monotonic()
                process = bench.rival(by_name[name], number=number)
                taken[name].append([time.monotonic() - start])
                end([process])
    return [
        Figure(
            key=f"start.function.{rival.name}", title="cold start of a function, to its first answer", unit="s",
            better="lower", ours=timed("our host", taken[OURS], unit_s=1),
            floor=timed(rival.words, taken[rival.name], unit_s=1),
        )
        for rival in by_name.values()
    ]  # fmt: skip


def _fork(bench: Stand, name: str) -> float:
    """Seconds from asking the host for a function that it never ran to that function's first answer."""
    bench.write(name, "0")
    release = snapshot(bench.tree, name, Store(bench.instance.releases)).id
    start = time.monotonic()
    answer = bench.host.ask({"op": "deploy", "name": name, "release": release, "by": "bench"}, timeout_s=60)
    if not answer.get("ok"):
        raise RuntimeError(f"{name}: {answer}")
    wait_until(lambda: answers(bench.socket(name), name))
    return time.monotonic() - start


def _stack(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """`edge up` to serving, in a new home and in one that was up before, beside the model server alone."""
    taken: dict[str, list[list[float]]] = {"first": [], "again": [], "model": []}
    for number, side in interleaved(("up", "model"), scale.stacks):
        say(f"edge up, round {number + 1} of {scale.stacks}: {side}")
        with home() as stack:
            if side == "model":
                taken["model"].append([_model_server(stack.folder / "model.sock")])
                continue
            for name in ("first", "again"):  # it cannot be up again before it was
                start = time.monotonic()
                stack.start()
                taken[name].append([time.monotonic() - start])
                stack.stop()
    floor = timed("the model server alone", taken["model"], unit_s=1)
    return [
        Figure(
            key=f"start.stack.{name}", title=f"edge up, {words}", unit="s", better="lower",
            ours=timed("the whole stack", taken[name], unit_s=1), floor=floor,
        )
        for name, words in (("first", "in a new home, with the demo shop"), ("again", "in a home that was up before"))
    ]  # fmt: skip


def _model_server(socket: Path) -> float:
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "ops.modelserver", "--socket", str(socket)])
    try:
        wait_until(lambda: _is_up(socket))
        return time.monotonic() - start
    finally:
        end([process])


def _is_up(socket: Path) -> bool:
    try:
        ask(str(socket), "GET", "/api/version", timeout_s=5)
    except OSError:
        return False
    return True
