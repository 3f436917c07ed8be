"""Writing passages: each route answers when its passages are searchable."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.function import MIB
from core.http.replies import sent
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.knowledge.once import Reply
from core.observe.log import timestamp
from functions.learn.structs import BatchRequest, BatchResponse, LearnRequest, LearnResponse

LEARN = "/api/knowledge/learn"
BATCH = "/api/knowledge/learn/batch"
BATCH_LIMIT_BYTES = 8 * MIB


@post(LEARN, **answers(LearnResponse, "write", body=True))
async def learn_one(request: EdgeRequest, data: JSONBody[LearnRequest]) -> ASGIResponse:
    """Learn one passage."""
    request.claim_shop(data.shop_id)
    learner = request.services.learner
    return sent(await learner.learn(data.shop_id, [data.to_passage()], one_reply("learned"), await request.once()))


@post(BATCH, **answers(BatchResponse, "write", body=True, body_limit=BATCH_LIMIT_BYTES))
async def learn_batch(request: EdgeRequest, data: JSONBody[BatchRequest]) -> ASGIResponse:
    """Learn many passages, all or none."""
    request.claim_shop(data.shop_id)
    items = [item.to_passage() for item in data.items]
    return sent(await request.services.learner.learn(data.shop_id, items, _batch_reply, await request.once()))


def one_reply(deed: str) -> "_Reply":
    """How a write of one passage is answered: `deed` is what became of it."""
    return _Reply(deed)


class _Reply(msgspec.Struct, frozen=True):
    deed: str

    def __call__(self, ids: Sequence[UUID]) -> Reply:
        (passage_id,) = ids
        response = LearnResponse(True, str(passage_id), f"The passage was {self.deed}.", timestamp())
        return Reply(msgspec.json.encode(response))


def _batch_reply(ids: Sequence[UUID]) -> Reply:
    message = f"{len(ids)} passages were learned."
    return Reply(msgspec.json.encode(BatchResponse(True, [str(one) for one in ids], len(ids), message, timestamp())))
