"""One hosted function: its active generation, its respawns after crashes, its state for an operator."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from ops.host.generation import Generation, Worker
from ops.host.nursery import Nursery
from ops.host.spec import StepFailedError

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 5.0
STEADY_S = 10.0  # a worker that lived this long starts the back-off anew


class Places:
    """Where the host finds functions and puts sockets and logs."""

    def __init__(self, root: Path, run_dir: Path, log_dir: Path, socket_gid: int | None) -> None:
        self.root = root
        self.run_dir = run_dir
        self.log_dir = log_dir
        self.socket_gid = socket_gid


class HostedFunction:
    """Keeps `worker_count` workers of one function alive behind `NAME.sock`."""

    def __init__(self, name: str, places: Places, nursery: Nursery, worker_count: int = 1) -> None:
        self.name = name
        self.worker_count = worker_count
        self.active: Generation | None = None
        self.restarts = 0
        self.failure: StepFailedError | None = None
        self._places = places
        self._nursery = nursery
        self._generations = 0
        self._stopping = False
        self._backoff_s = FIRST_BACKOFF_S
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Bring up a new generation and switch to it; raises StepFailedError and changes nothing on failure."""
        self._generations += 1
        generation = Generation(self.name, self._generations, self._places.run_dir, self._places.socket_gid)
        try:
            for _ in range(self.worker_count):
                await generation.start_worker(self._nursery, self._places.root, self._log_path)
            await generation.smoke()
        except BaseException as error:
            await generation.stop(drain_s=0, kill_after_s=0)
            if isinstance(error, StepFailedError):
                self.failure = error
            raise
        generation.flip(self._places.run_dir)
        self.active, self.failure = generation, None
        for worker in generation.workers:
            self._spawn(self._respawn_after(generation, worker))

    async def keep_trying(self) -> None:
        """Start, again and again with back-off, until it works or the function is stopped."""
        while not self._stopping:
            try:
                await self.start()
            except StepFailedError as error:
                print(error, flush=True)  # noqa: T201 - the host's log is its standard output
                await asyncio.sleep(self._next_backoff())
            else:
                return

    async def stop(self, kill_after_s: float = 10.0) -> None:
        """End all workers and respawns of this function."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        if self.active is not None:
            await self.active.stop(drain_s=0, kill_after_s=kill_after_s)
        (self._places.run_dir / f"{self.name}.sock").unlink(missing_ok=True)

    def state(self) -> dict[str, Any]:
        """Facts for `edge list` and `edge status`."""
        workers = [w.pid for w in self.active.workers if w.exit_status is None] if self.active else []
        return {
            "name": self.name,
            "state": "serving" if workers else "failed" if self.failure else "starting",
            "generation": self.active.number if self.active else None,
            "workers": workers,
            "restarts": self.restarts,
            "manifest": self.active.manifest if self.active else None,
            "failedStep": self.failure.step if self.failure else None,
            "failure": self.failure.reason if self.failure else None,
        }

    @property
    def _log_path(self) -> Path:
        return self._places.log_dir / f"{self.name}.log"

    async def _respawn_after(self, generation: Generation, worker: Worker) -> None:
        """Replace a worker that ended by itself with one of the same generation."""
        status = await worker.ended()
        lived_s = asyncio.get_running_loop().time() - worker.started_at
        while generation is self.active and not self._stopping:
            if worker in generation.workers:
                generation.workers.remove(worker)
            self.restarts += 1
            print(f"{self.name}: worker {worker.pid} ended ({status}), starting another", flush=True)  # noqa: T201
            if lived_s >= STEADY_S:
                self._backoff_s = FIRST_BACKOFF_S
            await asyncio.sleep(self._next_backoff())
            with contextlib.suppress(StepFailedError):
                fresh = await generation.start_worker(self._nursery, self._places.root, self._log_path)
                self._spawn(self._respawn_after(generation, fresh))
                return
            lived_s = 0.0

    def _next_backoff(self) -> float:
        waited, self._backoff_s = self._backoff_s, min(self._backoff_s * 2, LONGEST_BACKOFF_S)
        return waited

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
