"""The machine and the instance that checks look at: nothing is changed, and what is asked twice is asked once."""

import asyncio
import http.client
import ssl
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import psutil

from core.db.reembedding import InUse, models_in_use
from core.errors import EdgeError
from core.knowledge.reach import is_of, place_of
from core.models.client import ModelClient, Timeouts
from core.models.gateway import Place
from core.models.identity import ModelIdentity, prefixes_of
from core.settings import Settings
from ops.host import control
from ops.stack.folders import Folders
from ops.stack.listener import address_of, reachable
from ops.stack.nginx import Nginx, NginxError
from ops.stack.postgres import EmbeddedPostgres
from ops.stack.telling import told_now

TIMEOUT_S = 10.0


class Reply(msgspec.Struct, frozen=True):
    """What came through nginx; header names are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Used(msgspec.Struct, frozen=True):
    """A model that shops use, where it is to be, and why it is not; `missing` is None when it is."""

    of: InUse
    url: str | None
    missing: str | None


class Box:
    """One EDGE_HOME with the settings of this environment, which are to be those of `edge up`; `root` has the sources.

    `memory_bytes` is what the machine has.
    """

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root
        self.folders = Folders(settings.home)
        self.memory_bytes = int(psutil.virtual_memory().total)

    @cached_property
    def host(self) -> dict[str, Any] | None:
        """What the host says of itself and its functions; None when none answers."""
        with suppress(OSError):
            return control.ask(self.folders.run, {"op": "status"})
        return None

    @property
    def functions(self) -> list[dict[str, Any]]:
        """The state of each function, empty without a host."""
        return self.host["functions"] if self.host else []

    @property
    def manifests(self) -> list[dict[str, Any]]:
        """Of the functions that serve."""
        return [function["manifest"] for function in self.functions if function["manifest"] is not None]

    @cached_property
    def told(self) -> dict[str, Any] | None:
        """What `edge up` says of itself; None when nothing runs."""
        return told_now(self.folders)

    @cached_property
    def parts(self) -> dict[str, dict[str, Any]]:
        """The row of each part by its name; empty when nothing runs."""
        return {row["name"]: row for row in self.told["parts"]} if self.told else {}

    @property
    def elsewhere(self) -> str | None:
        """Where this instance is, when the settings of this environment have it at another address."""
        address: str | None = self.told.get("address") if self.told else None
        return None if address == address_of(self.settings) else address

    @cached_property
    def nginx(self) -> Nginx | NginxError:
        """Nginx as the settings have it, or why there is none."""
        try:
            return Nginx(self.settings, self.folders.run, self.folders.logs / "nginx")
        except NginxError as error:
            return error

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, body: str | None = None) -> Reply:
        """One request through nginx, as a visitor makes it; raises OSError or HTTPException without an answer."""
        connection = self._connection()
        try:
            connection.request(method, path, body, {"Connection": "close", **self._host(), **(headers or {})})
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, found, answer.read())
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, settings = reachable(self.settings.host), self.settings
        if not settings.tls_names:
            return http.client.HTTPConnection(host, settings.port, timeout=TIMEOUT_S)
        return _NamedConnection(host, settings.tls_port, settings.tls_names[0])

    def _host(self) -> dict[str, str]:
        return {"Host": self.settings.tls_names[0]} if self.settings.tls_names else {}

    @cached_property
    def owner_dsn(self) -> str:
        """The address of the database for its owner."""
        embedded = EmbeddedPostgres(self.folders.postgres, self.folders.run / "postgres")
        return self.settings.database_url or embedded.owner_dsn

    @cached_property
    def application_dsn(self) -> str:
        """The address of the database that functions use."""
        if self.settings.database_url is not None:
            return self.settings.database_app_url or self.settings.database_url
        return EmbeddedPostgres(self.folders.postgres, self.folders.run / "postgres").app_dsn

    @property
    def model_url(self) -> str:
        """The model server."""
        return self.settings.ollama_url or f"unix:{self.folders.run / 'model.sock'}"

    @cached_property
    def model(self) -> ModelIdentity | EdgeError:
        """What a text that is embedded now tells of the model, or why it cannot be."""
        return asyncio.run(_introduced(self.place))

    @cached_property
    def used(self) -> list[Used]:
        """The models of all shops, each looked for where `core.knowledge.reach` does. Raises psycopg.Error."""
        used, configured = models_in_use(self.owner_dsn), self.model

        async def look() -> list[Used]:
            return await asyncio.gather(*(self._look_for(one, configured) for one in used))

        return asyncio.run(look())

    async def _look_for(self, of: InUse, configured: ModelIdentity | EdgeError) -> Used:
        if isinstance(configured, ModelIdentity) and is_of(of.model, configured):
            return Used(of, self.model_url, None)
        place = place_of(of.model)
        if place is None:
            return Used(of, None, "it is not the configured one, and no other server is known to have it")
        found = configured if place == self.place else await _introduced(place)
        if isinstance(found, EdgeError):
            return Used(of, place.url, found.detail)
        return Used(of, place.url, None if is_of(of.model, found) else "another model is in its place")

    @property
    def place(self) -> Place:
        """Where the configured model is."""
        settings = self.settings
        prefixes = prefixes_of(settings.embed_model, settings.embed_query_prefix, settings.embed_document_prefix)
        return Place(self.model_url, settings.embed_model, prefixes)

    def model_client(self) -> ModelClient:
        """A client of the model server; close it."""
        return _client_of(self.place)


def _client_of(place: Place) -> ModelClient:
    return ModelClient(place.url, place.model, Timeouts(call_s=TIMEOUT_S), place.prefixes)


async def _introduced(place: Place) -> ModelIdentity | EdgeError:
    client = _client_of(place)
    try:
        return (await client.introduce())[0]
    except EdgeError as error:
        return error
    finally:
        await client.close()


class _NamedConnection(http.client.HTTPConnection):
    """TLS to an address under a name of ours; whether its certificate is any good is a check of its own."""

    def __init__(self, host: str, port: int, name: str) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S)
        self._name = name
        self._context = ssl.create_default_context()
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def connect(self) -> None:
        """Connect and shake hands."""
        super().connect()
        self.sock = self._context.wrap_socket(self.sock, server_hostname=self._name)
