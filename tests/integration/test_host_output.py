"""What a release writes at its gate is told apart from what the one that serves writes meanwhile."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.parts.hosts import HELLO, RunningHost, running_host

TALKING = HELLO.replace("    return", "    print('{word} was asked', flush=True)\n    return", 1)


def source(word: str) -> str:
    return TALKING.format(name="one", word=word)


@contextmanager
def visited(host: RunningHost) -> Iterator[None]:
    """Somebody asks the function without a pause."""
    stopped = threading.Event()

    def visit() -> None:
        while not stopped.wait(0.005):
            host.get("one", "/word")

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        yield
    finally:
        stopped.set()
        visitor.join()


def lines(host: RunningHost) -> list[str]:
    return (host.logs / "one.log").read_text().splitlines()


def test_a_refusal_tells_what_the_refused_release_wrote_alone_and_the_log_has_it_too():
    told = "print('the table is missing', flush=True)\nimport time\ntime.sleep(0.5)\n"
    bad = told + source("bad").replace('Smoke("GET", "/word")', 'Smoke("GET", "/word", status=201)')
    with running_host({"one": source("good")}) as host, visited(host):
        before = lines(host).count("good was asked")
        refused = host.deploy("one", bad)
        assert ("smoke", ["the table is missing", "bad was asked"]) == (refused["step"], refused["log"])
        found = lines(host)
        assert {"the table is missing", "bad was asked"} < {*found}
        assert found.count("good was asked") > before + 12


def test_a_release_that_dies_at_its_import_is_told_by_its_last_lines():
    dying = "import os\nfor number in range(50): print('line', number, flush=True)\nos._exit(7)\n"
    with running_host({"one": source("good")}) as host:
        refused = host.deploy("one", dying)
        assert [f"line {number}" for number in range(38, 50)] == refused["log"]


def test_a_release_that_serves_and_workers_that_come_later_write_to_the_log():
    with running_host({"one": source("first")}) as host:
        assert host.deploy("one", source("second"))["ok"]
        host.wait_until(lambda: "second was asked" in lines(host))  # at the gate
        for _ in range(2):
            before = lines(host).count("second was asked")

            def is_written(before: int = before) -> bool:
                return host.get("one", "/word") == (200, "second") and lines(host).count("second was asked") > before

            host.wait_until(is_written)
            (worker,) = host.function("one")["workers"]
            host.get("one", "/word")
            os.kill(worker, signal.SIGKILL)
