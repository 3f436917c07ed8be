"""What hand-offs are delivered to: a real mail server, a real receiver of webhooks, and their bad days."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.parts.stack import free_port

TLS = Path(__file__).parents[1] / "data" / "tls"
Encryption = Literal["none", "starttls", "tls"]


class Mailbox:
    """A mail server; `refuses` is what it says to a recipient instead of taking the mail.

    With a `password` it takes mail from nobody who does not say it, as the user "edge".
    """

    def __init__(self, encryption: Encryption = "none", password: str | None = None) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses: str | None = None
        self.asked = 0
        self.port = free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.encrypted: list[bool] = []
        self._encryption = encryption
        self._password = password
        self._controller: Controller | None = None

    def url_of(self, password: str | None, host: str = "localhost") -> str:
        """The address for a client that says this password, of the name that the certificate has."""
        login = "" if password is None else f"edge:{quote(password, safe='')}@"
        return f"{'smtps' if self._encryption == 'tls' else 'smtp'}://{login}{host}:{self.port}"

    def start(self) -> None:
        options: dict[str, Any] = {"auth_require_tls": self._encryption == "starttls"}
        if self._password is not None:
            options |= {"authenticator": self._admit, "auth_required": True}
        if self._encryption == "starttls":
            options |= {"tls_context": _certified(), "require_starttls": True}
        if self._encryption == "tls":
            options["ssl_context"] = _certified()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()

    def _admit(self, _server, _session, _envelope, _mechanism, given) -> AuthResult:
        expected = b"edge", (self._password or "").encode()
        return AuthResult(success=(given.login, given.password) == expected, handled=False)

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options) -> str:  # noqa: N802 - aiosmtpd's
        self.asked += 1
        if self.refuses:
            return self.refuses
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        mail: Any = BytesParser(policy=default).parsebytes(envelope.content)
        self.mails.append(mail)
        return "250 OK"


def _certified() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    return context


@contextmanager
def mailbox(encryption: Encryption = "none", password: str | None = None) -> Iterator[Mailbox]:
    box = Mailbox(encryption, password)
    box.start()
    try:
        yield box
    finally:
        box.stop()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # whoever calls while five others wait would be reset on a busy machine


class Hook:
    """A receiver of webhooks; `status` is what it answers, `hold` is waited for before it does."""

    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.location: str | None = None
        self.cookie: str | None = None
        self.hold = threading.Event()
        self.hold.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.hold.wait(30)
                hook.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(hook.status)
                if hook.location:
                    self.send_header("location", hook.location)
                if hook.cookie:
                    self.send_header("set-cookie", hook.cookie)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@contextmanager
def hook() -> Iterator[Hook]:
    receiver = Hook()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.hold.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()
