"""`edge invoke`: one request to a function's own socket, past nginx."""

import json
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path
from typing import Any

import click
import msgspec

from ops.cli.exits import Exit, NoHostError
from ops.cli.naming import complete_function, require_known
from ops.cli.terminal import on_terminal
from ops.cli.workplace import ROOT, Workplace, json_option, open_workplace, root_option
from ops.unixhttp import UnixConnection

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
CLIENT_ERROR, SERVER_ERROR = 400, 500
TIMEOUT_S = 60.0


def _complete_route(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Routes of the functions that serve; click does not know the NAME before an option that lacks its value."""
    with suppress(click.ClickException):
        states = open_workplace(ctx.params.get("root") or ROOT).functions().values()
        routes = [route for state in states for route in (state["manifest"] or {"routes": ()})["routes"]]
        return [line for line in (f"{one['method']} {one['path']}" for one in routes) if line.startswith(incomplete)]
    return []


class Call(msgspec.Struct, frozen=True):
    """What is sent; `body` is JSON text."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None


@click.command()
@click.argument("name", shell_complete=complete_function)
@click.option("-d", "--data", help="The JSON body; @FILE reads a file, - standard input.")
@click.option(
    "-r", "--route", shell_complete=_complete_route, help='One of its routes: "GET /api/health", or the path alone.'
)
@click.option("-X", "--method", type=click.Choice(METHODS, case_sensitive=False), help="The method.")
@click.option("--path", help="The path as it is sent, ids and query filled in.")
@click.option("-H", "--header", "headers", multiple=True, help='A header, "Name: value"; may be repeated.')
@click.option("--timeout", "timeout_s", type=click.FloatRange(0.1), default=TIMEOUT_S, help="Seconds to wait.")
@root_option
@json_option
def invoke(*, name: str, root: Path, as_json: bool, timeout_s: float, **given: Any) -> None:
    """Call a function through its own socket, without nginx and its limits, and print the answer.

    Without a route or a path it is the only route that fits: of its methods, those with a body when --data is given.
    The status line goes to standard error, the body to standard output: laid out on a terminal, as it came elsewhere.

    \b
    Exit status: 0 answered below 400, 5 answered 4xx, 6 answered 5xx, 2 wrong usage, 4 nothing answers.

    \b
    Examples:
      edge invoke health
      edge invoke search --data '{"query": "how much is a beard trim?", "shopId": 1}'
      edge invoke learn --path '/api/knowledge/passages?shopId=1' -H "Authorization: Bearer $KEY"
      edge invoke learn --route '/api/knowledge/learn/batch' --data @passages.json -H "Authorization: Bearer $KEY"
    """
    place = open_workplace(root)
    require_known(place, name)
    call = _call(place, name, **given)
    connection = UnixConnection(str(place.folders.run / f"{name}.sock"), timeout_s)
    try:
        start = time.perf_counter()
        connection.request(call.method, call.path, call.body and call.body.encode(), call.headers)
        status = _show(connection.getresponse(), start, as_json=as_json)
    except TimeoutError as error:
        raise click.ClickException(f"{name} has not answered {call.method} {call.path} for {timeout_s:g} s") from error
    except (InvalidURL, ValueError) as error:
        raise click.BadParameter(f"this cannot be sent as a path or a header: {error}") from error
    except (OSError, HTTPException) as error:
        raise NoHostError(f"nothing answers for {name} in {place.folders.home} ({error!r})") from error
    finally:
        connection.close()
    sys.exit(exit_of(status))


def exit_of(status: int) -> Exit:
    """The exit status for the status of an answer."""
    if status >= SERVER_ERROR:
        return Exit.SERVER_ERROR
    return Exit.CLIENT_ERROR if status >= CLIENT_ERROR else Exit.DONE


def choose(
    routes: Sequence[Mapping[str, Any]], *, route: str | None, method: str | None, path: str | None, has_body: bool
) -> tuple[str, str]:
    """Method and path of the only route that fits what was given; raises UsageError that lists the routes."""
    if route is not None:
        found = [one for one in routes if route in {one["path"], f"{one['method']} {one['path']}"}]
    elif path is not None:
        found = [one for one in routes if _fits(one["path"], path)]
    else:
        found = [one for one in routes if "{" not in one["path"]]
    if method is not None:
        found = [one for one in found if one["method"] == method]
    if len(found) > 1:
        found = [one for one in found if (one["method"] in WITH_BODY) == has_body]
    if len(found) == 1 and (path is not None or "{" not in found[0]["path"]):
        return found[0]["method"], path or found[0]["path"]
    if path is not None and method is not None:
        return method, path  # a route of no manifest, such as /metrics/NAME
    if path is not None and not found:
        return "POST" if has_body else "GET", path
    if len(found) == 1:
        blanks = " and ".join(re.findall(r"\{[^}]*\}", found[0]["path"]))
        example = f"--method {found[0]['method']} --path '{found[0]['path']}'"
        raise click.UsageError(f"fill in {blanks} with --path: {example}")
    listed = "\n".join(f"  {one['method']} {one['path']}" for one in routes)
    raise click.UsageError(f"say which route, with --route or with --method and --path:\n{listed}")


def _call(  # noqa: PLR0913 - the options of the command
    place: Workplace,
    name: str,
    *,
    data: str | None,
    route: str | None,
    method: str | None,
    path: str | None,
    headers: tuple[str, ...],
) -> Call:
    if route is not None and path is not None:
        raise click.UsageError("give either --route or --path")
    body = None if data is None else _body(data)
    if method is None or path is None:
        manifest = (place.functions().get(name) or {}).get("manifest")
        if manifest is None:
            raise NoHostError(f"{name} is not served in {place.folders.home}: `edge list` says why")
        routes = manifest["routes"]
        method, path = choose(routes, route=route, method=method, path=path, has_body=body is not None)
    given = [_header(line) for line in headers]
    standard = {"Accept": "application/json, */*;q=0.1", "Connection": "close"}
    if body is not None:
        standard["Content-Type"] = "application/json"
    names = {header.lower() for header, _ in given}
    kept = {header: value for header, value in standard.items() if header.lower() not in names}
    return Call(method, path, {**kept, **dict(given)}, body)


def _fits(template: str, path: str) -> bool:
    pattern = "[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]*\}", template))
    return re.fullmatch(pattern, path.partition("?")[0]) is not None


