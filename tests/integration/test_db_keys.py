"""Keys: shown once, stored hashed, looked up by the application, which cannot read their table."""

import hashlib
import re

import psycopg
import pytest

from core.db.keys import authenticate, create_key, list_keys, revoke_key
from core.db.models import calibrate_model, read_model, register_model
from tests.parts.knowledge import opened


@pytest.fixture
async def db(database):
    async with opened(database.settings) as opened_database:
        yield opened_database


@pytest.fixture
def owner(database):
    with psycopg.connect(database.owner_dsn, autocommit=True) as conn:
        yield conn


async def test_a_key_opens_its_shop(db, owner):
    key_id, secret = create_key(owner, name="till", shop_id=3)
    principal = await authenticate(db, secret)
    assert (principal.key_id, principal.shop_id) == (key_id, 3)


async def test_the_operators_key_is_for_no_shop_in_particular(db, owner):
    _, secret = create_key(owner, name="operator", shop_id=None)
    assert (await authenticate(db, secret)).shop_id is None


async def test_a_secret_has_256_random_bits_and_is_not_stored(owner):
    secrets = {create_key(owner, name="n", shop_id=1)[1] for _ in range(20)}
    assert len(secrets) == 20
    assert all(re.fullmatch(r"edge_[A-Za-z0-9_-]{43}", secret) for secret in secrets)
    stored = {row[0] for row in owner.execute("select secret_hash from api_key")}
    assert stored == {hashlib.sha256(secret.encode()).digest() for secret in secrets}
    everything = str(owner.execute("select api_key::text from api_key").fetchall())
    assert not any(secret in everything for secret in secrets)


@pytest.mark.parametrize(
    "secret", ["", "edge_", "edge_" + "A" * 43, "x", "edge_\x00", "edge_ü", "edge_" + "A" * 10_000]
)
async def test_a_key_that_does_not_exist_opens_nothing(db, owner, secret):
    create_key(owner, name="till", shop_id=3)
    assert await authenticate(db, secret) is None


async def test_a_revoked_key_opens_nothing_from_the_next_request_on(db, owner):
    key_id, secret = create_key(owner, name="till", shop_id=3)
    assert await authenticate(db, secret) is not None
    assert revoke_key(owner, key_id)
    assert await authenticate(db, secret) is None
    assert not revoke_key(owner, key_id)


async def test_keys_are_listed_without_their_secrets_the_revoked_ones_too(owner):
    first, _ = create_key(owner, name="first", shop_id=1)
    second, _ = create_key(owner, name="second", shop_id=None)
    revoke_key(owner, first)
    keys = list_keys(owner)
    assert [(key.id, key.name, key.shop_id, key.revoked_at is None) for key in keys] == [
        (first, "first", 1, False),
        (second, "second", None, True),
    ]


async def test_a_model_is_registered_once_and_never_changed(db):
    first = await register_model(db, digest="d", name="nomic", dimensions=768, query_prefix="search_query: ")
    again = await register_model(db, digest="d", name="other", dimensions=3)
    assert first == again == await read_model(db, "d")
    assert (first.dimensions, first.query_prefix, first.midpoint) == (768, "search_query: ", None)


async def test_a_calibration_is_kept_with_its_model(db):
    await register_model(db, digest="d", name="nomic", dimensions=768)
    assert await calibrate_model(db, "d", 0.5, 0.125)
    found = await read_model(db, "d")
    assert (found.midpoint, found.scale) == (0.5, 0.125)
    assert not await calibrate_model(db, "unknown", 0.5, 0.1)
    assert await read_model(db, "unknown") is None
