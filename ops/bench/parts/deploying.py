"""From a command, or from a save, to the first answer of the new code through nginx."""

import os
import subprocess
import time
from collections.abc import Callable

from ops.bench import rivals
from ops.bench.figure import Figure, interleaved, timed
from ops.bench.rivals import module_of
from ops.bench.scale import Scale
from ops.bench.stand import BODY, Stand, asked, end, path, stand, wait_until

OURS, RESTART = "ours", "restart"


def measure_deploying(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    with stand() as bench:
        bench.start_host([OURS])
        bench.start_nginx([module_of(rivals.STOCK)])
        bench.instance.state.write_text(f'{{"pid": {os.getpid()}}}')  # `edge dev` attaches to what runs
        rival = Restarted(bench)
        session: subprocess.Popen[bytes] | None = None
        try:
            deploys = _beside(bench, rival, "deploy", scale.starts, say)
            session = bench.edge("dev")
            _until_new(bench, "first", deploys=False)
            saves = _beside(bench, rival, "save", scale.starts, say)
        finally:
            end([rival.process, *([session] if session else [])])
    return [
        _figure("deploy", "edge deploy NAME, its own start included", deploys),
        _figure("save", "a save under edge dev", saves),
    ]


class Restarted:
    """A stock Granian that is ended and started for each new code."""

    def __init__(self, bench: Stand) -> None:
        self._bench = bench
        self.process = bench.rival(rivals.STOCK)

    def until_new(self, label: str) -> float:
        """Seconds from its end to its first answer of the new code."""
        start = time.monotonic()
        end([self.process])
        self.process = self._bench.rival(rivals.STOCK, label)
        wait_until(lambda: _label(self._bench, path(module_of(rivals.STOCK))) == label)
        return time.monotonic() - start


def _beside(
    bench: Stand, rival: Restarted, what: str, rounds: int, say: Callable[[str], None]
) -> dict[str, list[list[float]]]:
    """Rounds of ours and of restarts, in turn."""
    taken: dict[str, list[list[float]]] = {what: [], RESTART: []}
    for number, name in interleaved(taken, rounds):
        say(f"{what} and {RESTART}, {number + 1} of {rounds}: {name}")
        label = f"{what}{number}"
        took_s = rival.until_new(label) if name == RESTART else _until_new(bench, label, deploys=what == "deploy")
        taken[name].append([took_s])
    return taken


def _figure(what: str, words: str, taken: dict[str, list[list[float]]]) -> Figure:
    return Figure(
        key=f"deploy.{what}", title=f"{words}, to the first answer of the new code", unit="s", better="lower",
        ours=timed("our host", taken[what], unit_s=1),
        floor=timed("a stock Granian, ended and started", taken[RESTART], unit_s=1),
        note="the stock Granian answers nothing meanwhile and is not gated",
    )  # fmt: skip


def _until_new(bench: Stand, label: str, *, deploys: bool) -> float:
    start = time.monotonic()
    bench.write(OURS, label)
    command: subprocess.Popen[bytes] | None = bench.edge("deploy", OURS) if deploys else None
    wait_until(lambda: _label(bench, path(OURS)) == label)
    took_s = time.monotonic() - start
    if command is not None:
        command.wait()
    return took_s


def _label(bench: Stand, where: str) -> str:
    return asked(bench.settings, where, BODY)[1].decode().partition(':"')[2].rstrip('"}')
