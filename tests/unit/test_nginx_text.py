"""The configuration as text, and what no text is made of."""

import inspect
import json
import re

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from core import errors
from core.function import Function as Manifest
from core.function import Route as ManifestRoute
from core.http.pages import pages
from nginx.config import build, fingerprint
from nginx.locations import location_head, route_pattern
from nginx.problems import PROBLEMS, seconds_a_request
from nginx.site import Function, Route, Site, SiteError, TlsHost
from ops.host.watch import DRAIN_S

SEARCH = Function("search", (Route("POST", "/api/knowledge/search"), Route("GET", "/api/passages/{id}")), 10.0)


def made(**given_fields) -> str:
    return build(Site(functions=(SEARCH,), **given_fields))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/health", ("location", "=", "/api/health")),
        ("/api/passages/{id}", ("location", "~", "^/api/passages/[^/]+$")),
        ("/a/{b}/c/{d}", ("location", "~", "^/a/[^/]+/c/[^/]+$")),
        ("/a.b/{c}", ("location", "~", r"^/a\.b/[^/]+$")),
    ],
)
def test_a_route_is_an_exact_location_or_a_pattern(path, expected):
    assert location_head(path) == expected


@given(st.lists(st.from_regex(r"[A-Za-z0-9._~-]{1,8}", fullmatch=True), min_size=1, max_size=4))
def test_a_pattern_matches_its_own_path_and_nothing_longer(segments):
    pattern = re.compile(route_pattern("/" + "/".join(segments) + "/{id}"))
    assert pattern.match("/" + "/".join(segments) + "/any")
    assert not pattern.match("/" + "/".join(segments) + "/any/more")
    assert not pattern.match("/" + "/".join(segments) + "/")


def test_a_manifest_of_a_function_is_understood():
    routes = (ManifestRoute("POST", "/api/learn/batch", 8 << 20), ManifestRoute("GET", "/api/passages/{id}"))
    manifest = Manifest(name="learn", summary="", routes=routes, smoke=(), timeout_s=30.0)
    read = Function.from_manifest(msgspec.to_builtins(manifest))
    assert read == Function(
        "learn", (Route("POST", "/api/learn/batch", 8 << 20), Route("GET", "/api/passages/{id}")), 30.0
    )


def test_a_summary_stands_on_the_page_as_text_whatever_it_says():
    summary = "Prices in $ & <b>£</b>, 'quoted'; " + "x" * 5000
    text = build(Site(functions=(msgspec.structs.replace(SEARCH, summary=summary),)))
    (row,) = [line for line in text.splitlines() if "set $docs_row_0" in line]
    assert "Prices in &#36; &amp; &lt;b&gt;£&lt;/b&gt;, &#x27;quoted&#x27;" in row
    assert len(row.encode()) < 4096


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ({"name": "Search", "routes": []}, "a name is made of"),
        ({"name": "../x", "routes": []}, "a name is made of"),
        ({"name": "x; return 200", "routes": []}, "a name is made of"),
        ({"name": "x"}, "routes"),
        ({"name": "x", "routes": [], "timeout_s": 0}, "a timeout of 0"),
        ({"name": "x", "routes": [{"method": "GET", "path": "no-slash"}]}, "no-slash"),
        ({"name": "x", "routes": [{"method": "GET", "path": "/a b"}]}, "/a b"),
        ({"name": "x", "routes": [{"method": "GET", "path": "/a{b}"}]}, "/a"),
        ({"name": "x", "routes": [{"method": "GET", "path": "/a;}"}]}, "/a;"),
        ({"name": "x", "routes": [{"method": "GET", "path": "/a", "body_limit_bytes": 0}]}, "body limit of 0"),
    ],
)
def test_a_manifest_that_would_break_the_configuration_is_refused(manifest, said):
    with pytest.raises(SiteError, match=re.escape(said)):
        Function.from_manifest(manifest)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"exempt_networks": ("10.0.0.1/8",)}, "10.0.0.1/8"),
        ({"trusted_proxies": ("proxy",)}, "proxy"),
        ({"cors_origins": ("*",)}, "'*'"),
        ({"cors_origins": ("https://a.example/path",)}, "a.example/path"),
        ({"cors_origins": ('https://a" 1; x',)}, "CORS origin"),
        ({"rate_limit": 0}, "lets nobody in"),
        ({"log_dir": "/var/log/$host"}, "variable"),
    ],
)
def test_a_site_that_makes_no_sense_is_refused(fields, said):
    with pytest.raises(SiteError, match=re.escape(said)):
        Site(functions=(), **fields)


