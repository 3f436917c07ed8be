"""Texts as a model gets them, and the key under which their vector is kept."""

import unicodedata
from hashlib import blake2b
from typing import NamedTuple

from core.errors import InvalidRequest
from core.models.identity import ModelIdentity

KEY_BYTES = 24


class Work(NamedTuple):
    """One text to embed: `text` is normalised, `prefix` is put before it."""

    prefix: str
    text: str


def normalise(text: str) -> str:
    """NFC, runs of white space as one space, none at the ends. Case is kept: models tell "Us" from "us".

    Raises InvalidRequest when nothing is left or the text is no Unicode text (a lone surrogate).
    """
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy:
        raise InvalidRequest("the text is empty")
    try:
        tidy.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest("the text holds a lone surrogate") from error
    return tidy


def work_of(model: ModelIdentity, prefix: str, text: str) -> Work:
    """A text as `model` is to see it. Raises InvalidRequest as `normalise` does."""
    tidy = normalise(text)
    if model.uncased and not tidy.isascii():
        bare = "".join(sign for sign in unicodedata.normalize("NFD", tidy) if unicodedata.category(sign) != "Mn")
        tidy = unicodedata.normalize("NFC", bare).strip() or tidy  # nothing but marks stays as it is
    return Work(prefix, tidy)


def vector_key(model: ModelIdentity, work: Work) -> bytes:
    """The cache key of a vector: BLAKE2b over digest, prefix and text, each with its length before it."""
    digest = blake2b(digest_size=KEY_BYTES, person=b"edge-vector")
    for part in (model.digest, work.prefix, work.text):
        raw = part.encode()
        digest.update(len(raw).to_bytes(4, "big"))
        digest.update(raw)
    return digest.digest()
