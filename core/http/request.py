"""The request as handlers see it: a strict JSON body, the function's services, the caller's key."""

import asyncio
import re
from datetime import UTC, datetime
from email.message import Message
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar.connection import Request
from litestar.datastructures import State

from core.auth import principal_of, require_shop
from core.db.conversations import shop_of
from core.db.keys import Principal
from core.errors import InvalidRequest, NotAcceptable, NotFound, UnsupportedMediaType
from core.http import json_text
from core.knowledge.once import Once
from core.observe.trace import current_trace
from core.services import Services

RowKind = Literal["conversation", "learning", "handoff"]
# Above this a parse takes milliseconds, which other requests of the worker should not wait for.
_PARSE_IN_THREAD_BYTES = 64 * 1024
_PRINCIPAL = "edge.principal"
_CONTENT_ENCODING = b"content-encoding"
# What nearly every caller sends, compared before anything is parsed.
_JSON_TYPES = frozenset({b"application/json", b"application/json; charset=utf-8"})
_ACCEPTS = frozenset({b"*/*", b"application/json"})
_LEAST_WEIGHT = 0.001  # RFC 9110, 12.4.2
_INSTANT = Annotated[datetime, msgspec.Meta(tz=True)]
_CENTURY = range(2000, 2100)  # a calendar counts on from its instant, and has ends
_VERSION_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})"')
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class EdgeRequest(Request[Any, Any, State]):
    """A Litestar request whose JSON is read by `core.http.json_text` into the Struct of the handler's `data`."""

    async def body(self) -> bytes:
        """The whole body; raises UnsupportedMediaType before it is read when it is not announced as JSON."""
        if _CONTENT_ENCODING in self.raw_headers and self.raw_headers[_CONTENT_ENCODING] != b"identity":
            raise UnsupportedMediaType("send the body without Content-Encoding")
        return await super().body()

    @property
    def raw_headers(self) -> dict[bytes, bytes]:
        """Headers as they came, the last of each name: a tenth of the time of Litestar's `headers`."""
        return dict(self.scope["headers"])

    @property
    def content_length(self) -> int | None:
        """The announced size of the body in bytes; raises InvalidRequest unless it is a number."""
        given = self.raw_headers.get(b"content-length")
        if given is not None and not given.isdigit():
            raise InvalidRequest("Content-Length is not a number")
        return int(given) if given else None

    async def json(self) -> Any:
        """The body as an instance of the handler's `data` type; raises InvalidRequest, UnsupportedMediaType."""
        self._require_json()
        body = await self.body()
        if len(body) > _PARSE_IN_THREAD_BYTES:
            return await asyncio.to_thread(self._decode, body)
        return self._decode(body)

    def _decode(self, body: bytes) -> Any:
        field = self.route_handler.parsed_data_field
        assert field is not None, "only a handler with `data` reads a body"
        return json_text.to_struct(json_text.parse(body), field.annotation)

    def _require_json(self) -> None:
        given = self.raw_headers.get(b"content-type", b"")
        if given in _JSON_TYPES:
            return
        check_content_type(given.decode("latin-1"))

    @property
    def services(self) -> Services:
        """The parts that the function opened at its start."""
        services: Services = self.app.state.services
        return services

    def note_shop(self, shop_id: int) -> None:
        """Name the shop in the log line of this request."""
        if (trace := current_trace.get()) is not None:
            trace.shop_id = shop_id

    async def identify(self) -> None:
        """Find out who calls; raises Unauthorized."""
        headers = self.headers.getall("authorization", [])
        self.scope[_PRINCIPAL] = await principal_of(self.services.database, headers)  # type: ignore[literal-required]

    def claim_shop(self, shop_id: int) -> None:
        """Go on only with a key of this shop; raises Forbidden. The route was declared with `key=True`."""
        self.note_shop(shop_id)
        require_shop(self.scope[_PRINCIPAL], shop_id)  # type: ignore[literal-required]

    async def claim_row(self, kind: RowKind, row_id: UUID) -> int:
        """The shop in which to look for a row whose shop the caller did not name; raises NotFound.

        That of the key; for the operator's key the shop that has the row.
        """
        principal: Principal = self.scope[_PRINCIPAL]  # type: ignore[literal-required]
        shop_id = principal.shop_id
        if shop_id is None:
            shop_id = await shop_of(self.services.database, kind, row_id)
        if shop_id is None:
            raise NotFound(f"There is no {kind} {row_id}.")
        self.note_shop(shop_id)
        return shop_id

    @property
    def key_shop(self) -> int | None:
        """The shop of the caller's key, None for the operator's."""
        principal: Principal = self.scope[_PRINCIPAL]  # type: ignore[literal-required]
        return principal.shop_id

    @property
    def idempotency_key(self) -> str | None:
        """The header `Idempotency-Key`; raises InvalidRequest unless it is one of 1 to 255 visible ASCII characters."""
        keys = self.headers.getall("idempotency-key", [])
        if not keys:
            return None
        if len(keys) > 1 or not _IDEMPOTENCY_KEY.fullmatch(keys[0]):
            raise InvalidRequest("Idempotency-Key must be one value of 1 to 255 visible ASCII characters")
        return keys[0]

    async def once(self) -> Once | None:
        """The `Idempotency-Key` with all that makes the request what it is."""
        if (key := self.idempotency_key) is None:
            return None
        target = f"{self.method} {self.scope['path']}?".encode() + self.scope["query_string"]
        return Once(key, target + b"\n" + await self.body())

    @property
    def if_match(self) -> int | None:
        """The version whose ETag `If-Match` names; raises InvalidRequest for what is no such ETag."""
        given = self.headers.getall("if-match", [])
        if not given:
            return None
        # A proxy that compresses makes the tag a weak one.
        match = _VERSION_TAG.fullmatch(given[0].strip()) if len(given) == 1 else None
        if match is None:
            raise InvalidRequest("If-Match must be one ETag as it was sent with the facts")
        return int(match[1])

    @property
    def is_rehearsal(self) -> bool:
        """Whether this is a smoke request or a measurement, of which nothing is kept; nginx lets no visitor say so."""
        return "x-edge-rehearsal" in self.headers

    @property
    def now(self) -> datetime:
        """When it is asked: now, or as `X-Edge-Now` says, which nginx lets no visitor send; raises InvalidRequest."""
        given = self.headers.get("x-edge-now")
        if given is None:
            return datetime.now(UTC)
        try:
            found = msgspec.convert(given, _INSTANT)
        except msgspec.ValidationError as error:
            raise InvalidRequest("X-Edge-Now must be a time with its zone (RFC 3339)") from error
        if found.year not in _CENTURY:
            raise InvalidRequest("X-Edge-Now must be of the years 2000 to 2099")
        return found

    @property
    def key_id(self) -> UUID:
        """Whose request it is. The route was declared with a key."""
        principal: Principal = self.scope[_PRINCIPAL]  # type: ignore[literal-required]
        return principal.key_id


