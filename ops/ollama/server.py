"""The real Ollama as a process on a free loopback port, with its own folder of models and its own home."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import httpx

from ops.ollama.layout import Layout
from ops.ollama.needs import BuildError
from ops.stack import child
from ops.stack.listener import free_port

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


class OllamaServer:
    """One server; entering starts it. It keeps its port when it is started again."""

    def __init__(self, layout: Layout, models: Path | None = None, port: int | None = None) -> None:
        self._layout = layout
        self._models = models or layout.models
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = Path(tempfile.mkdtemp(prefix="ollama-")) / "ollama.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start and wait until it answers; raises BuildError with its log."""
        self._layout.home.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            # TERM when whoever started it is killed: it then ends its runners itself, which are of its session.
            self.process = child.start(
                [self._layout.binary, "serve"],
                account=None,
                death_signal=signal.SIGTERM,
                log=log,
                environ=self.environment(),
                cwd=self._layout.root,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise BuildError(f"Ollama does not answer on {self.url}:\n{self.log.read_text()}")
            time.sleep(0.05)

    def environment(self) -> dict[str, str]:
        """Only what Ollama needs: a proxy or another OLLAMA_… of the caller would reach into it."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._layout.home),
            "OLLAMA_HOST": f"127.0.0.1:{self.port}",
            "OLLAMA_MODELS": str(self._models),
            "OLLAMA_KEEP_ALIVE": "30m",
            "OLLAMA_CONTEXT_LENGTH": "2048",
            "OLLAMA_NOPRUNE": "1",  # another server may be creating a model in the same folder
            "OLLAMA_NO_CLOUD": "1",
        }

    def answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/api/version", trust_env=False, timeout=5).is_success
        return False

    def kill(self) -> None:
        """SIGKILL to the server and its runners, as a crash."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """Stop it, by force after a while, and remove its log."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=STOP_TIMEOUT_S)
        self.kill()
        shutil.rmtree(self.log.parent, ignore_errors=True)
