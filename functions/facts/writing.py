"""Facts are replaced and undone, as new versions."""

from functools import partial
from typing import Annotated

import msgspec
from litestar import post, put
from litestar.params import HeaderParameter, JSONBody
from litestar.response.base import ASGIResponse

from core.facts.book import Change, Version
from core.facts.check import check
from core.http.fields import timestamp_of
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply
from core.observe.log import timestamp
from functions.facts.reading import PATH
from functions.facts.structs import PutRequest, UndoRequest, WrittenResponse

UNDO = f"{PATH}/undo"
PRECONDITIONS = (412, 428)
IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The ETag of the facts that were read",
        schema_extra={"pattern": '^(W/)?"[0-9]{1,9}"$'},
    ),
]


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


def _sent(reply: Reply) -> ASGIResponse:
    # An answer from before, under its Idempotency-Key, carries the tag of its own time.
    version = msgspec.json.decode(reply.body, type=_Tagged).version
    return sent(reply, {"etag": f'"{version}"'})


class _Tagged(msgspec.Struct, frozen=True):
    version: int
