"""One run under watch, by the process that judges it: samples, what the functions count, deploys."""

import time
from collections.abc import Callable
from typing import Any

import gevent

from loadtests import metrics
from loadtests.deploys import Deploys
from loadtests.evidence import Evidence, Fault, Total
from loadtests.options import Options
from loadtests.questions import Questions
from loadtests.shapes import Doubling, users_at
from loadtests.timeline import Timeline

SAMPLES = 150
# Seconds that are complete in the master's statistics: workers report every three.
LATELY = range(-6, -2)
SEARCHES = ("search", "search, refused")


class Watching:
    """`runner` is Locust's; its statistics are of all workers. `shape` says how many users there are to be."""

    def __init__(self, runner: Any, options: Options, questions: Questions, *, report_every_s: float) -> None:
        self._runner = runner
        self._options = options
        self._questions = questions
        self._timeline: Timeline | None = None
        self._lookups = metrics.Lookups(time.time())
        scenario = options.scenario
        length_s = scenario.length_s * options.scale
        self._pause_s = max(report_every_s, length_s / SAMPLES)
        self._doubling = None if scenario.stages else Doubling(scenario.hold_s * options.scale)
        self._deploys = Deploys(max(1, round(scenario.deploys * options.scale)), length_s) if scenario.deploys else None
        self._greenlets: list[gevent.Greenlet] = []
        self._defects: list[str] = []
        self._most_workers = self._lost = 0
        self.finished = False

    def users(self, seconds: float) -> int | None:
        """The users that there are to be so long after the begin; None at the end."""
        if self._doubling is None:
            users = users_at(self._options.scenario.stages, seconds, self._options.scale)
        else:
            users = self._doubling.tick(time.time(), self._refused_lately())
        self.finished = users is None
        if users is not None:
            self._count_workers()
        return users

    def _count_workers(self) -> None:
        """One that is lost takes along what it had not reported, and the users that it was."""
        workers = getattr(self._runner, "worker_count", 0)  # which only a master has
        self._most_workers = max(self._most_workers, workers)
        self._lost = max(self._lost, self._most_workers - workers)

    def start(self) -> None:
        """The load begins now."""
        self._timeline = Timeline(time.monotonic())
        self._lookups.take(metrics.read(self._options.host, "search"))
        self._greenlets.append(gevent.spawn(self._sample))
        if self._deploys is not None:
            self._greenlets.append(gevent.spawn(self._deploys.run))

    def stop(self) -> None:
        """It is over. What went wrong in the background is a defect of the test, and costs nobody the verdict."""
        for greenlet in self._greenlets:
            greenlet.kill()
        self._take()
        self._defects += [repr(greenlet.exception) for greenlet in self._greenlets if greenlet.exception is not None]

    def forget(self) -> None:
        """Somebody threw the figures away in the middle: what is left is not the run's."""
        self._defects.append("the statistics were reset while it went on")

    def evidence(self) -> Evidence:
        """What is known by now."""
        stats = self._runner.stats
        return Evidence(
            [Total.of(entry) for entry in stats.entries.values()],
            [Fault(error.name, str(error.error), error.occurrences) for error in stats.errors.values()],
            self._timeline.samples if self._timeline else (),
            {} if self._doubling is None else self._doubling.windows,
            self._notes(),
            self.finished,
        )

    @property
    def complaints(self) -> list[str]:
        """What went wrong with deploys and with the test itself, in words."""
        lost = [f"workers that were lost in the middle: {self._lost}"] if self._lost else []
        return [*([] if self._deploys is None else self._deploys.said), *self._defects, *lost]

    def _notes(self) -> dict[str, float | None]:
        notes: dict[str, float | None] = {
            "defects": sum(row["count"] for row in self._runner.exceptions.values()) + len(self._defects) + self._lost,
            "hit rate": self._lookups.hit_rate,
            "memory": self._lookups.memory_growth,
            "repeats": self._questions.repeats(sum(self._requests(name) for name in SEARCHES)),
        }
        if self._deploys is not None:
            notes |= {"deploys": self._deploys.done, "deploys missing": self._deploys.missing}
        return notes

    def _requests(self, name: str) -> int:
        return int(self._of(name, lambda entry: entry.num_requests))

    def _of(self, name: str, read: Callable[[Any], float]) -> float:
        return sum(read(entry) for entry in self._runner.stats.entries.values() if entry.name == name)

    def _refused_lately(self) -> float:
        seconds = [int(time.time()) + offset for offset in LATELY]
        answered, refused = (
            self._of(name, lambda entry: sum(entry.num_reqs_per_sec.get(second, 0) for second in seconds))
            for name in SEARCHES
        )
        return refused / (answered + refused) if answered + refused else 0.0

    def _sample(self) -> None:
        while True:
            gevent.sleep(self._pause_s)
            self._take()

    def _take(self) -> None:
        if self._timeline is not None:
            self._lookups.take(metrics.read(self._options.host, "search"))
            self._timeline.take(time.monotonic(), self._runner.user_count, self.evidence())
