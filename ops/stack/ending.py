"""The end of what serves, in good order: nobody new, streams end, requests are answered, and only then all stops."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ops.stack.nginx import Nginx
from ops.stack.parts import HostPart
from ops.stack.shutdown import LONGEST_S

MARGIN_S = 1.0
POLL_S = 0.1
SILENCE_S = 2.0
FIRST_S = 0.5  # a second signal within it is the first one, which came twice: to a process and to its group
Say = Callable[[str], None]


class Ending:
    """Waits as long as the functions that have requests in hand may take, unless it is `cut`."""

    def __init__(self, nginx: Nginx, host: HostPart, say: Say) -> None:
        self._nginx = nginx
        self._host = host
        self._say = say
        self._began_at = time.monotonic()
        self._is_cut = False

    def finish(self) -> None:
        """Returns when the host has ended; nginx may still hold answers for clients that read slowly."""
        self._nginx.close()
        self._end_streams()
        is_told = False
        busy = self._busy()
        while busy and not self._is_cut:
            limit_s = min(max(one["manifest"]["timeout_s"] for one in busy) + MARGIN_S, LONGEST_S)
            if time.monotonic() - self._began_at > limit_s:
                break
            if not is_told:
                self._say(f"waiting for {_told(busy)}, for at most {limit_s:.0f} s; a second signal (Ctrl-C) cuts them")
                is_told = True
            time.sleep(POLL_S)
            left = self._busy()
            if not self._is_cut:  # a host that was just killed tells of nothing
                busy = left
        if busy:
            self._say(f"cutting {_told(busy)}")
        self._host.stop()

    def cut(self) -> None:
        """End at once, whatever is under way; called from a handler of signals."""
        if time.monotonic() - self._began_at > FIRST_S:
            self._is_cut = True
            for process in (self._nginx.process, self._host.process):
                if process is not None:
                    process.kill()  # what they started is ended with the rest

    def _end_streams(self) -> None:
        """A stream has no end of its own to wait for; its client asks again, and meets who serves next."""
        for function in self._functions():
            for pid in function["workers"]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR2)

    def _busy(self) -> list[dict[str, Any]]:
        return [function for function in self._functions() if function["inFlight"] and function["manifest"]]

    def _functions(self) -> list[dict[str, Any]]:
        try:
            functions: list[dict[str, Any]] = self._host.ask({"op": "status"}, timeout_s=SILENCE_S)["functions"]
        except (OSError, KeyError):
            return []
        return functions


def _told(busy: list[dict[str, Any]]) -> str:
    count = sum(function["inFlight"] for function in busy)
    named = ", ".join(f"{function['name']} {function['inFlight']}" for function in busy)
    return f"{count} request{'s' if count != 1 else ''} ({named})"
