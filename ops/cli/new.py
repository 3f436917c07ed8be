"""`edge new`: a function that works, and a test that passes, to begin from."""

import json
from pathlib import Path
from string import Template

import click

from ops.cli.settings import read_settings
from ops.cli.workplace import json_option, root_option
from ops.release.names import fault_of

FUNCTION = Template('''"""A name → a greeting."""

import msgspec
from litestar import post
from litestar.params import JSONBody
from litestar.response.base import ASGIResponse

from core.app import EdgeApp, make_app
from core.function import Function, Route, Smoke
from core.http.routes import answers

PATH = "$path"
FUNCTION = Function(
    name="$name",
    summary="Greet somebody by name",
    routes=(Route("POST", PATH),),
    smoke=(Smoke("POST", PATH, {"text": "deploy"}),),
)


class Greeting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A name on the way in, a greeting on the way out."""

    text: str


@post(PATH, **answers(Greeting, body=True))
async def greet(data: JSONBody[Greeting]) -> ASGIResponse:
    """Greet somebody by name."""
    return ASGIResponse(body=msgspec.json.encode(Greeting(f"hello {data.text}")))


def create_app() -> EdgeApp:
    """The function's application."""
    return make_app(FUNCTION, [greet])
''')

TEST = Template('''"""What $name answers, and what it refuses."""

import pytest

from functions.$name import FUNCTION, PATH, create_app
from tests.parts.functions import is_problem, serving


@pytest.fixture
async def client():
    async with serving(create_app()) as client:
        yield client


async def test_it_greets_by_name(client):
    response = await client.post(PATH, json={"text": "Ada"})
    assert (200, {"text": "hello Ada"}) == (response.status_code, response.json())


async def test_a_field_that_is_not_known_is_refused(client):
    response = await client.post(PATH, json={"text": "Ada", "age": 36})
    assert is_problem(response, 400, "invalid-request")


async def test_its_smoke_requests_are_answered_as_declared(client):
    for smoke in FUNCTION.smoke:
        response = await client.request(smoke.method, smoke.path, json=smoke.body)
        assert smoke.status == response.status_code
''')


@click.command()
@click.argument("name")
@root_option
@json_option
def new(*, name: str, root: Path, as_json: bool) -> None:
    """Write functions/NAME.py and tests/integration/test_NAME.py: a function that works, and a test that passes.

    NAME is the name of the module, of the function's socket and of its log: lower-case letters, digits and
    underscores. Nothing that exists is overwritten.

    \b
    Examples:
      edge new opening_hours
      edge new opening_hours && edge deploy opening_hours && edge invoke opening_hours --data '{"text": "Ada"}'
    """
    if fault := fault_of(name):
        raise click.BadParameter(f"{name!r} {fault}", param_hint="NAME")
    files = {
        root / "functions" / f"{name}.py": FUNCTION,
        root / "tests" / "integration" / f"test_{name}.py": TEST,
    }
    there = [path for path in (*files, root / "functions" / name) if path.exists()]
    if there:
        raise click.BadParameter(f"{there[0]} exists already", param_hint="NAME")
    words = {"name": name, "path": route_of(name)}
    for path, template in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template.substitute(words))
    if as_json:
        click.echo(json.dumps({"name": name, "route": route_of(name), "files": [str(path) for path in files]}))
    else:
        _show([*files], root, name)


def route_of(name: str) -> str:
    """The path that a new function answers."""
    return f"/api/{name.replace('_', '-')}"


def _show(files: list[Path], root: Path, name: str) -> None:
    settings = read_settings()
    for path in files:
        click.echo(f"wrote {path}")
    body, address = '{"text": "Ada"}', f"http://{authority(settings.host, settings.port)}"
    click.echo(f"""
next, in {root.absolute()}:
  make test ARGS={files[1].relative_to(root)}
  .venv/bin/edge deploy {name}
  .venv/bin/edge invoke {name} --data '{body}'
  curl -s {address}{route_of(name)} -H 'Content-Type: application/json' -d '{body}'
  docs/http-api.md     name its route and limits there: a test holds that page to the functions""")


def authority(host: str, port: int) -> str:
    """Host and port as a URL on this machine has them, when a server listens on `host`."""
    bare = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host.strip("[]"), host.strip("[]"))  # noqa: S104 - not bound here
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"