def _body(data: str) -> str:
    try:
        if data == "-":
            data = sys.stdin.read()
        elif data.startswith("@"):
            data = Path(data[1:]).read_text("utf-8")
        json.loads(data)
    except OSError as error:
        raise click.BadParameter(f"--data: {error}") from error
    except ValueError as error:
        raise click.BadParameter(f"--data is not JSON: {error}") from error
    return data


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise click.BadParameter(f'--header takes "Name: value", not {line!r}')
    return name.strip(), value.strip()


def _show(answer: HTTPResponse, start: float, *, as_json: bool) -> int:
    """Print the answer and return its status."""
    if not as_json and answer.headers.get_content_type() == "text/event-stream":
        while chunk := answer.read1():
            click.echo(chunk, nl=False)
        return answer.status
    body = answer.read()
    ms = (time.perf_counter() - start) * 1000
    if as_json:
        headers = {name.lower(): value for name, value in answer.getheaders()}
        shown = {"status": answer.status, "ms": round(ms, 1), "headers": headers, "body": _value(body)}
        click.echo(json.dumps(shown))
        return answer.status
    colour = {Exit.DONE: "green", Exit.CLIENT_ERROR: "yellow"}.get(exit_of(answer.status), "red")
    line = f"{answer.status} {answer.reason}  {ms:.1f} ms  {answer.headers.get('x-request-id', '')}"
    click.secho(line.rstrip(), fg=colour, err=True)
    _print_body(body)
    return answer.status


def _print_body(body: bytes) -> None:
    value = _value(body)
    if on_terminal() and isinstance(value, dict | list):
        from rich.console import Console

        Console().print_json(data=value)
    else:
        click.echo(body, nl=on_terminal())


def _value(body: bytes) -> Any:
    """The JSON value of a body, or its text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