def test_a_route_has_one_owner():
    other = Function("other", (Route("PUT", "/api/passages/{passage}"),))
    with pytest.raises(SiteError, match="belongs to both search and other"):
        Site(functions=(SEARCH, other))
    with pytest.raises(SiteError, match="two functions of one name: search"):
        Site(functions=(SEARCH, Function("search", ())))


def test_a_certificate_needs_a_name_and_a_path_that_nginx_takes_literally():
    with pytest.raises(SiteError, match="not a host name"):
        TlsHost(("a b",), "c.pem", "c.key")
    with pytest.raises(SiteError, match="without a name"):
        TlsHost((), "c.pem", "c.key")
    with pytest.raises(SiteError, match="variable"):
        TlsHost(("a.example",), "/$c.pem", "c.key")


def test_the_same_site_is_the_same_text():
    assert made() == made()


def test_the_text_knows_its_fingerprint():
    text = made()
    found = fingerprint(text)
    assert found is not None
    assert f"return 200 {found};" in text
    assert fingerprint(made(rate_limit=7)) != found


@given(st.integers(min_value=0, max_value=4000), st.characters(codec="ascii", exclude_characters="\0"))
def test_a_text_that_was_edited_has_none(place, letter):
    text = made()
    edited = text[:place] + letter + text[place + 1 :]
    assert (fingerprint(edited) is None) == (edited != text)


def test_a_text_of_others_has_none():
    assert fingerprint("") is None
    assert fingerprint("events { }\n") is None


def test_the_body_limit_of_a_path_is_that_of_its_largest_route():
    function = Function("f", (Route("GET", "/a", 10), Route("POST", "/a", 20)))
    location = build(Site(functions=(function,))).partition("location = /a {")[2].partition("}")[0]
    assert "client_max_body_size 20;" in location


def test_nginx_waits_a_little_longer_than_the_function_itself():
    assert "proxy_read_timeout 11000ms;" in made()
    assert "proxy_read_timeout 1250ms;" in build(Site(functions=(Function("f", (Route("GET", "/a"),), 0.25),)))


def test_a_stream_is_passed_on_as_it_comes():
    function = Function("chat", (Route("POST", "/api/chat", stream=True),))
    location = build(Site(functions=(function,))).partition("location = /api/chat {")[2].partition("}")[0]
    assert all(line in location for line in ("proxy_buffering off;", "gzip off;", "proxy_read_timeout 75s;"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "listen 127.0.0.1:8080 backlog=4096;"),
        ("::1", "listen '[::1]:8080' backlog=4096;"),
        ("[::1]", "listen '[::1]:8080' backlog=4096;"),
        ("::", "listen '[::]:8080' backlog=4096 ipv6only=off;"),
        ("shop.example", "listen shop.example:8080 backlog=4096;"),
    ],
)
def test_an_address_is_written_as_nginx_takes_it(host, expected):
    assert expected in made(host=host)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(1, "limit_req zone=requests;"), (2, "zone=requests burst=1 nodelay;"), (100, "zone=requests burst=99 nodelay;")],
)
def test_a_minutes_requests_are_the_burst(rate, expected):
    text = made(rate_limit=rate)
    assert f"rate={rate}r/m;" in text
    assert expected in text


@pytest.mark.parametrize(("rate", "seconds"), [(1, 63), (5, 13), (60, 1), (100, 1), (1_000_000, 1)])
def test_retry_after_is_when_the_next_request_is_let_in(rate, seconds):
    assert seconds_a_request(rate) == seconds


def test_only_configured_origins_are_named():
    assert "Access-Control" not in made()
    assert "*" not in "".join(
        line for line in made(cors_origins=("https://a.example",)).splitlines() if "Allow-O" in line
    )


def test_forwarded_addresses_are_believed_from_trusted_proxies_only():
    assert "real_ip_header" not in made()
    assert "set_real_ip_from 10.0.0.0/8;" in made(trusted_proxies=("10.0.0.0/8",))


def test_workers_are_given_an_account_only_by_root():
    assert not re.search(r"^user ", made(), re.MULTILINE)
    assert re.search(r"^user www-data www-data;$", made(user="www-data", group="www-data"), re.MULTILINE)


def test_upstream_connections_are_not_kept_whatever_the_version():
    assert "keepalive 0;" in made(nginx_version=(1, 31, 3))
    assert "keepalive 0;" not in made(nginx_version=(1, 22, 1))


