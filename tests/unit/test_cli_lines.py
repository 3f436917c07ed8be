"""Lines of logs as a person reads them, and the order of several logs."""

import click

from ops.cli.lines import in_order, pretty

REQUEST = (
    b'{"time":"2026-11-22T21:56:39.770Z","id":"8022dc92","function":"search","route":"/api/knowledge/search",'
    b'"method":"POST","status":200,"ms":38.516,"shop":1,"cache":"miss"}'
)
RECORD = (
    b'{"time":"2026-11-22T21:51:04.124Z","level":"error","function":"search","logger":"core.app",'
    b'"message":"unhandled error","id":"8022dc92","trace":"Traceback:\\n  boom"}'
)
ACCESS = (
    b'{"time":"2026-11-22T22:56:40+01:00","id":"a","function":"search","client":"127.0.0.1","method":"GET",'
    b'"path":"/x","status":503,"bytes":2,"seconds":0.25,"limit":""}'
)


def plain(line: bytes) -> str:
    return click.unstyle(pretty(line))


def test_a_request_is_its_status_method_route_and_time_and_then_the_rest():
    assert plain(REQUEST).endswith("200 POST   /api/knowledge/search 38.5 ms shop=1 cache=miss 8022dc92")


def test_a_request_of_nginx_has_its_path_and_its_seconds_as_milliseconds():
    assert "503 GET    /x 250.0 ms client=127.0.0.1 bytes=2 a" in plain(ACCESS)


def test_the_colour_is_that_of_the_status():
    colours = {200: "green", 302: "yellow", 404: "yellow", 503: "red"}
    for status, colour in colours.items():
        line = REQUEST.replace(b'"status":200', f'"status":{status}'.encode())
        assert click.style(str(status), fg=colour) in pretty(line)


def test_a_record_has_its_trace_below_it():
    first, *trace = plain(RECORD).splitlines()
    assert first.endswith("error unhandled error core.app 8022dc92")
    assert ["    Traceback:", "      boom"] == trace


def test_whatever_else_stands_in_a_log_is_shown_as_it_is():
    for line in (b"LOG:  checkpoint", b"{broken", b'{"other":1}', b"", b"[1]"):
        assert line.decode() == pretty(line)
    assert "\ufffd" == pretty(b"\xff")


def test_lines_of_several_logs_are_merged_by_their_times():
    early = RECORD.replace(b"21:51:04", b"21:56:39")  # .124, before the request's .770
    assert [early, b"  goes with it", REQUEST, ACCESS] == in_order([[ACCESS], [early, b"  goes with it", REQUEST]])
