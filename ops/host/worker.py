"""A worker's life after the fork: import the function from its release, run its lifespan, serve its socket."""

import asyncio
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec

from ops.host import bounds, manifest, records
from ops.host.gatekeeper import App, Gatekeeper
from ops.host.gauges import Gauges
from ops.host.output import open_log
from ops.host.spec import Report, WorkerSpec
from ops.lifeline import die_with_parent, outlive_parent

BACKPRESSURE = 1024
REASON_LIMIT = 4000
FAILED_EXIT = 3


class Descriptors(NamedTuple):
    """What a worker inherits: its listener, the pipe to report on, what it writes to, and the supervisor's lifeline."""

    listener: int
    report: int
    output: int
    lifeline: int | None = None


def run(spec: WorkerSpec, inherited: Descriptors) -> NoReturn:
    """Become the worker; never returns. Exit status 3 when it could not start, 0 after a drained stop."""
    step = "fork"
    try:
        gauges = _detach(spec, inherited)
        bounds.bound_start()
        step = "import"
        app, declared = _load(spec)
        declaration = manifest.read(declared)
        bounds.bound_memory(declaration.memory_mib)
        _report(inherited.report, Report(step="import", manifest=declared))
        step = "lifespan"
        started = partial(_start_serving, spec, inherited.report)
        failed = partial(_give_up, inherited.report, step)
        gatekeeper = Gatekeeper(app, gauges, declaration.timeout_s, started, failed)
        serve(gatekeeper, inherited, partial(_leave_gate, Path(spec.log_path)))
    except SystemExit as stop:
        _give_up(inherited.report, step, f"the process ended with exit status {stop.code}\n{traceback.format_exc()}")
    except BaseException:  # noqa: BLE001 - whatever happens is the operator's to read
        _give_up(inherited.report, step, traceback.format_exc())
    os._exit(0)


def serve(gatekeeper: Gatekeeper, inherited: Descriptors, on_open: Callable[[], None]) -> None:
    """Serve ASGI on the inherited listener with Granian's own worker until SIGTERM.

    SIGHUP calls `on_open`, SIGUSR1 begins draining, SIGUSR2 ends streams.
    """
    import uvloop

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.add_signal_handler(signal.SIGHUP, on_open)
    loop.add_signal_handler(signal.SIGUSR1, gatekeeper.drain)
    loop.add_signal_handler(signal.SIGUSR2, gatekeeper.end_streams)
    if inherited.lifeline is not None:
        loop.add_reader(inherited.lifeline, _end_with_supervisor, loop, inherited.lifeline)
    gatekeeper.beat(loop)
    _run_granian(gatekeeper, inherited.listener, loop)


def _run_granian(app: App, listener_fd: int, loop: asyncio.AbstractEventLoop) -> None:
    """Call Granian's worker entry, which is private: its public servers cannot take a descriptor.

    `tests/unit/test_granian_contract.py` holds the signature that is relied on.
    """
    from granian._granian import SocketHolder
    from granian.constants import HTTPModes, RuntimeModes, TaskImpl
    from granian.http import HTTP1Settings
    from granian.server.mp import MPServer

    no_tls: tuple[Any, ...] = (False, None, None, None, "tls1.3", None, [], False)
    listener = SocketHolder(listener_fd, True, BACKPRESSURE)  # type: ignore[call-arg]
    threads = (1, 32, 1, 30)  # runtime, its blocking ones, those of Python, and how long one of these may be idle
    http = (HTTPModes.http1, HTTP1Settings(), None)
    unused: tuple[Any, ...] = (False, None, None)  # websockets, static files, log of accesses
    MPServer._spawn_asgi_lifespan_worker.__wrapped__(  # noqa: SLF001
        1,
        app,
        (None, listener),
        None,
        loop,
        RuntimeModes.st,
        *threads,
        BACKPRESSURE,
        TaskImpl.asyncio,
        *http,
        *unused,
        no_tls,
        {"url_path_prefix": None},
        (None, None),
    )


def _write_to(descriptor: int) -> None:
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


def _leave_gate(log: Path) -> None:
    """Write to the function's log from now on."""
    with suppress(OSError):  # on a full disk it may not come into being
        descriptor = open_log(log)
        _write_to(descriptor)
        os.close(descriptor)


def _end_with_supervisor(loop: asyncio.AbstractEventLoop, lifeline_fd: int) -> None:
    """The lifeline became readable: its other end is closed, since the supervisor is no more."""
    loop.remove_reader(lifeline_fd)
    os.kill(os.getpid(), signal.SIGTERM)


def _detach(spec: WorkerSpec, inherited: Descriptors) -> Gauges:
    """Leave everything of the forking process behind: its signals, its descriptors, its output."""
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)
    if spec.cgroup is not None:
        Path(spec.cgroup).write_text("0")
    gauges = records.leave(Path(spec.records), spec.name, spec.generation)
    # Before it serves nobody needs it but the host that waits for it.
    die_with_parent(signal.SIGKILL, parent_pid=spec.host_pid)
    _write_to(inherited.output)
    wanted = {0, 1, 2, inherited.listener, inherited.report, inherited.lifeline, gauges.descriptor}
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - numbers, not paths
        if descriptor not in wanted:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the listing's own descriptor
    return gauges


def _load(spec: WorkerSpec) -> tuple[App, dict[str, Any]]:
    sys.dont_write_bytecode = True  # a release is immutable, and brings its own
    sys.path.insert(0, spec.root)
    os.chdir(spec.root)
    module = importlib.import_module(f"functions.{spec.name}")
    declared = msgspec.to_builtins(module.FUNCTION)
    if declared["name"] != spec.name:
        raise ValueError(f"FUNCTION.name is {declared['name']!r} in functions/{spec.name}.py")
    return module.create_app(), declared


def _start_serving(spec: WorkerSpec, report_fd: int) -> None:
    """From here on a worker with a lifeline outlives its host."""
    if spec.has_lifeline:
        outlive_parent()
    else:
        die_with_parent(signal.SIGTERM, parent_pid=spec.host_pid)
    _report(report_fd, Report(step="lifespan"))


def _report(report_fd: int, report: Report) -> None:
    """Tell the host; one that is gone will not switch to this worker, so it ends."""
    try:
        os.write(report_fd, msgspec.json.encode(report) + b"\n")
    except BrokenPipeError:
        os._exit(FAILED_EXIT)


def _give_up(report_fd: int, step: str, reason: str) -> NoReturn:
    with suppress(OSError):  # a full disk must not keep the reason from the host
        sys.stderr.write(reason)
        sys.stderr.flush()
    _report(report_fd, Report(step=step, failed=reason[-REASON_LIMIT:]))
    os._exit(FAILED_EXIT)
