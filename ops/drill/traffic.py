"""The drill's side of the load generator: starts it, hears what it tells, stops it."""

import subprocess
import sys
import threading
from pathlib import Path

import msgspec

from ops.drill.stage import StageError
from ops.drill.tally import Load, Progress, Result

DECODER = msgspec.json.Decoder(Progress | Result)
END_TIMEOUT_S = 180.0


class Traffic:
    """One run of the generator. `seen`: by function, (release, CLOCK_MONOTONIC) of each change of who answers."""

    def __init__(self, load: Load, root: Path) -> None:
        self.progress = Progress(0, 0, 0)
        self.seen: dict[str, list[tuple[str, float]]] = {}
        self.result: Result | None = None
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ops.drill.load"], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(load) + b"\n")
        self.process.stdin.flush()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def first_answer(self, function: str, label: str, after: float) -> float | None:
        """When the first answer of that release came after that moment; None when there was none yet."""
        return next((at for seen, at in self.seen.get(function, ()) if seen == label and at >= after), None)

    @property
    def is_alive(self) -> bool:
        """Whether the generator runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Begin no request any more; what is under way goes on."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def collect(self) -> Result:
        """What was counted, once it has ended; raises StageError without a result."""
        self._reader.join(END_TIMEOUT_S)
        self.process.kill()
        self.process.wait()
        if self.result is None:
            raise StageError("the load generator ended without a result; its reason stands above")
        return self.result

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = DECODER.decode(line)
            if isinstance(message, Result):
                self.result = message
            else:
                self.progress = message
                if message.seen is not None:
                    function, release, at = message.seen
                    self.seen.setdefault(function, []).append((release, at))
