"""A small real function on a Unix socket, which says what reached it and can be held in the middle of an answer."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer


class Upstream(ThreadingMixIn, UnixStreamServer):
    """Answers JSON about the request; `/api/stream`, `/api/live` and `/api/hold` wait for `release`."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, run_dir: Path, name: str, *, file: str | None = None, gid: int | None = None) -> None:
        self.word = name
        self.path = run_dir / (file or f"{name}.sock")
        self.release = threading.Event()
        self.reached = threading.Event()
        self.connections = 0
        # A path relative to an open folder, since a test's own may be too long for a socket's address.
        folder_fd = os.open(run_dir, os.O_PATH)
        try:
            super().__init__(f"/proc/self/fd/{folder_fd}/{self.path.name}", Answer)
        finally:
            os.close(folder_fd)
        # What the host does for the sockets of functions.
        os.chown(self.path, -1, -1 if gid is None else gid)
        self.path.chmod(0o660)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def get_request(self):
        self.connections += 1
        connection, _ = super().get_request()
        return connection, ("local", 0)

    def handle_error(self, request, client_address):
        """A client that went away is part of some tests."""

    def close(self) -> None:
        self.release.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in {"/api/stream", "/api/live"}:
            self.stream(accelerated=path == "/api/stream")
        elif path == "/api/cut":
            self.close_connection = True
        elif path == "/api/fails":
            problem = b'{"status":503,"detail":"said by the function"}'
            self.answer(503, problem, {"Retry-After": "7", "Content-Type": "application/problem+json"})
        else:
            if path == "/api/hold":
                self.server.reached.set()
                self.server.release.wait(30)
            self.describe()

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815 - names that http.server calls

    def describe(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        said = {
            "word": self.server.word,
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "bodyBytes": len(self.rfile.read(size)),
        }
        # One header that nginx sends itself must not reach the client twice.
        self.answer(200, json.dumps(said).encode(), {"Content-Type": "application/json", "X-Request-ID": "upstream"})

    def stream(self, *, accelerated: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        if accelerated:
            self.send_header("X-Accel-Buffering", "no")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.server.reached.set()
        self.server.release.wait(30)
        self.wfile.write(b"data: last\n\n")
        self.close_connection = True

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args) -> None:
        """The tests ask nginx's log."""
