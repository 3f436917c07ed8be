"""Which request `edge invoke` makes for what was given; which names `edge new` takes."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.cli.invoke import choose
from ops.cli.new import FUNCTION, TEST, fault_of, route_of
from ops.stack.instance import LONGEST_NAME_BYTES

LEARN = [
    {"method": "POST", "path": "/learn"},
    {"method": "POST", "path": "/learn/batch"},
    {"method": "GET", "path": "/passages"},
    {"method": "GET", "path": "/passages/{id}"},
    {"method": "DELETE", "path": "/passages/{id}"},
]
NOTHING = {"route": None, "method": None, "path": None, "has_body": False}


@pytest.mark.parametrize(
    ("given_options", "chosen"),
    [
        ({}, ("GET", "/passages")),
        ({"route": "/learn/batch"}, ("POST", "/learn/batch")),
        ({"route": "POST /learn"}, ("POST", "/learn")),
        ({"path": "/passages?shopId=1"}, ("GET", "/passages?shopId=1")),
        ({"path": "/passages/7", "method": "DELETE"}, ("DELETE", "/passages/7")),
        ({"path": "/metrics/learn"}, ("GET", "/metrics/learn")),
        ({"path": "/elsewhere", "has_body": True}, ("POST", "/elsewhere")),
        ({"path": "/learn", "method": "PUT"}, ("PUT", "/learn")),
    ],
    ids=str,
)
def test_the_only_route_that_fits_is_called(given_options, chosen):
    assert chosen == choose(LEARN, **{**NOTHING, **given_options})


@pytest.mark.parametrize(
    "given_options",
    [{"has_body": True}, {"route": "/unknown"}, {"route": "/passages/{id}"}, {"path": "/passages/7"}],
    ids=str,
)
def test_where_none_or_several_fit_the_routes_are_listed(given_options):
    with pytest.raises(click.UsageError) as refused:
        choose(LEARN, **{**NOTHING, **given_options})
    assert "  DELETE /passages/{id}" in refused.value.message


@pytest.mark.parametrize("route", ["GET /passages/{id}", "/passages/{id}"])
def test_a_route_with_a_gap_asks_for_what_fills_it(route):
    with pytest.raises(click.UsageError) as refused:
        choose(LEARN, **{**NOTHING, "route": route, "method": "GET"})
    assert "fill in {id} with --path: --method GET --path '/passages/{id}'" == refused.value.message


def test_the_only_route_is_called_whatever_is_given():
    assert ("POST", "/search") == choose([{"method": "POST", "path": "/search"}], **NOTHING)


@pytest.mark.parametrize("name", ["hours", "opening_hours", "chat2", "a" * 18])
def test_a_plain_name_is_taken(name):
    assert fault_of(name) is None


@pytest.mark.parametrize(
    "name", ["", "Hours", "_hours", "hours_", "a__b", "2chat", "a-b", "a.b", "../a", "über", "class", "match", "host"]
)
def test_a_name_that_cannot_be_a_module_a_socket_or_a_log_is_refused(name):
    assert fault_of(name)


@given(st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True))
def test_a_name_that_is_taken_fits_everywhere(name):
    if fault_of(name) is None:
        assert len(f"{name}.123456.sock") <= LONGEST_NAME_BYTES
        words = {"name": name, "path": route_of(name)}
        for template in (FUNCTION, TEST):
            compile(template.substitute(words), name, "exec")
