"""What a shop states of itself, typed: read by anyone, replaced and undone with its key, every version kept."""

import os
from functools import partial
from typing import Annotated, Literal

import msgspec
from litestar import get, post, put
from litestar.params import HeaderParameter, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.facts.book import Change, Version
from core.facts.check import check
from core.facts.types import Facts
from core.function import Function, Route, Smoke
from core.http.fields import Id, ShopId, Timestamp, timestamp_of
from core.http.parameters import ShopIdParameter
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.learner import Reply
from core.observe.log import timestamp
from core.services import open_services
from core.settings import Settings

PATH = "/api/facts"
HISTORY = f"{PATH}/history"
UNDO = f"{PATH}/undo"
PRECONDITIONS = (412, 428)
FUNCTION = Function(
    name="facts",
    summary="What a shop states of itself: opening hours, prices, staff, address, payment",
    routes=(Route("GET", PATH), Route("PUT", PATH), Route("GET", HISTORY), Route("POST", UNDO)),
    # The read that a chat page makes; for a shop without facts it is answered too.
    smoke=(Smoke("GET", f"{PATH}?shopId=1"), Smoke("PUT", PATH, {}, status=401)),
    concurrency=64,
)
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most versions")]
BeforeParameter = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="Only versions below this one")]
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The ETag of the facts that were read",
        schema_extra={"pattern": '^(W/)?"[0-9]{1,9}"$'},
    ),
]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, description="A version; 0 is before the first")]


class PutRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """All facts of a shop; what is left out is gone."""

    shop_id: ShopId
    facts: Facts


class UndoRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Go back to a version, by default to the one before."""

    shop_id: ShopId
    to_version: Number | None = None


class FactsResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The facts in force; null where there are none. `asOf` is when they were last changed."""

    success: bool
    shop_id: int
    version: Number
    facts: Facts | None
    as_of: Timestamp | None
    timestamp: Timestamp


class WrittenResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Facts were changed: the version now in force."""

    success: bool
    shop_id: int
    version: Number
    message: str
    as_of: Timestamp
    timestamp: Timestamp


class VersionView(msgspec.Struct, frozen=True, rename="camel"):
    """One version; `changedBy` is the id of the key, null for the operator's command line."""

    version: Number
    action: Literal["put", "undo"]
    restores: Number | None
    changed_at: Timestamp
    changed_by: Id | None
    facts: Facts | None


class HistoryResponse(msgspec.Struct, frozen=True, rename="camel"):
    """Versions, newest first; `total` counts all."""

    success: bool
    versions: list[VersionView]
    count: int
    total: int
    timestamp: Timestamp


@get(PATH, **answers(FactsResponse))
async def read_facts(request: EdgeRequest, shop_id: ShopIdParameter) -> ASGIResponse:
    """Read the facts of a shop."""
    request.note_shop(shop_id)
    found = await request.services.facts.current(shop_id)
    version, facts, as_of = (
        (0, None, None) if found is None else (found.version, found.facts, timestamp_of(found.changed_at))
    )
    return _encoded(FactsResponse(True, shop_id, version, facts, as_of, timestamp()), version)


@put(PATH, **answers(WrittenResponse, "write", body=True, also=PRECONDITIONS))
async def put_facts(request: EdgeRequest, data: JSONBody[PutRequest], if_match: IfMatch = None) -> ASGIResponse:  # noqa: ARG001 - documented here, read by the request
    """Replace the facts of a shop."""
    request.claim_shop(data.shop_id)
    check(data.facts)
    reply = request.services.facts.put(
        data.shop_id,
        data.facts,
        partial(_written, data.shop_id),
        await _change(request),
    )
    return _sent(await reply)


@get(HISTORY, **answers(HistoryResponse, "read"))
async def read_history(
    request: EdgeRequest, shop_id: ShopIdParameter, limit: LimitParameter = 20, before: BeforeParameter = None
) -> ASGIResponse:
    """List the versions of a shop's facts, newest first."""
    request.claim_shop(shop_id)
    found, total = await request.services.facts.history(shop_id, before=before, limit=limit)
    views = [_view(one) for one in found]
    return _encoded(HistoryResponse(True, views, len(views), total, timestamp()))


@post(UNDO, **answers(WrittenResponse, "write", body=True, also=PRECONDITIONS))
async def undo_facts(request: EdgeRequest, data: JSONBody[UndoRequest], if_match: IfMatch = None) -> ASGIResponse:  # noqa: ARG001 - as above
    """Go back to an earlier version of a shop's facts, as a new version."""
    request.claim_shop(data.shop_id)
    reply = request.services.facts.undo(
        data.shop_id,
        partial(_written, data.shop_id),
        await _change(request),
        to_version=data.to_version,
    )
    return _sent(await reply)


async def _change(request: EdgeRequest) -> Change:
    return Change(expected=request.if_match, key_id=request.key_id, once=await request.once())


def _written(shop_id: int, version: Version) -> Reply:
    deed = "were replaced" if version.restores is None else f"are those of version {version.restores} again"
    response = WrittenResponse(
        True, shop_id, version.version, f"The facts {deed}.", timestamp_of(version.changed_at), timestamp()
    )
    return Reply(msgspec.json.encode(response))


def _view(one: Version) -> VersionView:
    action: Literal["put", "undo"] = "put" if one.restores is None else "undo"
    changed_by = None if one.key_id is None else str(one.key_id)
    return VersionView(one.version, action, one.restores, timestamp_of(one.changed_at), changed_by, one.facts)


def _sent(reply: Reply) -> ASGIResponse:
    # An answer from before, under its Idempotency-Key, carries the tag of its own time.
    version = msgspec.json.decode(reply.body, type=_Tagged).version
    return ASGIResponse(body=reply.body, status_code=reply.status, headers={"etag": f'"{version}"'})


class _Tagged(msgspec.Struct, frozen=True):
    version: int


def _encoded(response: msgspec.Struct, version: int | None = None) -> ASGIResponse:
    headers = None if version is None else {"etag": f'"{version}"'}
    return ASGIResponse(body=msgspec.json.encode(response), headers=headers)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    handlers = [read_facts, put_facts, read_history, undo_facts]
    return make_app(
        FUNCTION, handlers, opens=partial(open_services, settings or Settings.from_environ(os.environ), "facts")
    )
