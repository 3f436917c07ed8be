"""The facts in force, read by anyone, and their versions, read with the shop's key."""

from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response.base import ASGIResponse

from core.facts.book import Version
from core.http.fields import timestamp_of
from core.http.parameters import ShopIdParameter
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.observe.log import timestamp
from functions.facts.structs import FactsResponse, HistoryResponse, VersionView

PATH = "/api/facts"
HISTORY = f"{PATH}/history"
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most versions")]
BeforeParameter = Annotated[int | None, QueryParameter(ge=1, le=2**31 - 1, description="Only versions below this one")]


@get(PATH, **answers(FactsResponse))
async def read_facts(request: EdgeRequest, shop_id: ShopIdParameter) -> ASGIResponse:
    """Read the facts of a shop."""
    request.note_shop(shop_id)
    found = await request.services.facts.current(shop_id)
    version, facts, as_of = (
        (0, None, None) if found is None else (found.version, found.facts, timestamp_of(found.changed_at))
    )
    return _encoded(FactsResponse(True, shop_id, version, facts, as_of, timestamp()), version)


@get(HISTORY, **answers(HistoryResponse, "read"))
async def read_history(
    request: EdgeRequest, shop_id: ShopIdParameter, limit: LimitParameter = 20, before: BeforeParameter = None
) -> ASGIResponse:
    """List the versions of a shop's facts, newest first."""
    request.claim_shop(shop_id)
    found, total = await request.services.facts.history(shop_id, before=before, limit=limit)
    views = [_view(one) for one in found]
    return _encoded(HistoryResponse(True, views, len(views), total, timestamp()))


def _view(one: Version) -> VersionView:
    action: Literal["put", "undo"] = "put" if one.restores is None else "undo"
    changed_by = None if one.key_id is None else str(one.key_id)
    return VersionView(one.version, action, one.restores, timestamp_of(one.changed_at), changed_by, one.facts)


def _encoded(response: msgspec.Struct, version: int | None = None) -> ASGIResponse:
    headers = None if version is None else {"etag": f'"{version}"'}
    return ASGIResponse(body=msgspec.json.encode(response), headers=headers)
