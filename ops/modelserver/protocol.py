"""Ollama's messages (api/types.go, 0.17.4), as far as an embedding server takes part in them.

Unknown fields are ignored, as Ollama does: a client may send `keep_alive`, `options` or what comes later.
"""

from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

VERSION = "0.17.4"  # the version whose answers these are


class Refusal(Exception):  # noqa: N818 - an answer of the protocol, not a fault of ours
    """Answered as `{"error": message}` with `status`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class EmbedRequest(msgspec.Struct):
    model: str = ""
    input: Any = None
    truncate: bool | None = None
    dimensions: int = 0


class EmbedResponse(msgspec.Struct, omit_defaults=True):
    """Durations in nanoseconds; without texts only the first two fields appear, as from Ollama."""

    model: str
    embeddings: list[list[float]]
    total_duration: int = 0
    prompt_eval_count: int = 0


class ModelRequest(msgspec.Struct):
    """A request of which only the model matters here: show (which once said `name`) and chat."""

    model: str = ""
    name: str = ""


class ModelDetails(msgspec.Struct):
    format: str
    family: str
    families: list[str]
    parameter_size: str
    quantization_level: str
    parent_model: str = ""


class ListedModel(msgspec.Struct):
    """`digest` is SHA-256 in hex without a prefix, `modified_at` RFC 3339."""

    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: ModelDetails


class ListResponse(msgspec.Struct):
    models: list[ListedModel]


class ShowResponse(msgspec.Struct):
    modified_at: str
    details: ModelDetails
    model_info: dict[str, str | int]
    capabilities: list[str]


def decode(body: bytes, kind: type[T]) -> T:
    """The request in `body`; raises Refusal 400 for an empty, broken or mistyped one."""
    if not body.strip():
        raise Refusal(400, "missing request body")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, str(error)) from error


def texts_of(given: Any) -> list[str]:
    """The texts of an embed request's `input`: a string, a list of strings, or nothing.

    An empty string alone is nothing, within a list it is a text (EmbedHandler in server/routes.go).
    """
    match given:
        case None | "":
            return []
        case str():
            return [given]
        case list() if all(isinstance(text, str) for text in given):
            return given
        case _:
            raise Refusal(400, "invalid input type")
