"""The revision of the code that turns a question into an answer, part of every cache key."""

import importlib.util
from hashlib import blake2b
from pathlib import Path

# Whatever changes an answer while question, knowledge and model stay the same. Chunks are not here: they are written.
SOURCES = (
    "core.db.search",
    "core.models.identity",
    "core.models.text",
    "core.retrieval.answers",
    "core.retrieval.naming",
    "core.retrieval.searcher",
    "core.retrieval.similarity",
)


def revision() -> str:
    """Name the sources by their content, so that no release answers from what another one's code found.

    A number to be raised by hand would be forgotten once.
    """
    digest = blake2b(digest_size=8)
    for name in SOURCES:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()
