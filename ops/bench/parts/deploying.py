"""From a command, or from a save, to the first answer of the new code through nginx."""

import os
import subprocess
import time
from collections.abc import Callable

from ops.bench import rivals
from ops.bench.figure import Figure, timed
from ops.bench.rivals import module_of
from ops.bench.scale import Scale
from ops.bench.stand import BODY, Stand, asked, end, path, stand, wait_until

OURS = "ours"


def measure_deploying(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    taken: dict[str, list[list[float]]] = {"deploy": [], "save": [], "restart": []}
    with stand() as bench:
        bench.start_host([OURS])
        bench.start_nginx([module_of(rivals.STOCK)])
        bench.instance.state.write_text(f'{{"pid": {os.getpid()}}}')  # `edge dev` attaches to what runs
        granian = bench.rival(rivals.STOCK)
        session: subprocess.Popen[bytes] | None = None
        try:
            for number in range(scale.starts):
                say(f"deploy, and restart of a stock Granian, {number + 1} of {scale.starts}")
                taken["deploy"].append([_until_new(bench, f"d{number}", deploys=True)])
                granian, took_s = _restarted(bench, granian, f"r{number}")
                taken["restart"].append([took_s])
            session = bench.edge("dev")
            _until_new(bench, "first", deploys=False)
            for number in range(scale.starts):
                say(f"save under edge dev, {number + 1} of {scale.starts}")
                taken["save"].append([_until_new(bench, f"s{number}", deploys=False)])
        finally:
            end([granian, *([session] if session else [])])
    floor = timed("a stock Granian, ended and started", taken["restart"], unit_s=1)
    return [
        Figure(
            key=f"deploy.{name}", title=f"{words}, to the first answer of the new code", unit="s", better="lower",
            ours=timed("our host", taken[name], unit_s=1), floor=floor,
            note="the stock Granian answers nothing meanwhile and is not gated",
        )
        for name, words in (("deploy", "edge deploy NAME, its own start included"), ("save", "a save under edge dev"))
    ]  # fmt: skip


def _until_new(bench: Stand, label: str, *, deploys: bool) -> float:
    start = time.monotonic()
    bench.write(OURS, label)
    command: subprocess.Popen[bytes] | None = bench.edge("deploy", OURS) if deploys else None
    wait_until(lambda: _label(bench, path(OURS)) == label)
    took_s = time.monotonic() - start
    if command is not None:
        command.wait()
    return took_s


def _restarted(bench: Stand, granian: subprocess.Popen[bytes], label: str) -> tuple[subprocess.Popen[bytes], float]:
    start = time.monotonic()
    end([granian])
    granian = bench.rival(rivals.STOCK, label)
    wait_until(lambda: _label(bench, path(module_of(rivals.STOCK))) == label)
    return granian, time.monotonic() - start


def _label(bench: Stand, where: str) -> str:
    return asked(bench.settings, where, BODY)[1].decode().partition(':"')[2].rstrip('"}')
