"""What is looked at before the load begins, so that nobody waits nine minutes for what was wrong from the start."""

import json
import os
import subprocess
import sys
from pathlib import Path

from loadtests import shops
from loadtests.api import Api, Unusable
from loadtests.options import Options
from loadtests.questions import recorded

SEARCH = "/api/knowledge/search"
VERDICT = "verdict.json"
ROOT = Path(__file__).parents[1]
EDGE = Path(sys.executable).with_name("edge")
STATUS_TIMEOUT_S = 60.0


def check(options: Options) -> None:
    """Raises Unusable with what is wrong and what to do."""
    api = Api(options.host, options.key)
    _check_instance(api, options)
    if options.scenario.shops:
        _check_key(api, options)
    if options.scenario.deploys:
        check_command(options)
    if options.questions is not None:
        try:
            recorded(options.questions)
        except (OSError, ValueError) as error:
            raise Unusable(f"the questions cannot be read: {error}") from error


def _check_instance(api: Api, options: Options) -> None:
    status, health = api.ask("GET", "/api/health")
    _check_limit(status)
    if not isinstance(health, dict) or health.get("service") != "cutting-edge":
        raise Unusable(f"what answers at {options.host} is no Cutting Edge (status {status}): see --host")
    if health.get("status") == "down":
        raise Unusable(f"the instance at {options.host} is down: {json.dumps(health.get('checks'))}")
    body = {"query": "are you there?", "shopId": options.shop, "threshold": 0, "limit": 1}
    status, answer = api.ask("POST", SEARCH, body)
    _check_limit(status)
    if status != 200 or not isinstance(answer, dict):  # noqa: PLR2004 - HTTP
        raise Unusable(f"a search at {options.host} is answered {status}, and not as documented: see `edge doctor`")
    if not options.scenario.shops and not answer.get("results") and not answer.get("degraded"):
        raise Unusable(f"shop {options.shop} knows nothing at {options.host}: name one that does by --shop")


def _check_limit(status: int) -> None:
    if status == 429:  # noqa: PLR2004 - HTTP
        raise Unusable(
            "the instance's rate limit holds this machine back (429): start the instance with this machine's network"
            " in EDGE_RATE_LIMIT_EXEMPT"
        )


def _check_key(api: Api, options: Options) -> None:
    name, shop = options.scenario.name, options.scenario.shops[0]
    advice = "--key or EDGE_LOAD_KEY; edge keys create --operator --name load makes one"
    if not options.key:
        raise Unusable(f"the scenario {name} writes and needs an operator's key: {advice}")
    status, _ = api.ask("GET", f"{shops.PASSAGES}?shopId={shop}&limit=1")
    if status in {401, 403}:
        raise Unusable(f"the key is not an operator's ({status}): {advice}")
    if status != 200:  # noqa: PLR2004 - HTTP
        raise Unusable(f"the passages of shop {shop} cannot be listed: status {status}")


def prepare(folder: Path) -> None:
    """Make the report's folder before anybody waits for what is to lie in it; raises Unusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / VERDICT).write_bytes(b"")
    except OSError as error:
        raise Unusable(f"the report cannot be written: {error}; name another folder by --report") from error


def check_command(options: Options) -> None:
    """`edge deploy` must reach the very instance that gets the load."""
    advice = "run it on the instance's machine, with the instance's EDGE_HOME"
    try:
        done = subprocess.run(
            [EDGE, "status", "--json"],
            cwd=ROOT, env=instance_environ(), capture_output=True, text=True, timeout=STATUS_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unusable(f"the scenario {options.scenario.name} deploys, and `edge` does not run: {error}") from error
    if done.returncode:
        said = done.stderr.strip() or f"`edge status` ends with {done.returncode}"
        raise Unusable(f"the scenario {options.scenario.name} deploys: {advice} ({said})")


def instance_environ() -> dict[str, str]:
    """The environment without what is said to the load test."""
    return {name: text for name, text in os.environ.items() if not name.startswith(("EDGE_LOAD_", "LOCUST_"))}
