"""What the stack that runs here says of itself: its file, and where it cannot write that, itself."""

import time
from contextlib import suppress
from typing import Any

from ops.host import control
from ops.stack.folders import Folders
from ops.stack.requests import SOCKET_NAME

STALE_S = 5.0  # the file is written anew every second
ANSWER_S = 3.0


def told_now(folders: Folders) -> dict[str, Any] | None:
    """As `Folders.told`, past a file that a full disk keeps as it was; older than STALE_S where nobody answers."""
    told = folders.told()
    if told is None or age_s(told) <= STALE_S:
        return told
    with suppress(OSError, ValueError):
        answer = control.ask(folders.run, {"op": "status"}, timeout_s=ANSWER_S, name=SOCKET_NAME)
        if "parts" in answer:  # one that was started by an older release does not know the request
            return answer
    return told


def age_s(told: dict[str, Any]) -> float:
    """How long ago it was told, or how far ahead when the clock was set back."""
    return abs(time.time() - float(told["writtenAt"]))
