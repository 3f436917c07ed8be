"""Keeps the parts of a stack running: starts them in order, brings back those that end, stops all in reverse."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import psutil

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 10.0
STEADY_S = 20.0
ORPHAN_PATIENCE_S = 5.0
SEARCH_S = 30.0


class Part(Protocol):
    """A server that runs as one foreground child of the supervisor."""

    name: str
    process: subprocess.Popen[bytes] | None

    def start(self) -> None:
        """Start the process; raises an exception whose text is for the operator."""

    def wait_ready(self) -> None:
        """Return once it serves; raises an exception whose text is for the operator."""

    def stop(self) -> None:
        """End the process, by force at last."""


class Watched:
    """A part and its recent fate."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.restarts = 0
        self.fault: str | None = None
        self.started_at = time.monotonic()
        self.retry_at = 0.0
        self.backoff_s = FIRST_BACKOFF_S

    @property
    def state(self) -> str:
        """`running`, or `down` between an end and the next start."""
        process = self.part.process
        return "running" if process is not None and process.poll() is None else "down"


class Supervisor:
    """Owns the parts. One thread only: the kernel's death signals follow the thread that starts a child.

    `spared` names orphans that are no leftovers: workers that serve while their host is being started again.
    """

    def __init__(self, say: Callable[[str], None], spared: Callable[[], set[int]]) -> None:
        self.watched: list[Watched] = []
        self._say = say
        self._spared = spared
        self._orphans: dict[int, float] = {}
        # Looking through all processes costs milliseconds: only after a part has ended are there orphans to find.
        self._search_until = 0.0
        # Parts that somebody else brings back, and processes that somebody else waits for.
        self.held: set[str] = set()
        self.guests: set[int] = set()

    def add(self, part: Part) -> None:
        """Start a part and wait until it serves; from now on it is kept running."""
        self.watched.append(Watched(part))
        part.start()
        part.wait_ready()

    def tick(self) -> None:
        """Bring back what has ended, with back-off; end orphans. Call it a few times a second."""
        self._end_orphans()
        for watched in self.watched:
            if watched.state == "down" and watched.part.name not in self.held:
                self._bring_back(watched)

    def search(self) -> None:
        """Look for orphans from now on, for a while."""
        self._search_until = time.monotonic() + SEARCH_S

    def stop(self) -> None:
        """Stop all parts, the last one first; one that does not stop does not keep the others."""
        for watched in reversed(self.watched):
            with suppress(Exception):
                watched.part.stop()
        self.watched.clear()
        for orphan in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):  # one that does not end, too: the others are to be ended as well
                orphan.kill()
                orphan.wait(ORPHAN_PATIENCE_S)

    def _bring_back(self, watched: Watched) -> None:
        now = time.monotonic()
        if watched.part.process is not None:
            status, watched.part.process = watched.part.process.returncode, None
            self.search()
            self._say(f"{watched.part.name} ended ({status}), starting it again")
            if now - watched.started_at >= STEADY_S:
                watched.backoff_s = FIRST_BACKOFF_S
            watched.retry_at = now + watched.backoff_s
        if now < watched.retry_at:
            return
        watched.restarts += 1
        watched.started_at = now
        watched.retry_at = now + watched.backoff_s
        watched.backoff_s = min(watched.backoff_s * 2, LONGEST_BACKOFF_S)
        try:
            watched.part.start()
            watched.fault = None
        except Exception as error:  # noqa: BLE001 - shown to the operator, tried again
            watched.fault = str(error)
            self._say(f"{watched.part.name} does not start: {error}")

    def _end_orphans(self) -> None:
        """Reap what ended and is nobody's; end what a killed part left: nginx's workers outlive their master."""
        ours = {watched.part.process.pid for watched in self.watched if watched.part.process is not None} | self.guests
        _reap(ours)
        if time.monotonic() > self._search_until:
            return
        ours |= self._spared()
        for child in psutil.Process().children():
            if child.pid in ours:
                continue
            with suppress(psutil.NoSuchProcess):
                if child.pid not in self._orphans:
                    self._orphans[child.pid] = time.monotonic()
                    child.terminate()
                elif time.monotonic() - self._orphans[child.pid] > ORPHAN_PATIENCE_S:
                    child.kill()


def _reap(ours: set[int]) -> None:
    """Collect the exit status of children that nobody waits for."""
    with suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in ours:
            os.waitpid(ended.si_pid, 0)
