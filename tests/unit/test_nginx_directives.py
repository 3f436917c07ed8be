"""nginx's syntax."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nginx.directives import block, directive, quote, switch


def read_token(text: str) -> str:
    """A quoted token as ngx_conf_read_token takes it apart: quotes off, then the escapes it knows."""
    if text[0] in "'\"":
        assert text[-1] == text[0]
        assert text[0] not in re.sub(r"\\.", "", text[1:-1], flags=re.DOTALL)
        text = text[1:-1]
    known = {'"': '"', "'": "'", "\\": "\\", "t": "\t", "r": "\r", "n": "\n"}
    return re.sub(r"\\(.)", lambda found: known.get(found[1], found[0]), text, flags=re.DOTALL)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
@example("")
@example("a b;{}#$x'\"\\n\n")
def test_whatever_is_quoted_is_read_back(token):
    assert read_token(quote(token)) == token


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("nginx.pid", "nginx.pid"),
        ("$request_id", "$request_id"),
        ("[::1]:80", "'[::1]:80'"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", '"it\'s"'),
        (r"\d", r"'\\d'"),
    ],
)
def test_only_what_needs_quotes_gets_them(token, expected):
    assert quote(token) == expected


def test_blocks_nest():
    inner = block(("location", "/"), [directive("return", 404)])
    assert block(("server",), inner) == ["server {", "    location / {", "        return 404;", "    }", "}"]
    assert switch("$a", "$b", (("default", ""),)) == ["map $a $b {", "    default '';", "}"]
