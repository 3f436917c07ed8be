"""Keys: made, listed and revoked by the owner, looked up by hash by the functions."""

import base64
import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import msgspec
import psycopg
import uuid_utils.compat as uuid_utils
from psycopg.rows import TupleRow, args_row

from core.db.pool import Database

PREFIX = "edge_"  # lets scanners for leaked secrets know one
SECRET_BYTES = 32
AUTHENTICATE = "select key_id, shop_id from authenticate_key(%s)"
CREATE = "insert into api_key (id, shop_id, name, secret_hash) values (%s, %s, %s, %s)"
LIST = "select id, shop_id, name, created_at, revoked_at from api_key order by created_at, id"
REVOKE = "update api_key set revoked_at = now() where id = %s and revoked_at is null"


class Principal(msgspec.Struct, frozen=True):
    """Who calls: the key, and the shop it is for; None is the operator's key, for every shop."""

    key_id: UUID
    shop_id: int | None


class Key(msgspec.Struct, frozen=True):
    """A key as an operator sees it; its secret was shown once and is not kept."""

    id: UUID
    shop_id: int | None
    name: str
    created_at: datetime
    revoked_at: datetime | None


async def authenticate(database: Database, secret: str) -> Principal | None:
    """Whose key this is; None when it does not exist or was revoked. Raises DatabaseUnavailable."""
    if not (secret.startswith(PREFIX) and secret.isascii()):
        return None
    rows = await database.read(None, AUTHENTICATE, [_hash(secret)], row_factory=args_row(Principal))
    return rows[0] if rows else None


def create_key(owner: psycopg.Connection[TupleRow], *, name: str, shop_id: int | None) -> tuple[UUID, str]:
    """Make a key; returns its id and its secret: `edge_` and 43 characters of URL-safe base64, 256 random bits."""
    text = PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    key_id = uuid_utils.uuid7()
    with owner.transaction():
        owner.execute(CREATE, [key_id, shop_id, name, _hash(text)])
    return key_id, text


def list_keys(owner: psycopg.Connection[TupleRow]) -> list[Key]:
    """All keys, the oldest first, revoked ones too."""
    with owner.transaction(), owner.cursor(row_factory=args_row(Key)) as cursor:
        return cursor.execute(LIST).fetchall()


def revoke_key(owner: psycopg.Connection[TupleRow], key_id: UUID) -> bool:
    """Make a key useless from the next request on; False when there is no such key, or it is revoked already."""
    with owner.transaction():
        return owner.execute(REVOKE, [key_id]).rowcount > 0


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
