"""An event loop whose clock does not wait: what takes minutes of it takes milliseconds of ours, and always the same."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Nothing is waited for: the clock is put forward to when the loop wanted to wake."""

    slept: Callable[[float], None]

    def select(self, timeout=None):
        if timeout is not None and timeout > 0:
            self.slept(timeout)
        return super().select(0)


class VirtualTime(asyncio.SelectorEventLoop):
    """Only for code that waits for time and for nothing outside of the process."""

    def __init__(self) -> None:
        self._now = 0.0
        selector = _Selector()
        selector.slept = self._forward
        super().__init__(selector)

    def time(self) -> float:
        return self._now

    def _forward(self, seconds: float) -> None:
        self._now += seconds


def in_virtual_time(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        return runner.run(work)