async def accepts_json(request: EdgeRequest) -> None:
    """Raise NotAcceptable when `Accept` leaves no room for application/json (RFC 9110, 12.5.1)."""
    if request.raw_headers.get(b"accept", b"*/*") in _ACCEPTS:
        return
    if not allows_json(",".join(request.headers.getall("accept")).lower()):
        raise NotAcceptable("this route answers in application/json only")


async def accepts_events(request: EdgeRequest) -> None:
    """Raise NotAcceptable when `Accept` leaves no room for application/json nor for text/event-stream."""
    accept = ",".join(request.headers.getall("accept", ["*/*"])).lower()
    if not allows(accept, "application/json") and not allows(accept, "text/event-stream"):
        raise NotAcceptable("this route answers in application/json or text/event-stream")


def prefers_events(request: EdgeRequest) -> bool:
    """Whether `Accept` names text/event-stream, and wants it no less than application/json."""
    accept = ",".join(request.headers.getall("accept", [])).lower()
    if "text/event-stream" not in accept:
        return False
    return weight_of(accept, "text/event-stream") >= max(weight_of(accept, "application/json"), _LEAST_WEIGHT)


def check_content_type(given: str) -> None:
    """Raise UnsupportedMediaType unless it is application/json in UTF-8; other parameters mean nothing (RFC 8259)."""
    header = Message()
    header["content-type"] = given
    if header.get_content_type() != "application/json":
        raise UnsupportedMediaType("send the body as application/json")
    if header.get_content_charset("utf-8") not in {"utf-8", "utf8", ""}:
        raise UnsupportedMediaType("send the body in UTF-8")


def allows_json(accept: str) -> bool:
    """Tell whether application/json may be sent; the most specific range decides."""
    return allows(accept, "application/json")


def allows(accept: str, media_type: str) -> bool:
    """Tell whether a media type may be sent."""
    return weight_of(accept, media_type) > 0


def weight_of(accept: str, media_type: str) -> float:
    """How much a media type is wanted, 0 to 1; the most specific range decides."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights[name] = _weight(parameters)
    for name in (media_type, f"{media_type.partition('/')[0]}/*", "*/*"):
        if name in weights:
            return weights[name]
    return 0.0


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 1.0
    return 1.0
