"""The host's log, which is its standard output."""

import os
import time
import traceback
from contextlib import suppress

from ops.host.spec import StepFailedError

STDOUT = 1
TIME = "%Y-%m-%d %H:%M:%S"


def write(line: str) -> None:
    """Write a line with its time. On a full disk it is lost, and the work that it tells of goes on."""
    with suppress(OSError):
        os.write(STDOUT, f"{time.strftime(TIME)} {line}\n".encode("utf-8", "backslashreplace"))


def told(error: BaseException) -> str:
    """An error in words; of one that nobody foresaw, where it came from."""
    return str(error) if isinstance(error, StepFailedError) else "".join(traceback.format_exception(error))
