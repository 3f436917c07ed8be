"""`/v1/embeddings` and `/v1/models`: the embedding model in use, for whoever has a key."""

import base64
import struct

import msgspec
from litestar import get, post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse
from pgvector import HalfVector

from core.answer.history import tokens_of
from core.errors import FieldError, InvalidRequest
from core.http.request import EdgeRequest
from core.http.routes import answers
from core.models.identity import with_tag
from functions.openai.structs import (
    Embedding,
    EmbeddingsRequest,
    EmbeddingsResponse,
    EmbeddingsUsage,
    Model,
    ModelsResponse,
)

EMBEDDINGS = "/v1/embeddings"
MODELS = "/v1/models"


@post(EMBEDDINGS, **answers(EmbeddingsResponse, "read", body=True))
async def embed(request: EdgeRequest, data: JSONBody[EmbeddingsRequest]) -> ASGIResponse:
    """Embed texts as passages are embedded."""
    model = await request.services.embedder.identity()
    _require(with_tag(data.model) == with_tag(model.name), "model", f"the embedding model here is {model.name}")
    dimensions = model.dimensions
    _require(data.dimensions in {None, dimensions}, "dimensions", f"this model makes vectors of {dimensions}")
    vectors = await request.services.embedder.embed_documents(data.texts)
    listed = [Embedding("embedding", index, _written(data, vector)) for index, vector in enumerate(vectors)]
    count = sum(map(tokens_of, data.texts))
    response = EmbeddingsResponse("list", listed, model.name, EmbeddingsUsage(count, count))
    return ASGIResponse(body=msgspec.json.encode(response))


@get(MODELS, **answers(ModelsResponse, "read"))
async def list_models(request: EdgeRequest) -> ASGIResponse:
    """List what may stand as `model`: the shop of the key, and the embedding model."""
    shop = f"shop-{request.key_shop or 1}"
    names = [shop, request.services.settings.embed_model]
    response = ModelsResponse("list", [Model(name, "model", 0, "cutting-edge") for name in names])
    return ASGIResponse(body=msgspec.json.encode(response))


def _require(holds: bool, field: str, rule: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise InvalidRequest(f"{field}: {rule}", errors=(FieldError(f"/{field}", rule),))


def _written(data: EmbeddingsRequest, vector: HalfVector) -> list[float] | str:
    values = vector.to_list()
    if data.encoding_format != "base64":
        return values
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
