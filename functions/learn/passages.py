"""Passages that are there: list, read, replace, delete. Those of another shop do not exist."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, put
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response.base import ASGIResponse

from core.http.cursor import cursor_of, position_of
from core.http.fields import present
from core.http.parameters import CursorParameter, ShopIdParameter
from core.http.replies import encoded, sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.observe.log import timestamp
from functions.learn.structs import Item, LearnResponse, PageResponse, PassageResponse, PassageView
from functions.learn.writing import one_reply

PASSAGES = "/api/knowledge/passages"
PASSAGE = f"{PASSAGES}/{{passage_id:uuid}}"
LimitParameter = Annotated[int, QueryParameter(ge=1, le=100, description="The most passages")]
CategoryParameter = Annotated[str | None, QueryParameter(max_length=200, description="Only of this category")]


@get(PASSAGES, **answers(PageResponse, "read"))
async def list_all(
    request: EdgeRequest,
    shop_id: ShopIdParameter,
    limit: LimitParameter = 20,
    cursor: CursorParameter = None,
    category: CategoryParameter = None,
) -> ASGIResponse:
    """List a shop's passages, newest first."""
    request.claim_shop(shop_id)
    after = None if cursor is None else position_of(cursor)
    page = await request.services.learner.page(shop_id, limit=limit, after=after, category=present(category))
    views = [PassageView.of(shop_id, passage) for passage in page.passages]
    following = cursor_of(page.after) if page.after else None
    return encoded(PageResponse(True, views, len(views), page.total, following, timestamp()))


@get(PASSAGE, **answers(PassageResponse, "read"))
async def read_one(request: EdgeRequest, passage_id: FromPath[UUID], shop_id: ShopIdParameter) -> ASGIResponse:
    """Read one passage."""
    request.claim_shop(shop_id)
    passage = await request.services.learner.read(shop_id, passage_id)
    return encoded(PassageResponse(True, PassageView.of(shop_id, passage), timestamp()))


@put(PASSAGE, **answers(LearnResponse, "write", body=True))
async def replace_one(
    request: EdgeRequest, passage_id: FromPath[UUID], shop_id: ShopIdParameter, data: JSONBody[Item]
) -> ASGIResponse:
    """Replace one passage; what is not sent is gone."""
    request.claim_shop(shop_id)
    learner = request.services.learner
    reply = learner.replace(shop_id, passage_id, data.to_passage(), one_reply("replaced"), await request.once())
    return sent(await reply)


@delete(PASSAGE, **answers(LearnResponse, "write"))
async def delete_one(request: EdgeRequest, passage_id: FromPath[UUID], shop_id: ShopIdParameter) -> ASGIResponse:
    """Delete one passage."""
    request.claim_shop(shop_id)
    learner = request.services.learner
    return sent(await learner.delete(shop_id, passage_id, one_reply("deleted"), await request.once()))
