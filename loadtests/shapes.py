"""How many users there are at a time: straight lines between stages, or a search for capacity and then twice of it."""

import math
from collections.abc import Sequence
from statistics import mean
from typing import Literal, NamedTuple

from ops.slo.levels import Stage

# At the end nobody is there, so that every request that was begun is counted: workers report every three seconds.
SETTLE_S = 4.0


def users_at(stages: Sequence[Stage], seconds: float, scale: float) -> int | None:
    """The users at a time after the start; None once the last stage and the settling are over."""
    if seconds >= stages[-1].end_s * scale:
        return 0 if seconds < stages[-1].end_s * scale + SETTLE_S else None
    begin, users = 0.0, 0
    for stage in stages:
        end = stage.end_s * scale
        if seconds < end:
            share = (seconds - begin) / (end - begin)
            return max(1, round(users + (stage.users - users) * share))
        begin, users = end, stage.users
    return None


class Turns:
    """When one user asks: every `pace_s` from `first` of a clock on, whatever holds it up.

    Not so long after it asked last, as Locust's `constant_pacing`: users whom a machine that stood still has held up
    together would ask together ever after, and of such waves a system refuses what it could have answered.
    """

    def __init__(self, first: float, pace_s: float) -> None:
        self._first = first
        self._pace_s = pace_s
        self._turn = -1

    def wait_s(self, now: float) -> float:
        """Seconds to the next turn; those that were missed are left out."""
        self._turn = max(self._turn + 1, math.ceil((now - self._first) / self._pace_s))
        return max(0.0, self._first + self._turn * self._pace_s - now)


Phase = Literal["growing", "saturated", "full", "double", "over", "never full"]


class Window(NamedTuple):
    """A phase in whole seconds of the clock, without its first ones, in which users come."""

    begin: int
    end: int


class Doubling:
    """Users grow until some are refused; PAST as many as are answered stay a while, at most, then twice as many.

    `tick` is fed with the clock and the share that was refused lately, of whole seconds. `windows` holds when it was
    full and doubled. That it is full is looked at CONFIRMING_S long: a burst of those who have just come is soon over.
    The last step of growth may have gone far past what it answers, and twice as many would be far more than twice: what
    it refuses in a further STEP_S says how many are to stay, or that it was a burst after all. However short the run,
    they stay LEAST_S: a rate of the best LEAST_S of the run is compared with, and a second in which a shared machine
    does something else is a small part of it.
    """

    FIRST, GROWTH, MOST, LEAST_S = 40, 1.5, 4000, 20.0
    STEP_S, SETTLING_S, CONFIRMING_S = 10.0, 4.0, 6.0
    FULL, PAST = 0.1, 1.3

    def __init__(self, hold_s: float) -> None:
        self.phase: Phase = "growing"
        self.users = self.FIRST
        self.windows: dict[str, Window] = {}
        self._hold_s = max(self.LEAST_S, hold_s)
        self._since: float | None = None
        self._full_since: float | None = None
        self._shares: list[float] = []

    def tick(self, now: float, refused: float) -> int | None:
        """The users from now on; None at the end."""
        if self._since is None:
            self._since = now
        spent = now - self._since
        if self.phase == "growing" and spent >= self.STEP_S:
            self._grow(now, refused)
        elif self.phase == "saturated":
            self._shares.append(refused)
            if spent >= self.STEP_S:
                self._stay(now)
        elif self.phase in {"full", "double"} and spent >= self.SETTLING_S + self._hold_s:
            self.windows[self.phase] = Window(round(self._since + self.SETTLING_S), int(now))
            self._enter("double" if self.phase == "full" else "over", now)
        if self.phase in {"over", "never full"}:
            return 0 if now - self._since < SETTLE_S else None
        return self.users * (2 if self.phase == "double" else 1)

    def _grow(self, now: float, refused: float) -> None:
        if refused >= self.FULL:
            self._full_since = now if self._full_since is None else self._full_since
            if now - self._full_since >= self.CONFIRMING_S:
                self._enter("saturated", now)
            return
        self._full_since = None
        if self.users >= self.MOST:
            self._enter("never full", now)
        else:
            self.users, self._since = min(self.MOST, round(self.users * self.GROWTH)), now

    def _stay(self, now: float) -> None:
        refused, self._shares, self._full_since = mean(self._shares), [], None
        if refused < self.FULL:
            self._enter("growing", now)
            return
        self.users = max(1, min(self.users, round(self.users * (1 - refused) * self.PAST)))
        self._enter("full", now)

    def _enter(self, phase: Phase, now: float) -> None:
        self.phase, self._since = phase, now
