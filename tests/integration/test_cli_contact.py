"""`edge contact`: only an operator names addresses that are told of hand-offs."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.parts.talk import rows

EDGE = Path(sys.executable).with_name("edge")
HOOK = "https://shop.example/hook"


def edge(database, *arguments):
    environ = {**os.environ, **database.settings.to_environ()}
    return subprocess.run(
        [EDGE, "contact", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_contact_is_set_shown_and_replaced(database):
    made = edge(database, "set", "--shop", "9", "--email", "a@b.example", "--webhook", HOOK, "--json")
    told = json.loads(made.stdout)
    assert (9, "a@b.example", HOOK, True) == (told["shopId"], told["email"], told["webhook"], len(told["secret"]) > 40)
    shown = edge(database, "show", "--shop", "9")
    assert (True, False) == (HOOK in shown.stdout, told["secret"] in shown.stdout)
    assert 0 == edge(database, "set", "--shop", "9").returncode
    assert [(9, None, None, None)] == rows(database, "select * from shop_contact")
    assert {"shopId": 8, "email": None, "webhook": None} == json.loads(
        edge(database, "show", "--shop", "8", "--json").stdout
    )


def test_what_is_no_address_is_refused(database):
    for wrong in (("--email", "a b@c"), ("--webhook", "file:///etc/passwd"), ("--webhook", "https://")):
        assert 2 == edge(database, "set", "--shop", "9", *wrong).returncode
