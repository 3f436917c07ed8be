"""The one model of the embedded server, as `/api/tags` and `/api/show` describe it."""

import hashlib
from datetime import UTC, datetime

from ops.modelserver.encoder import CONTEXT_TOKENS, DIMENSIONS, RECIPE
from ops.modelserver.files import MODEL, TOKENIZER
from ops.modelserver.protocol import ListedModel, ListResponse, ModelDetails, Refusal, ShowResponse

NAME = "all-minilm"
SIZE_BYTES = 22_928_619
# Files and recipe: whatever changes a vector changes the digest, under which callers keep vectors.
DIGEST = hashlib.sha256(f"{MODEL.sha256} {TOKENIZER.sha256} {RECIPE}".encode()).hexdigest()
RELEASED = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
DETAILS = ModelDetails("onnx", "bert", ["bert"], "22.7M", "INT8")

LISTED = ListResponse([ListedModel(f"{NAME}:latest", f"{NAME}:latest", RELEASED, SIZE_BYTES, DIGEST, DETAILS)])
SHOWN = ShowResponse(
    RELEASED,
    DETAILS,
    # The keys are those of GGUF, from which clients learn dimension and context.
    {
        "general.architecture": "bert",
        "general.basename": "all-MiniLM-L6-v2",
        "bert.context_length": CONTEXT_TOKENS,
        "bert.embedding_length": DIMENSIONS,
    },
    ["embedding"],
)


def require_model(name: str, not_found: str) -> None:
    """Raises Refusal: 400 without a name, 404 for another model, in the words of the route."""
    if not name:
        raise Refusal(400, "model is required")
    if name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/").removesuffix(":latest") != NAME:
        raise Refusal(404, not_found.format(name))
