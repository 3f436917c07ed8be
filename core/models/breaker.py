"""A circuit breaker. Our own: those on PyPI have no half-open state with one probe for asyncio, or are abandoned."""

import math
import time
from collections.abc import Callable
from typing import Literal

from core.errors import ModelUnavailable

State = Literal["closed", "open", "half-open"]

FAILURES = 3
COOL_DOWN_S = 0.5
LONGEST_COOL_DOWN_S = 5.0


class Breaker:
    """Closed until FAILURES calls in a row fail; then open, and after each cool-down one call may probe.

    The cool-down doubles from COOL_DOWN_S to LONGEST_COOL_DOWN_S. `clock` returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed = 0
        self._cool_down_s = COOL_DOWN_S
        self.state: State = "closed"
        self._probe_at = 0.0

    def check(self) -> None:
        """Raise ModelUnavailable, with the time to wait, when a call would not be let through now."""
        wait_s = self._probe_at - self._clock() if self.state == "open" else 0.0
        if self.state == "half-open" or wait_s > 0:
            raise ModelUnavailable("the model server is down", retry_after_s=max(1, math.ceil(wait_s)))

    def begin(self) -> None:
        """Announce a call: the first after a cool-down is the probe. Raises as `check` does."""
        self.check()
        if self.state == "open":
            self.state = "half-open"

    def success(self) -> None:
        """A call was answered, however late: the server works."""
        self.state, self._failed, self._cool_down_s = "closed", 0, COOL_DOWN_S

    def failure(self) -> None:
        """A call failed."""
        self._failed += 1
        if self.state == "half-open" or self._failed >= FAILURES:
            self.trip()

    def trip(self) -> None:
        """Open at once. While it is open already, failures of older calls do not prolong it."""
        if self.state == "open":
            return
        self.state = "open"
        self._probe_at = self._clock() + self._cool_down_s
        self._cool_down_s = min(LONGEST_COOL_DOWN_S, self._cool_down_s * 2)

    def withdraw(self) -> None:
        """A call was given up and says nothing; when it was the probe, the next call is."""
        if self.state == "half-open":
            self.state, self._probe_at = "open", self._clock()
