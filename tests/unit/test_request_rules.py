"""Rules about headers and targets that need no application."""

from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.auth import bearer_key, require_shop
from core.db.keys import Principal
from core.errors import Forbidden, InvalidRequest, Unauthorized, UnsupportedMediaType
from core.http.gate import check_target
from core.http.request import allows_json, check_content_type

KEY = "edge_" + "aA0-_" * 8 + "xyz"
SOMEONE = UUID(int=1)


@pytest.mark.parametrize(
    ("accept", "allowed"),
    [
        ("application/json", True),
        ("*/*", True),
        ("application/*", True),
        ("text/html, application/json;q=0.1", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("application/json; charset=utf-8", True),
        ("application/json ; q=1.0", True),
        ("text/event-stream", False),
        ("text/html, application/xml", False),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),
        ("*/*;q=0.0", False),
        ("application/problem+json", False),
        ("application/json;q=abc", True),
        (";;,,q=", False),
    ],
)
def test_accept_leaves_room_for_json_or_not(accept, allowed):
    assert allowed == allows_json(accept)


@given(st.text(st.characters(codec="latin-1")))
def test_any_accept_is_judged(accept):
    assert allows_json(accept) in {True, False}


@pytest.mark.parametrize(
    "given_type",
    [
        "application/json",
        "Application/JSON ; Charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/json; charset=utf8",
        "application/json; profile=x",
        'application/json; profile="https://a.example/;charset=x"; charset=utf-8',
        "application/json;",
        "application/json; charset=",
    ],
)
def test_json_in_utf_8_is_taken_whatever_else_is_said_of_it(given_type):
    check_content_type(given_type)


@pytest.mark.parametrize(
    "given_type",
    [
        "",
        "text/plain",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/json; profile=x; charset=utf-16",
        "json",
        ";charset=utf-8",
    ],
)
def test_anything_else_is_not(given_type):
    with pytest.raises(UnsupportedMediaType):
        check_content_type(given_type)


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_any_content_type_is_judged(given_type):
    with suppress(UnsupportedMediaType):
        check_content_type(given_type)


@given(st.lists(st.text(st.characters(codec="latin-1")), max_size=2))
def test_any_authorization_is_a_key_or_unauthorized(headers):
    with suppress(Unauthorized):
        assert bearer_key(headers).startswith("edge_")


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer  {KEY}", f"BEARER {KEY} "])
def test_a_key_is_read_from_its_header(header):
    assert KEY == bearer_key([header])


@pytest.mark.parametrize("headers", [[], [f"Bearer {KEY}"] * 2, [KEY], [f"Basic {KEY}"], [f"Bearer {KEY}x"]])
def test_what_is_not_one_well_formed_key_is_unauthorized(headers):
    with pytest.raises(Unauthorized):
        bearer_key(headers)


def test_a_key_is_for_its_shop_and_the_operators_for_all():
    require_shop(Principal(SOMEONE, 3), 3)
    require_shop(Principal(SOMEONE, None), 3)
    with pytest.raises(Forbidden):
        require_shop(Principal(SOMEONE, 3), 4)


def target(path="/", query=b""):
    return {"path": path, "query_string": query}


@pytest.mark.parametrize(
    "query", [b"a=%ff", b"a=%00", b"%00=1", b"a=1&a=2", b"a=%ed%a0%80", b"\xff", b"a&a", b"x&" * 99]
)
def test_a_query_that_is_ambiguous_or_not_text_is_refused(query):
    with pytest.raises(InvalidRequest):
        check_target(target(query=query))


@pytest.mark.parametrize("path", ["/a\0", "/\ufffd", "/a\nb"])
def test_a_path_that_is_not_printable_is_refused(path):
    with pytest.raises(InvalidRequest):
        check_target(target(path=path))


@given(st.text(), st.binary())
def test_any_target_is_let_through_or_refused(path, query):
    with suppress(InvalidRequest):
        check_target(target(path, query))


@pytest.mark.parametrize("query", [b"", b"shopId=1&limit=5", b"category=%C3%A9&cursor=", b"a=b%20c+d"])
def test_ordinary_targets_pass(query):
    check_target(target("/api/é", query))
