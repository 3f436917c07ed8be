"""The names under which answers are kept."""

from hashlib import blake2b

import msgspec

_encode = msgspec.msgpack.Encoder().encode


def search_key(  # noqa: PLR0913 - each is a part of what determines the answer
    *,
    revision: str,
    shop_id: int,
    version: int,
    model: str,
    query: str,
    limit: int,
    category: str | None,
    threshold: float,
) -> bytes:
    """Name the answer of one search: 16 bytes over everything that determines it.

    `revision` is that of the retrieval code, `version` the shop's knowledge version, `model` the digest and the
    calibration in use; `query` is normalised (core.models.text).
    """
    return _name("search", revision, shop_id, version, model, query, limit, category, float(threshold))


def question_key(  # noqa: PLR0913 - the same
    *, revision: str, shop_id: int, query: str, limit: int, category: str | None, threshold: float
) -> bytes:
    """Name a question of a shop whatever the state of its knowledge: what the last answer is kept under."""
    return _name("question", revision, shop_id, query, limit, category, float(threshold))


def _name(*parts: object) -> bytes:
    # msgpack writes the length of every part, so that no two tuples share their bytes.
    return blake2b(_encode(parts), digest_size=16).digest()