@pytest.mark.parametrize(("version", "directive_used"), [((1, 22, 1), False), ((1, 26, 3), True)])
def test_http2_is_asked_for_as_the_version_takes_it(version, directive_used):
    text = made(tls_hosts=(TlsHost(("a.example",), "/c.pem", "/c.key"),), nginx_version=version)
    assert ("http2 on;" in text) == directive_used
    assert ("listen 127.0.0.1:443 ssl http2;" in text) != directive_used


def test_every_tls_host_has_its_certificate():
    hosts = (TlsHost(("api.example", "chat.example"), "/a.pem", "/a.key"), TlsHost(("b.example",), "/b.pem", "/b.key"))
    text = made(host="::", port=80, tls_hosts=hosts)
    assert "server_name api.example chat.example;" in text
    assert "server_name api.example chat.example b.example;" in text
    assert "ssl_certificate /b.pem;" in text
    assert 2 == text.count("listen '[::]:443' ssl;")
    for port, flags in ((80, "default_server"), (443, "ssl default_server")):
        assert 1 == text.count(f"listen '[::]:{port}' {flags} backlog=4096 ipv6only=off;")


def test_tls_is_served_on_the_address_that_was_asked_for():
    text = made(tls_hosts=(TlsHost(("a.example",), "/c.pem", "/c.key"),))
    listens = [line.split()[1].rstrip(";") for line in text.splitlines() if line.strip().startswith("listen ")]
    assert {"127.0.0.1:8080", "127.0.0.1:443"} == set(listens)


def test_the_rest_of_the_configuration_never_needs_the_folder_above():
    """Relative paths: nothing that the run folder's own path contains can reach nginx's syntax."""
    paths = re.findall(r"(?:pid|error_log|access_log|_temp_path|unix:)\s*([^\s;:]+)", made())
    assert paths
    assert not [path for path in paths if path.startswith("/")]


def test_a_run_folder_can_be_named_too():
    text = made(run_dir="/run/edge $x;", log_dir="/var/log/edge")
    assert "pid '/run/edge $x;/nginx.pid';" in text
    assert "server 'unix:/run/edge $x;/search.sock' max_fails=0;" in text


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: str(problem.status))
def test_a_problem_has_the_fields_of_the_contract(problem):
    body = json.loads(problem.body())
    assert set(body) == {"type", "title", "status", "detail", "instance", "error"}
    assert body["error"] == body["detail"]
    assert body["instance"] == "$request_key"
    assert body["status"] == problem.status
    assert "$" not in problem.title + problem.detail


def test_nginx_and_functions_use_the_same_words_for_a_kind():
    ours = {
        kind.kind: kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.EdgeError)
    }
    shared = [problem for problem in PROBLEMS if problem.kind in ours]
    assert {problem.status for problem in shared} >= {400, 404, 405, 413, 429, 503}
    for problem in shared:
        body = json.loads(problem.body())
        kind = ours[problem.kind]
        assert (body["type"], body["title"], body["status"]) == (kind.problem_type(), kind.title, kind.status)


def test_no_error_of_nginx_reaches_a_visitor_as_a_page_of_html():
    caught = [status for problem in PROBLEMS for status in problem.caught]
    assert len(caught) == len(set(caught))
    assert set(caught) >= {400, 403, 404, 405, 413, 414, 421, 429, 494, 500, 501, 502, 503, 504, 505}


def test_logs_hold_no_query_and_no_key():
    (line,) = (line for line in made().splitlines() if "log_format" in line)
    assert not re.search(
        r"\$(request|request_uri|args|query_string|http_authorization|http_referer|http_cookie)\b", line
    )


def test_a_reload_gives_streams_the_time_that_the_host_gives_them():
    assert f"worker_shutdown_timeout {DRAIN_S:.0f}s;" in made()


async def test_the_docs_page_has_no_script_within_and_none_is_allowed():
    """Litestar's application of the pages alone, since nothing else of a function is asked for."""
    manifest = Manifest(name="search", summary="", routes=(), smoke=(), timeout_s=30.0)
    app = Litestar(pages(manifest, [], lambda: b""), openapi_config=None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://edge") as client:
        page = (await client.get("/docs/search")).text
        sources = re.findall(r'<script src="(/docs/search/assets/[^"]+)"></script>', page)
        assert {(await client.get(source)).status_code for source in sources} == {200}
    assert len(sources) == page.count("<script") == 2
    assert not re.search(r"\son\w+=|javascript:", page)
    assert re.findall("script-src ([^;]*);", made()) == ["'self'"]
