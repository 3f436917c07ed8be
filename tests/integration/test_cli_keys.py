"""`edge keys` on a database of its own."""

import json
import subprocess
from collections.abc import Callable
from itertools import takewhile

import pytest

from tests.parts.commands import environ_of, run_edge
from tests.parts.stack import EDGE

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def keys(module_database, tmp_path_factory) -> Run:
    """Runs `edge keys …`, piped."""
    environ = {**environ_of(tmp_path_factory.mktemp("home")), "EDGE_DATABASE_URL": module_database.owner_dsn}
    return lambda *arguments: run_edge([str(EDGE), "keys", *arguments], environ)


def created(keys: Run, name: str) -> str:
    return json.loads(keys("create", "--shop", "1", "--name", name, "--json").stdout)["id"]


def beginning(one: str, other: str) -> str:
    """What both begin with."""
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=True)))


def test_piped_the_list_has_whole_ids_and_a_line_a_key(keys: Run):
    name = "the key of the website of the barber in the long street"
    made = created(keys, name)
    line = next(line for line in keys("list").stdout.splitlines() if line.startswith(made))
    assert line.endswith(name)


def test_a_key_is_revoked_by_what_no_other_begins_with(keys: Run):
    made, other = created(keys, "to go"), created(keys, "to stay")
    others = [key["id"] for key in json.loads(keys("list", "--json").stdout) if key["id"] != made]
    shared = max(len(beginning(made, one)) for one in others)
    done = keys("revoke", made[: shared + 1].upper())
    assert (0, f"revoked {made}, to go\n") == (done.returncode, done.stdout)
    revoked = {key["id"] for key in json.loads(keys("list", "--json").stdout) if key["revokedAt"]}
    assert made in revoked
    assert other not in revoked


def test_a_beginning_of_several_keys_revokes_none_and_names_them(keys: Run):
    made = [created(keys, name) for name in ("one", "two")]
    done = keys("revoke", beginning(*made))
    assert 2 == done.returncode
    assert all(key in done.stderr for key in made)
    assert 0 == keys("revoke", made[0]).returncode


@pytest.mark.parametrize("prefix", ["ffffffff", "", "%"])
def test_what_no_key_begins_with_is_said(keys: Run, prefix):
    assert 1 == keys("revoke", prefix).returncode
