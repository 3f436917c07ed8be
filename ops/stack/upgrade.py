"""`edge host upgrade`, the supervisor's part: starts a second host, and sees to it that exactly one stays.

The new one takes over by itself (ops/host/succession.py) and tells how far it is. Until it says `flip` its end changes
nothing. From then on functions may be behind either host, and only a host that starts from what it finds, as after a
crash, brings all together: the old one is ended as well, and the supervisor starts one anew.
"""

import json
import os
import subprocess
import time
from contextlib import suppress
from typing import Any

from ops.stack import child
from ops.stack.parts import HostPart
from ops.stack.requests import Asked
from ops.stack.supervisor import Supervisor

TIMEOUT_S = 180.0  # the slowest import is given 30 s, a deploy that goes on before it as well
LEAVE_S = 10.0
PIPE_BYTES = 65536


class Upgrade:
    """One new host beside the one that serves."""

    def __init__(self, part: HostPart, python: str, asked: Asked) -> None:
        self.python = python
        self.asked = asked
        self.step = "start"
        self.failure: dict[str, Any] | None = None
        self.is_done = False
        self._rest = b""
        self._deadline = time.monotonic() + TIMEOUT_S
        assert part.process is not None
        self.old: subprocess.Popen[bytes] = part.process
        self._reports, theirs = os.pipe()
        os.set_blocking(self._reports, False)
        try:
            self.new = part.launch(python, "--succeed", str(theirs), pass_fds=(theirs,))
        except BaseException:
            os.close(self._reports)
            raise
        finally:
            os.close(theirs)

    def look(self) -> None:
        """Read what the new host has told."""
        with suppress(BlockingIOError):
            self._rest += os.read(self._reports, PIPE_BYTES)
        *lines, self._rest = self._rest.split(b"\n")
        for message in map(json.loads, lines):
            if "step" in message:
                self.step = message["step"]
                if self.step == "leave":
                    self._deadline = time.monotonic() + LEAVE_S
                self.asked.tell(message)
            elif "failed" in message:
                self.failure = {"step": message["at"], "reason": message["failed"]}
            self.is_done |= bool(message.get("ok"))

    @property
    def is_late(self) -> bool:
        """Whether a step takes longer than it may."""
        return time.monotonic() > self._deadline

    @property
    def has_begun_to_flip(self) -> bool:
        """Whether functions may be behind either host."""
        return self.step in {"flip", "leave"}

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._reports)


class Upgrades:
    """One upgrade at a time. Ticks with the supervisor, before it."""

    def __init__(self, part: HostPart, supervisor: Supervisor) -> None:
        self._part = part
        self._supervisor = supervisor
        self._upgrade: Upgrade | None = None

    def tick(self) -> None:
        """Go on with what is under way; never waits for long."""
        if self._upgrade is not None:
            self._go_on(self._upgrade)

    def close(self) -> None:
        """End a new host that has not taken over."""
        if self._upgrade is not None:
            self._fail(self._upgrade, "the stack is stopping")

    def begin(self, asked: Asked) -> None:
        """Start a new host for who asks for it."""
        process = self._part.process
        if self._upgrade is not None:
            asked.answer({"ok": False, "step": "start", "reason": "an upgrade is under way"})
        elif process is None or process.poll() is not None:
            asked.answer({"ok": False, "step": "start", "reason": "the host is down, and being started anew"})
        else:
            try:
                self._upgrade = Upgrade(self._part, str(asked.request.get("python") or self._part.python), asked)
            except OSError as error:
                asked.answer({"ok": False, "step": "start", "reason": str(error)})
                return
            self._supervisor.held.add(self._part.name)
            self._supervisor.guests |= {self._upgrade.new.pid, self._upgrade.old.pid}
            asked.tell({"step": "start"})

    def _go_on(self, upgrade: Upgrade) -> None:
        # Looked at before the reports: a host that left because it was asked to was reported to be leaving before.
        old_ended, new_ended = upgrade.old.poll() is not None, upgrade.new.poll() is not None
        upgrade.look()
        if upgrade.is_done and not new_ended:
            self._succeed(upgrade)
        elif new_ended:
            self._fail(upgrade, f"the new host ended ({upgrade.new.returncode}) in step {upgrade.step}")
        elif old_ended and upgrade.step != "leave":
            self._fail(upgrade, f"the host that served ended ({upgrade.old.returncode}) meanwhile")
        elif upgrade.is_late and upgrade.step == "leave":
            upgrade.old.kill()
        elif upgrade.is_late:
            self._fail(upgrade, f"the new host takes too long in step {upgrade.step}")

    def _succeed(self, upgrade: Upgrade) -> None:
        _end(upgrade.old)
        self._part.process, self._part.python = upgrade.new, upgrade.python
        upgrade.asked.answer({"ok": True, "pid": upgrade.new.pid, "before": upgrade.old.pid})
        self._finish(upgrade)

    def _fail(self, upgrade: Upgrade, reason: str) -> None:
        _end(upgrade.new)
        with suppress(ValueError):
            upgrade.look()
        if upgrade.has_begun_to_flip:
            _end(upgrade.old)
        failure = upgrade.failure or {"step": upgrade.step, "reason": f"{reason}\n{self._part.log_end()}"}
        upgrade.asked.answer({"ok": False, **failure})
        self._finish(upgrade)

    def _finish(self, upgrade: Upgrade) -> None:
        upgrade.close()
        self._supervisor.held.discard(self._part.name)
        self._supervisor.guests -= {upgrade.new.pid, upgrade.old.pid}
        self._supervisor.search()
        self._upgrade = None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill, and collect."""
    process.kill()
    with suppress(subprocess.TimeoutExpired):
        process.wait(child.KILLED_S)
