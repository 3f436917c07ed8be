"""A question and a shop → the passages that answer it."""

import os
from functools import partial
from typing import Any, Literal

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.function import WITH_MODEL, Function, Route, Smoke
from core.http.fields import Category, Id, Limit, Question, ShopId, Similarity, Threshold, Timestamp, present
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.observe.log import timestamp
from core.retrieval.searcher import Found, SearchQuery
from core.retrieval.similarity import DEFAULT_THRESHOLD
from core.services import open_services
from core.settings import Settings

PATH = "/api/knowledge/search"
FUNCTION = Function(
    name="search",
    summary="Find the passages of a shop that answer a question",
    routes=(Route("POST", PATH),),
    smoke=(Smoke("POST", PATH, {"query": "what are your opening hours?"}), Smoke("POST", PATH, {"query": "?"}, 400)),
    concurrency=WITH_MODEL,
)


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A question to a shop."""

    query: Question
    shop_id: ShopId = 1
    limit: Limit = 5
    category: Category | None = None
    threshold: Threshold | None = DEFAULT_THRESHOLD

    def to_query(self) -> SearchQuery:
        """The question as retrieval takes it."""
        return SearchQuery(
            self.query.strip(),
            self.shop_id,
            self.limit,
            present(self.category),
            DEFAULT_THRESHOLD if self.threshold is None else self.threshold,
        )


class SearchResult(msgspec.Struct, frozen=True, rename="camel"):
    """A passage; `similarity` is the estimated probability that it answers the question."""

    id: Id
    content: str
    category: str | None
    similarity: Similarity
    source: str | None
    metadata: dict[str, Any]


class SearchResponse(msgspec.Struct, frozen=True, rename="camel"):
    """The passages found, best first; `degraded` names what was missing when they were looked for."""

    query: str
    results: list[SearchResult]
    count: int
    timestamp: Timestamp
    degraded: Literal["embeddings", "database"] | msgspec.UnsetType = msgspec.UNSET
    age_seconds: float | msgspec.UnsetType = msgspec.UNSET


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    # The results come encoded from the cache and are copied as they are.
    query: str
    results: msgspec.Raw
    count: int
    timestamp: Timestamp
    degraded: str | msgspec.UnsetType = msgspec.UNSET
    age_seconds: float | msgspec.UnsetType = msgspec.UNSET


@post(PATH, **answers(SearchResponse, body=True))
async def search(request: EdgeRequest, data: JSONBody[SearchRequest]) -> ASGIResponse:
    """Find the passages of a shop that answer a question."""
    request.note_shop(data.shop_id)
    query = data.to_query()
    return respond(query, await request.services.searcher.search(query))


def respond(query: SearchQuery, found: Found) -> ASGIResponse:
    """The response for what was found, however old it is."""
    envelope = _Envelope(
        query.query,
        msgspec.Raw(found.results_json),
        found.count,
        timestamp(),
        found.degraded or msgspec.UNSET,
        msgspec.UNSET if found.age_s is None else round(found.age_s, 3),
    )
    headers = None if found.age_s is None else {"age": str(int(found.age_s))}
    return ASGIResponse(body=msgspec.json.encode(envelope), headers=headers)


def create_app(settings: Settings | None = None) -> EdgeApp:
    """The function's application."""
    return make_app(
        FUNCTION, [search], opens=partial(open_services, settings or Settings.from_environ(os.environ), "searcher")
    )
