"""`make bench-host`: what hosting costs, beside stock Granians over the same functions, in one run.

Memory of idle functions, time from a command to new code, and a request to an empty function through nginx.
"""

import argparse
import http.client
import os
import statistics
import subprocess
import time
from contextlib import closing

from rich.console import Console

from ops.bench import processes
from ops.bench.environment import environment
from ops.bench.latency import summary
from ops.bench.load import Load, Outcome, measure
from ops.bench.report import Section, show
from ops.bench.stand import BODY, Stand, end, path, stand, wait_until
from ops.lifeline import adopt_orphans

OURS, STOCK = "ours", "stock"
CONCURRENCIES = (1, 50)


def memory(count: int) -> Section:
    """PSS of `count` functions that have answered once and are idle; first ours alone, then stock Granians alone."""
    names = [f"empty{number}" for number in range(count)]
    with stand() as bench:
        start = time.monotonic()
        bench.start_host(names)
        started_s = time.monotonic() - start
        status = bench.host.ask({"op": "status"})
        ours = processes.family(status["pid"])
        workers = processes.family(*(pid for one in status["functions"] for pid in one["workers"]))
        rows = [
            ("our host, with zygote and workers", count, len(ours), processes.pss_mib(ours), round(started_s, 2)),
            ("  of it the workers", count, len(workers), processes.pss_mib(workers), None),
        ]
    with stand() as bench:
        for name in names:
            bench.write(name, "0")
        start = time.monotonic()
        started = [bench.granian(name) for name in names]
        started_s = time.monotonic() - start
        family = processes.family(*(process.pid for process in started))
        rows += [("stock Granians", count, len(family), processes.pss_mib(family), round(started_s, 2))]
        end(started)
    return Section(
        title="Memory of idle functions",
        how="each after its first answer; PSS from smaps_rollup, one side at a time; started one after the other",
        columns=("", "functions", "processes", "PSS MiB", "all started s"),
        rows=tuple(rows),
    )


def new_code(bench: Stand, times: int) -> Section:
    """From the start of the command, or from the save, to the first answer of the new code through nginx."""
    deployed = [_until_new(bench, f"d{number}", deploys=True) for number in range(times)]
    session = bench.edge("dev")
    try:
        _until_new(bench, "first", deploys=False)
        saved = [_until_new(bench, f"s{number}", deploys=False) for number in range(times)]
    finally:
        end([session])
    rows = [
        (name, times, round(statistics.median(found), 3), round(min(found), 3), round(max(found), 3))
        for name, found in (("edge deploy NAME, its start included", deployed), ("a save under edge dev", saved))
    ]
    return Section(
        title="Time to new code",
        how="one small function, one after the other, nothing else asked; seconds to the first answer of the new code",
        columns=("", "times", "median s", "least s", "most s"),
        rows=tuple(rows),
    )


def _until_new(bench: Stand, label: str, *, deploys: bool) -> float:
    start = time.monotonic()
    bench.write(OURS, label)
    command: subprocess.Popen[bytes] | None = bench.edge("deploy", OURS) if deploys else None
    wait_until(lambda: _label(bench) == label)
    took_s = time.monotonic() - start
    if command is not None:
        command.wait()
    return took_s


def _label(bench: Stand) -> str:
    with closing(http.client.HTTPConnection(bench.settings.host, bench.settings.port, timeout=5)) as connection:
        connection.request("POST", path(OURS), BODY, {"Content-Type": "application/json"})
        return connection.getresponse().read().decode().partition(':"')[2].rstrip('"}')


def request(bench: Stand, granian: subprocess.Popen[bytes], seconds: float, rounds: int) -> Section:
    """The same application behind the same nginx, ours and stock in turn."""
    warm_up_s = min(2.0, seconds)
    rows = []
    for connections in CONCURRENCIES:
        found: dict[str, list[tuple[Outcome, float]]] = {OURS: [], STOCK: []}
        for _ in range(rounds):
            for name, outcomes in found.items():
                load = Load(
                    host=bench.settings.host,
                    port=bench.settings.port,
                    path=path(name),
                    body=BODY,
                    connections=connections,
                    warm_up_s=warm_up_s,
                    seconds=seconds,
                )
                pids = bench.state(OURS)["workers"] if name == OURS else [granian.pid]
                before = processes.cpu_s(family := processes.family(*pids))
                outcome = measure(load)
                outcomes.append((outcome, processes.cpu_s(family) - before))
        rows += [_row(name, connections, outcomes) for name, outcomes in found.items()]
    return Section(
        title="A request to an empty function through nginx",
        how=f"POST of JSON over kept connections; {rounds} rounds in turn of {seconds:g} s, after {warm_up_s:g} s of "
        "warm-up each; CPU is of the function's process alone",
        columns=("", "connections", "requests", "errors", "a second", "p50 ms", "p95 ms", "p99 ms", "CPU us a request"),
        rows=tuple(rows),
    )


def _row(name: str, connections: int, outcomes: list[tuple[Outcome, float]]) -> tuple[str | int | float, ...]:
    latency = summary(value for outcome, _ in outcomes for value in outcome.latencies_s)
    seconds = sum(outcome.seconds for outcome, _ in outcomes)
    cpu_s, sent = sum(cpu for _, cpu in outcomes), sum(outcome.sent for outcome, _ in outcomes)
    return (
        "our host" if name == OURS else "stock Granian",
        connections,
        latency.count,
        sum(outcome.errors for outcome, _ in outcomes),
        round(latency.count / seconds),
        latency.p50,
        latency.p95,
        latency.p99,
        round(cpu_s / max(sent, 1) * 1e6),
    )


def main() -> None:
    """Measure, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m ops.bench.host", description=__doc__)
    parser.add_argument("--functions", type=int, default=8, help="whose memory is measured")
    parser.add_argument("--times", type=int, default=7, help="deploys, and saves")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round of requests")
    parser.add_argument("--rounds", type=int, default=3, help="of requests, for each side and concurrency")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    given = parser.parse_args()
    adopt_orphans()
    progress = Console(stderr=True, highlight=False)
    where = environment()
    progress.print(f"memory of {given.functions} functions")
    sections = [memory(given.functions)]
    with stand() as bench:
        bench.start_host([OURS])
        bench.start_nginx([STOCK])
        bench.instance.state.write_text(f'{{"pid": {os.getpid()}}}')  # `edge dev` attaches to what runs
        progress.print("time to new code")
        sections.append(new_code(bench, given.times))
        bench.write(STOCK, "0")  # not before: `edge dev` deploys all that is there
        granian = bench.granian(STOCK)
        try:
            progress.print("requests")
            sections.append(request(bench, granian, given.seconds, given.rounds))
        finally:
            end([granian])
    show(sections, where, as_json=given.json)


if __name__ == "__main__":
    main()
