"""Which model made a vector, and what it wants in front of a text."""

from types import MappingProxyType
from typing import NamedTuple

import msgspec


class ModelIdentity(msgspec.Struct, frozen=True):
    """One model as the server has it now. Vectors of two digests are never compared.

    `digest` is the server's own name for the weights; `dimensions` is the length of what an embedding returned.
    """

    name: str
    digest: str
    dimensions: int
    query_prefix: str = ""
    document_prefix: str = ""


class Prefixes(NamedTuple):
    """What a model was trained to find before a question and before a passage."""

    query: str = ""
    document: str = ""


# From the model cards: nomic-ai/nomic-embed-text-v1.5, mixedbread-ai/mxbai-embed-large-v1,
# Snowflake/snowflake-arctic-embed-l and -l-v2.0, google/embeddinggemma-300m.
_INSTRUCTION = "Represent this sentence for searching relevant passages: "
_BY_FAMILY = MappingProxyType(
    {
        "nomic-embed-text": Prefixes("search_query: ", "search_document: "),
        "nomic-embed-text-v2-moe": Prefixes("search_query: ", "search_document: "),
        "mxbai-embed-large": Prefixes(_INSTRUCTION),
        "snowflake-arctic-embed": Prefixes(_INSTRUCTION),
        "snowflake-arctic-embed2": Prefixes("query: "),
        "embeddinggemma": Prefixes("task: search result | query: ", "title: none | text: "),
    }
)


def prefixes_of(model: str, query: str | None = None, document: str | None = None) -> Prefixes:
    """The prefixes of a model by its name; `query` and `document` override them when not None."""
    family = model.rsplit("/", 1)[-1].split(":", 1)[0].lower()
    known = _BY_FAMILY.get(family, Prefixes())
    return Prefixes(
        known.query if query is None else query,
        known.document if document is None else document,
    )


def with_tag(model: str) -> str:
    """The name as the server lists it: lower case, with `:latest` where no tag is given."""
    name = model.lower()
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
