"""The embedding model alone: its encoder in this process, and its server asked over its socket."""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from ops.bench.load import Load
from ops.bench.scale import Scale
from ops.bench.stand import end, wait_until
from ops.bench.window import Outcome, Window
from ops.modelserver.encoder import Encoder
from ops.modelserver.files import MODEL, TOKENIZER
from ops.stack.environment import cores

MODEL_NAME = "all-minilm"
A_SECOND = 500  # texts that are kept ready: more than two cores embed


def load_encoder() -> Encoder:
    """The model in this process."""
    return Encoder(MODEL.read(), TOKENIZER.read())


def encode(encoder: Encoder, texts: Iterator[str], scale: Scale) -> Outcome:
    """A thread a core and nothing around them: what these cores can do at best."""
    window = Window(scale.warm_up_s, scale.seconds)
    one_at_a_time = threading.Lock()
    before = time.process_time()

    def work() -> None:
        while (begun := time.monotonic()) < window.end:
            with one_at_a_time:
                text = next(texts)
                window.sent += 1
            encoder.encode(text)
            with one_at_a_time:
                window.add(begun, time.monotonic())

    with ThreadPoolExecutor(cores()) as pool:
        for done in [pool.submit(work) for _ in range(cores())]:
            done.result()
    return window.outcome(time.process_time() - before)


def load_of_server(socket: Path, texts: Iterator[str], scale: Scale) -> Load:
    """The server asked by as many as keep it busy: more would only wait in its line."""
    asked = (next(texts) for _ in range(int(A_SECOND * (scale.warm_up_s + scale.seconds))))
    return Load(
        uds=str(socket),
        path="/api/embed",
        bodies=[json.dumps({"model": MODEL_NAME, "input": text}) for text in asked],
        connections=cores() * 2,
        warm_up_s=scale.warm_up_s,
        seconds=scale.seconds,
    )


@contextmanager
def model_server() -> Iterator[tuple[Path, int]]:
    """A model server on a socket of its own: its path, and the process."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-", dir="/tmp") as folder:
        socket = Path(folder) / "model.sock"
        process = subprocess.Popen([sys.executable, "-m", "ops.modelserver", "--socket", str(socket)])
        try:
            wait_until(lambda: socket.exists() or process.poll() is not None)
            if process.poll() is not None:
                raise RuntimeError("the model server ended: its message is above")
            yield socket, process.pid
        finally:
            end([process])
