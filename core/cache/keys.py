"""The names under which answers are kept."""

from hashlib import blake2b

import msgspec

_encode = msgspec.msgpack.Encoder().encode


def question_key(  # noqa: PLR0913 - each is a part of what was asked
    *, revision: str, shop_id: int, query: str, limit: int, category: str | None, threshold: float
) -> bytes:
    """Name a question of a shop whatever the state of its knowledge: 16 bytes.

    `revision` is that of the retrieval code, `query` is normalised (core.models.text).
    """
    return _name("question", revision, shop_id, query, limit, category, float(threshold))


def search_key(*, question: bytes, version: int, model: str) -> bytes:
    """Name the answer to a question: 16 bytes over everything that determines it.

    `question` is the question's key, `version` the shop's knowledge version, `model` the digest and the calibration
    in use.
    """
    return _name("search", question, version, model)


def _name(*parts: object) -> bytes:
    # msgpack writes the length of every part, so that no two tuples share their bytes.
    return blake2b(_encode(parts), digest_size=16).digest()
