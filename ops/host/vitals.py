"""What all functions answered lately, held to the service levels, and left where the health page finds it."""

import time
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from ops.host import log
from ops.host.gauges import Reading
from ops.slo.colours import Colour, Spent, colours, windows
from ops.slo.expressions import WINDOW_S
from ops.slo.levels import load_anew
from ops.slo.slips import LevelsError

NAME = "levels.json"  # read by core/observe/colours.py
EVERY_S = 5.0
MINUTE_S = 60.0
# The uptime check answers 503 on purpose.
APART = frozenset({"health"})

Source = tuple[str, int]


class Vitals:
    """Fed with the totals of each generation, by function and number: one that is gone or new is no step back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[Source, Reading] = {}
        self._lately: deque[tuple[float, str, Reading]] = deque()
        self._minutes: deque[tuple[float, int, int]] = deque()
        self._due_s = 0.0
        self._slip = ""

    def tick(self, now_s: float, sources: Iterable[tuple[Source, Reading]]) -> None:
        """Every so often judge, and write down what was found."""
        if now_s < self._due_s:
            return
        self._due_s = now_s + EVERY_S
        self.take(now_s, dict(sources))
        try:
            found = self.judged(now_s)
        except LevelsError as error:
            self._say(str(error))
            return  # what was written grows old, and the page says that it does not know
        self._slip = ""
        self._write(found)

    def take(self, now_s: float, totals: Mapping[Source, Reading]) -> None:
        """Remember what came since the last time."""
        for source, total in totals.items():
            came = total.since(self._last.get(source, Reading()))
            if came.requests and source[0] not in APART:
                self._lately.append((now_s, source[0], came))
                self._remember(now_s, came)
        self._last = dict(totals)
        while self._lately and now_s - self._lately[0][0] >= WINDOW_S:
            self._lately.popleft()

    def _remember(self, now_s: float, came: Reading) -> None:
        minute_s = now_s - now_s % MINUTE_S
        requests, failed = came.requests, came.failed
        if self._minutes and self._minutes[-1][0] == minute_s:
            _, before, broken = self._minutes.pop()
            requests, failed = requests + before, failed + broken
        self._minutes.append((minute_s, requests, failed))

    def judged(self, now_s: float) -> dict[str, Colour]:
        """The colours now; raises LevelsError."""
        levels = load_anew()
        functions: dict[str, Reading] = {}
        for _, name, came in self._lately:
            functions[name] = functions.get(name, Reading()) + came
        lengths = windows(levels)
        while self._minutes and now_s - self._minutes[0][0] > max(lengths, default=0.0) + MINUTE_S:
            self._minutes.popleft()
        return colours(levels, [*functions.values()], {length: self._spent(now_s, length) for length in lengths})

    def _spent(self, now_s: float, length_s: float) -> Spent:
        seen = [(requests, failed) for begun, requests, failed in self._minutes if now_s - begun <= length_s]
        return Spent(sum(requests for requests, _ in seen), sum(failed for _, failed in seen))

    def _write(self, found: Mapping[str, Colour]) -> None:
        told = {"at": time.time(), **{name: colour.name.lower() for name, colour in found.items()}}
        fresh = self._path.with_name(f".{NAME}")
        with suppress(OSError):  # a full disk: see above
            fresh.write_bytes(msgspec.json.encode(told))
            fresh.replace(self._path)

    def _say(self, slip: str) -> None:
        if slip != self._slip:
            log.write(f"{slip}; the health page has no colours")
        self._slip = slip
