"""The signals that end `edge up`: an exception while it starts, and later the end of a wait."""

import os
import signal
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Takes the signals from its making on. `waking` is readable once one came.

    An exception out of a handler can leave a lock held that the stop needs: `subprocess` takes one for each look at a
    child, and what supervises looks all the time. So it is raised only while something starts that can take minutes.
    """

    def __init__(self) -> None:
        self.came = False
        self._raises = True
        self.waking, self._write = os.pipe()
        for signum in ENDING:
            signal.signal(signum, self._take)

    def wait_for(self) -> None:
        """From now on a signal is only noted; raises KeyboardInterrupt when one came before."""
        self._raises = False
        if self.came:
            raise KeyboardInterrupt

    def _take(self, _signum: int, _frame: FrameType | None) -> None:
        first, self.came = not self.came, True
        if first:
            os.write(self._write, b"!")
        if self._raises:
            raise KeyboardInterrupt
