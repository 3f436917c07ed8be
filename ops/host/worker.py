"""A worker's life after the fork: import the function, run its lifespan, serve the inherited socket."""

import asyncio
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from functools import partial
from typing import Any, NoReturn

import msgspec

from ops.host.spec import Report, WorkerSpec
from ops.lifeline import die_with_parent

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

CONNECTION_CLOSE = (b"connection", b"close")
REASON_LIMIT = 4000
FAILED_EXIT = 3


def run(spec: WorkerSpec, listener_fd: int, report_fd: int) -> NoReturn:
    """Become the worker; never returns. Exit status 3 when it could not start, 0 after a drained stop."""
    step = "fork"
    try:
        _detach(spec, keep=(listener_fd, report_fd))
        step = "import"
        app, manifest = _load(spec)
        _report(report_fd, Report(step="import", manifest=manifest))
        step = "lifespan"
        started = partial(_report, report_fd, Report(step="lifespan"))
        serve(Gatekeeper(app, started, partial(_give_up, report_fd, step)), listener_fd)
    except SystemExit as stop:
        _give_up(report_fd, step, f"the process ended with exit status {stop.code}\n{traceback.format_exc()}")
    except BaseException:  # noqa: BLE001 - whatever happens is the operator's to read
        _give_up(report_fd, step, traceback.format_exc())
    os._exit(0)


def serve(app: App, listener_fd: int, *, backpressure: int = 1024) -> None:
    """Serve ASGI on a listening descriptor with Granian's own worker until SIGTERM.

    Calls Granian's worker entry, which is private, since its public servers cannot take a descriptor;
    `tests/unit/test_granian_contract.py` holds the signature that is relied on.
    """
    import uvloop
    from granian._granian import SocketHolder
    from granian.constants import HTTPModes, RuntimeModes, TaskImpl
    from granian.http import HTTP1Settings
    from granian.server.mp import MPServer

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    if isinstance(app, Gatekeeper):
        loop.add_signal_handler(signal.SIGUSR1, app.drain)
    no_tls: tuple[Any, ...] = (False, None, None, None, "tls1.3", None, [], False)
    MPServer._spawn_asgi_lifespan_worker.__wrapped__(  # noqa: SLF001
        1,
        app,
        (None, SocketHolder(listener_fd, True, backpressure)),  # type: ignore[call-arg]
        None,
        loop,
        RuntimeModes.st,
        1,
        32,
        1,
        30,
        backpressure,
        TaskImpl.asyncio,
        HTTPModes.http1,
        HTTP1Settings(),
        None,
        False,
        None,
        None,
        no_tls,
        {"url_path_prefix": None},
        (None, None),
    )


class Gatekeeper:
    """Reports when the lifespan is up or has failed, and closes connections after their answer once draining.

    Granian goes on without a lifespan that raised; here `on_failed` is called, which ends the process.
    """

    def __init__(self, app: App, on_started: Callable[[], None], on_failed: Callable[[str], None]) -> None:
        self._app = app
        self._on_started = on_started
        self._on_failed = on_failed
        self._draining = False

    def drain(self) -> None:
        """From now on every answer ends its connection."""
        self._draining = True

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif self._draining:
            await self._app(scope, receive, _closing(send))
        else:
            await self._app(scope, receive, send)

    async def _lifespan(self, scope: Message, receive: Receive, send: Send) -> None:
        async def observe(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._on_started()
            elif message["type"] == "lifespan.startup.failed":
                self._on_failed(message.get("message") or "the lifespan failed")
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except Exception:  # noqa: BLE001 - told to the operator, and the process ends
            self._on_failed(traceback.format_exc())


def _closing(send: Send) -> Send:
    async def close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), CONNECTION_CLOSE]
        await send(message)

    return close


def _detach(spec: WorkerSpec, keep: tuple[int, ...]) -> None:
    """Leave everything of the forking process behind: its signals, its descriptors, its output."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    die_with_parent(signal.SIGTERM, parent_pid=spec.host_pid)
    log = os.open(spec.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - numbers, not paths
        if descriptor > 2 and descriptor not in keep:  # noqa: PLR2004 - past the standard streams
            try:
                os.close(descriptor)
            except OSError:
                continue  # the listing's own descriptor


def _load(spec: WorkerSpec) -> tuple[App, dict[str, Any]]:
    sys.path.insert(0, spec.root)
    os.chdir(spec.root)
    module = importlib.import_module(f"functions.{spec.name}")
    manifest = msgspec.to_builtins(module.FUNCTION)
    if manifest["name"] != spec.name:
        raise ValueError(f"FUNCTION.name is {manifest['name']!r} in functions/{spec.name}.py")
    return module.create_app(), manifest


def _report(report_fd: int, report: Report) -> None:
    try:
        os.write(report_fd, msgspec.json.encode(report) + b"\n")
    except BrokenPipeError:
        return  # the host is gone; the death signal follows


def _give_up(report_fd: int, step: str, reason: str) -> NoReturn:
    sys.stderr.write(reason)
    sys.stderr.flush()
    _report(report_fd, Report(step=step, failed=reason[-REASON_LIMIT:]))
    os._exit(FAILED_EXIT)
