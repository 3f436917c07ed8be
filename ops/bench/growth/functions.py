"""What functions cost as they grow in number: memory, a start, a deploy, and time on a core while nobody asks."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from click import echo

from ops.bench import processes
from ops.bench.growth import page
from ops.bench.growth.page import FunctionRung
from ops.bench.stand import Stand, answers, stand, wait_until
from ops.stack.environment import moment

FUNCTION_RUNGS = (1, 10, 30, 100)
DEPLOYS = 5
IDLE_S = 3.0
SETTLED_S = 2.0


def grow_functions(rungs: Sequence[int], log: Path) -> None:
    """Run so many functions under one host, and deploy one of them."""
    with stand() as bench:
        bench.start_host(["f0"])
        running = 1
        for count in rungs:
            added = [f"f{number}" for number in range(running, count)]
            began = time.monotonic()
            bench.deploy(added)
            each_s = (time.monotonic() - began) / len(added) if added else None
            running = max(running, count)
            family = _settled(bench)
            pss_mib, idle_share = processes.pss_mib(family), _idle_share(family)
            deploys = [_redeploy(bench, f"{count}-{number}") for number in range(DEPLOYS)]
            rung = FunctionRung(
                functions=count,
                pss_mib=pss_mib,
                start_each_s=each_s and round(each_s, 4),
                deploy_s=round(statistics.median(deploys), 4),
                idle_share=idle_share,
                at=moment(),
            )
            page.append(log, rung)
            echo(f"measured with {count} functions")


def _redeploy(bench: Stand, label: str) -> float:
    """Seconds from new code in the tree to its first answer, by the host's own protocol."""
    began = time.monotonic()
    bench.deploy(["f0"], label)
    wait_until(lambda: answers(bench.socket("f0"), "f0", label))
    return time.monotonic() - began


def _settled(bench: Stand) -> list[psutil.Process]:
    """The processes of the host once none has come or gone for a while: old generations drain, a zygote is warmed."""
    seen: set[int] = set()
    since = time.monotonic()

    def is_settled() -> bool:
        nonlocal seen, since
        found = {process.pid for process in processes.family(bench.host.ask({"op": "status"})["pid"])}
        if found != seen:
            seen, since = found, time.monotonic()
        return time.monotonic() - since > SETTLED_S

    wait_until(is_settled)
    return processes.family(*seen & {bench.host.ask({"op": "status"})["pid"]})


def _idle_share(family: Sequence[psutil.Process]) -> float:
    """Time on a core that all of them use while nobody asks, as a share of one core."""
    meter = processes.Meter(family)
    time.sleep(IDLE_S)
    return round(meter.spent_s() / IDLE_S, 4)
