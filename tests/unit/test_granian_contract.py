"""What `ops.host.worker` relies on inside Granian, which promises none of it."""

import inspect

from granian._granian import SocketHolder
from granian.server.mp import MPServer


def test_the_lifespan_worker_takes_the_arguments_that_the_host_passes():
    entry = MPServer._spawn_asgi_lifespan_worker.__wrapped__
    assert [
        "worker_id", "callback", "sock", "ipc", "loop", "runtime_mode", "runtime_threads", "runtime_blocking_threads",
        "blocking_threads", "blocking_threads_idle_timeout", "backpressure", "task_impl", "http_mode", "http1_settings",
        "http2_settings", "websockets", "static_path", "log_access_fmt", "ssl_ctx", "scope_opts", "metrics",
    ] == list(inspect.signature(entry).parameters)  # fmt: skip


def test_a_socket_holder_wraps_a_unix_descriptor():
    assert SocketHolder(7, True, 16).is_uds()
