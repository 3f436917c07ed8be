"""The vectors of passages: of each the whole and its chunks, all of one model."""

import asyncio
from collections.abc import Sequence

import msgspec
from pgvector import HalfVector

from core.knowledge.chunk import pieces
from core.knowledge.spaces import Spaces
from core.models.gateway import Embedder


class Vectors(msgspec.Struct, frozen=True):
    """Of each passage its vectors, the whole passage first, and the space that they lie in."""

    space: str
    of_passages: list[list[HalfVector]]


async def embed_passages(embedder: Embedder, spaces: Spaces, contents: Sequence[str]) -> Vectors:
    """Embed passages. Raises what Embedder.embed_documents raises, and DatabaseUnavailable."""
    model = await embedder.identity()
    space = await spaces.of(model)
    # A batch of 8 MiB takes a second to cut: the loop serves others meanwhile.
    texts = await asyncio.to_thread(_texts, contents)
    flat = await embedder.embed_documents([text for group in texts for text in group], model)
    vectors = iter(flat)
    return Vectors(space.digest, [[next(vectors) for _ in group] for group in texts])


def _texts(contents: Sequence[str]) -> list[list[str]]:
    return [pieces(content) for content in contents]
