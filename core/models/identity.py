"""Which model made a vector, and what it wants in front of a text."""

from types import MappingProxyType
from typing import NamedTuple

import msgspec


class ModelIdentity(msgspec.Struct, frozen=True):
    """One model as the server has it now. Vectors of two digests are never compared.

    `digest` is the server's own name for the weights; `dimensions` is the length of what an embedding returned.
    `uncased` models were trained on texts without accents.
    """

    name: str
    digest: str
    dimensions: int
    query_prefix: str = ""
    document_prefix: str = ""
    uncased: bool = False


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

# Their own tokenizers drop case and accents (BertTokenizer, do_lower_case); Ollama's WordPiece drops case alone
# (0.17.4, tokenizer/wordpiece.go), and takes an accented word for an unknown one.
_UNCASED = frozenset({"all-minilm", "nomic-embed-text", "mxbai-embed-large", "snowflake-arctic-embed", "bge-large"})


def is_uncased(model: str) -> bool:
    """Whether a model, by its name, wants texts without accents."""
    return _family(model) in _UNCASED


def prefixes_of(model: str, query: str | None = None, document: str | None = None) -> Prefixes:
    """The prefixes of a model by its name; `query` and `document` override them when not None."""
    known = _BY_FAMILY.get(_family(model), Prefixes())
    return Prefixes(
        known.query if query is None else query,
        known.document if document is None else document,
    )


def _family(model: str) -> str:
    return model.rsplit("/", 1)[-1].split(":", 1)[0].lower()


def with_tag(model: str) -> str:
    """The name as the server lists it: lower case, with `:latest` where no tag is given."""
    name = model.lower()
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"
