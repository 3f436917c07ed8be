"""The host's log, which is its standard output."""

import os
import traceback
from contextlib import suppress

from ops.host.spec import StepFailedError

STDOUT = 1


def write(line: str) -> None:
    """Write a line. On a full disk it is lost, and the work that it tells of goes on."""
    with suppress(OSError):
        os.write(STDOUT, f"{line}\n".encode("utf-8", "backslashreplace"))


def told(error: BaseException) -> str:
    """An error in words; of one that nobody foresaw, where it came from."""
    return str(error) if isinstance(error, StepFailedError) else "".join(traceback.format_exception(error))
