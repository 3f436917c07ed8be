"""The manifest that the gate takes is one that the host and nginx can serve."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.function import Function, Route, Smoke
from nginx import site
from ops.host import manifest

GOOD = msgspec.to_builtins(
    Function(name="one", summary="", routes=(Route("GET", "/one/{id}"),), smoke=(Smoke("GET", "/one/1?a=b"),))
)


def with_route(**fields: Any) -> dict[str, Any]:
    return {**GOOD, "routes": [{**GOOD["routes"][0], **fields}]}


def test_what_a_function_declares_by_default_is_what_the_host_supposes():
    assert GOOD == {**GOOD, **msgspec.to_builtins(manifest.read(GOOD))}
    least = {"name": "one", "routes": [{"method": "GET", "path": "/one"}], "smoke": []}
    defaults = Function(name="one", summary="", routes=(Route("GET", "/one"),), smoke=())
    assert msgspec.to_builtins(defaults) == msgspec.to_builtins(manifest.read(least))


@pytest.mark.parametrize(
    "bad",
    [
        with_route(path="/items/{item:int}"),
        with_route(path="/grüße"),
        with_route(path="/one\n"),
        with_route(path="one"),
        with_route(body_limit_bytes=0),
        with_route(body_limit_bytes=10**30),
        *({**GOOD, "timeout_s": value} for value in (None, 0, -5, 1e300)),
        *({**GOOD, "workers": value} for value in (0, -3, "two", 10**6)),
        *({**GOOD, "memory_mib": value} for value in (0, 0.5, 10**12)),
        {**GOOD, "concurrency": 0},
        {**GOOD, "smoke": [{"method": "GET", "path": "/süche", "status": 200}]},
        {**GOOD, "smoke": [{"method": "GET", "path": "/a b", "status": 200}]},
        {**GOOD, "routes": [["GET", "/one"]]},
        {**GOOD, "routes": None},
        {"name": "one"},
        [],
    ],
    ids=repr,
)
def test_what_cannot_be_served_is_refused_with_its_place(bad: Any):
    with pytest.raises(ValueError, match="FUNCTION cannot be served"):
        manifest.read(bad)


PATHS = st.one_of(
    st.from_regex(r"\A(/[a-zA-Z0-9._~{}:-]{0,6}){1,3}\Z"), st.text(alphabet="/a{}_9-.~ é\n$;:", max_size=12)
)


@given(PATHS, st.integers(-1, 1 << 41), st.floats(-1, 1e6))
def test_nginx_takes_all_that_the_gate_takes(path: str, body_limit_bytes: int, timeout_s: float):
    declared = {**with_route(path=path, body_limit_bytes=body_limit_bytes), "timeout_s": timeout_s}
    try:
        manifest.read(declared)
    except ValueError:
        return
    assert path == site.Function.from_manifest(declared).routes[0].path


@given(PATHS)
def test_a_path_that_nginx_takes_the_gate_takes(path: str):
    try:
        site.Function.from_manifest(with_route(path=path))
    except site.SiteError:
        return
    assert path == manifest.read(with_route(path=path)).routes[0].path
