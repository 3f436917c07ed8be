"""What makes a visitor the one who asked for a human: a token that is kept as its hash, and nowhere in clear."""

import base64
import hashlib
import hmac
import re
import secrets

from core.knowledge.once import Once

PREFIX = "visit_"
SECRET_BYTES = 32
_TOKEN = re.compile(r"visit_[A-Za-z0-9_-]{43}")


def new_token() -> str:
    """256 random bits as URL-safe text."""
    return PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()


def new_seed() -> str:
    """256 random bits, of which a token is made that nobody keeps."""
    return secrets.token_urlsafe(SECRET_BYTES)


def token_from(seed: str, once: Once) -> str:
    """The token that a request gets under its `Idempotency-Key`, and gets again: the seed alone does not tell it."""
    digest = hmac.digest(seed.encode(), f"{once.key}\n".encode() + once.request, "sha256")
    return PREFIX + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_of(token: str) -> bytes:
    """What is kept of a token: 32 bytes. Random ones need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


def fits(token: str, token_hash: bytes) -> bool:
    """Whether this is the token of that hash, in the same time whatever it is."""
    return hmac.compare_digest(hash_of(token), token_hash)


def visitor_token(headers: list[str]) -> str | None:
    """The visitor's token in `Authorization` headers, None when they hold something else."""
    scheme, _, credentials = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    token = credentials.strip(" ")
    return token if scheme.lower() == "bearer" and _TOKEN.fullmatch(token) else None
