"""The load tests in brief, against a real instance: what they find, what they write, how they end.

How fast answers come on a busy machine is not judged here: the verdict must follow from the figures, whatever they are,
and what does not depend on the machine must be right. `make load-gate` judges the rest.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from loadtests import shops
from loadtests.catalogue import SCENARIOS
from loadtests.criteria import DEFECTS, FOUND, FROM_A_SHOP
from tests.parts.stack import RunningStack, free_port

ROOT = Path(__file__).parents[2]
LOCUST = Path(sys.executable).with_name("locust")
HEADLESS = ("--headless", "--only-summary", "--loglevel", "WARNING")
RIGHT = {"failed or wrong", "streams cut", "not seen at once", "foreign rows", "errors of the test itself"}
RIGHT |= {"looked at after a write", "deploys", "deploys refused or not made", "conversations not kept"}
RIGHT |= {f"{kind} looked through" for kind in ("searches", "chats", "lists")}
RIGHT |= {"rows that are missing", "degraded answers", FROM_A_SHOP, FOUND}
pytestmark = pytest.mark.timeout(240)  # all of it is one test's setup


def started(stack: RunningStack | None, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("EDGE_")}
    return subprocess.Popen(
        [LOCUST, "-f", "loadtests/", *arguments],
        cwd=ROOT, env={**clean, **(stack.environ if stack else {}), **environ},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = process.communicate(timeout=200)
    return process.returncode, output


@pytest.fixture(scope="module")
def key(stack: RunningStack) -> str:
    return stack.key()


@pytest.fixture(scope="module")
def runs(stack: RunningStack, key: str, tmp_path_factory) -> dict[str, tuple[int, str, Path]]:
    """Deploys under two workers, and at the same time writes and shops, each in a process of its own."""
    folder, port = tmp_path_factory.mktemp("load"), str(free_port())
    told = {"EDGE_LOAD_KEY": key, "EDGE_LOAD_REPORT": ""}

    def begin(scenario: str, *arguments: str, scale: str) -> subprocess.Popen[str]:
        report = ("--report", str(folder / scenario))
        return started(stack, *HEADLESS, "--scenario", scenario, *report, *arguments, EDGE_LOAD_SCALE=scale, **told)

    master = begin("deploys", "--master", "--master-bind-port", port, "--expect-workers", "2", scale="0.05")
    workers = [started(None, "--worker", "--master-port", port, "--loglevel", "WARNING") for _ in range(2)]
    others = {name: begin(name, scale="0.05") for name in ("writes", "shops")}
    found = {name: (*ended(process), folder / name) for name, process in {"deploys": master, **others}.items()}
    assert [0, 0] == [ended(worker)[0] for worker in workers]
    return found


@pytest.mark.parametrize("scenario", ["deploys", "writes", "shops"])
def test_a_scenario_ends_as_its_criteria_say_and_nothing_was_wrong(runs, scenario: str):
    status, output, folder = runs[scenario]
    verdict = json.loads((folder / "verdict.json").read_text())
    rows = {row["name"]: row for row in verdict["rows"]}
    assert [criterion.name for criterion in SCENARIOS[scenario].criteria] == [*rows]
    assert [] == [row for name, row in rows.items() if name in RIGHT and not row["kept"]], output
    kept = all(row["kept"] for row in rows.values())
    assert (kept, 0 if kept else 3) == (verdict["passed"], status), output
    for name in rows:
        assert name in output


def test_a_run_leaves_tables_a_page_and_a_picture(runs):
    _, _, folder = runs["deploys"]
    assert (
        (folder / "samples.csv").read_text().startswith("at_s,users,requests,failures,refused,p50_ms,p95_ms,p99_ms\n")
    )
    assert "POST,chat," in (folder / "requests.csv").read_text()
    assert (folder / "failures.csv").exists()
    assert "<html" in (folder / "report.html").read_text()
    assert "p95" in "".join(ET.parse(folder / "latency.svg").getroot().itertext())
    assert "cores" in json.loads((folder / "verdict.json").read_text())["environment"]["machine"]


def test_two_workers_ask_and_their_master_adds_up(runs):
    _, _, folder = runs["deploys"]
    rows = {row["name"]: row["value"] for row in json.loads((folder / "verdict.json").read_text())["rows"]}
    assert rows["requests"] > 30
    assert rows["streams read to the end"] > 3


@pytest.mark.usefixtures("runs")
def test_the_shops_of_a_run_are_empty_afterwards(stack: RunningStack, key: str):
    with stack.client(key) as client:
        left = [
            client.get(shops.PASSAGES, params={"shopId": shop}).json()["total"]
            for shop in (*shops.SHOPPERS, *shops.OWNERS)
        ]
    assert {0} == set(left)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_early_has_not_passed(stack: RunningStack, tmp_path: Path, how: signal.Signals):
    process = started(stack, *HEADLESS, "--scenario", "ramp", "--report", str(tmp_path), "--loglevel", "INFO")
    assert process.stdout is not None
    until = next(line for line in process.stdout if "All users spawned" in line)
    assert until
    process.send_signal(how)
    status, output = ended(process)
    assert 3 == status, output
    assert "ramp: not passed: it was ended before its time" in output
    assert not json.loads((tmp_path / "verdict.json").read_text())["passed"]


def test_a_report_that_cannot_be_written_is_said_and_is_no_success(stack: RunningStack, key: str, tmp_path: Path):
    (tmp_path / "samples.csv").mkdir()
    run = (*HEADLESS, "--scenario", "writes", "--report", str(tmp_path))
    status, output = ended(started(stack, *run, EDGE_LOAD_SCALE="0.05", EDGE_LOAD_KEY=key))
    assert "the report cannot be written" in output
    assert (1 if "writes: passed" in output else 3) == status, output


def test_what_cannot_work_is_said_before_the_load_begins(stack: RunningStack, tmp_path: Path):
    status, output = ended(started(stack, *HEADLESS, "--report", str(tmp_path), EDGE_PORT="1"))
    assert 2 == status, output
    assert "no Cutting Edge answers at http://127.0.0.1:1" in output
    assert "Traceback" not in output


def test_the_help_tells_every_scenario():
    done = subprocess.run(
        [sys.executable, "-m", "loadtests", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = " ".join(done.stdout.split())
    assert all(f"{name}: " in told for name in SCENARIOS)
    assert "EDGE_LOAD_SCALE" in told


def test_a_scenario_that_there_is_not_is_answered_with_those_that_there_are(stack: RunningStack):
    status, output = ended(started(stack, *HEADLESS, "--scenario", "nap"))
    assert 2 == status
    assert all(name in output for name in SCENARIOS)


@contextlib.contextmanager
def page(stack: RunningStack, report: Path, **environ: str) -> Iterator[httpx.Client]:
    port = free_port()
    options = ("--web-port", str(port), "--report", str(report))
    process = started(stack, *options, **{"EDGE_LOAD_SCALE": "0.002", **environ})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until(lambda: answers(client))
            yield client
    finally:
        process.terminate()
        ended(process)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.1)


def test_the_page_is_for_this_machine_and_does_not_tell_the_key(stack: RunningStack, tmp_path: Path):
    with page(stack, tmp_path, EDGE_LOAD_KEY="edge_secret") as client:
        assert "edge_secret" not in client.get("/").text
        listening = [each.laddr for each in psutil.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
        assert ["127.0.0.1"] == [address.ip for address in listening if address.port == client.base_url.port]


def test_the_page_says_why_a_run_cannot_begin(stack: RunningStack, tmp_path: Path):
    with page(stack, tmp_path) as client:
        for wrong, why in (
            ({"scenario": "writes"}, "needs an operator's key"),
            ({"shop": "4711"}, "4711 knows nothing"),
        ):
            answer = client.post("/swarm", data={"scenario": "ramp", "host": stack.address, **wrong}).json()
            assert not answer["success"]
            assert why in answer["message"]
            assert f"the load test cannot begin: {answer['message']}\n" == client.get("/verdict").text


def test_locust_tells_our_options_when_it_is_asked_for_the_scenarios():
    locust = [str(Path(sys.executable).with_name("locust")), "-f", "loadtests/", "--scenarios"]
    done = subprocess.run(locust, cwd=ROOT, capture_output=True, text=True, check=True)
    told = " ".join(done.stdout.split())
    assert all(f"{name}: " in told for name in SCENARIOS)
    assert {"--scale", "--key", "EDGE_LOAD_SCALE"} <= {*told.replace(",", " ").replace("]", " ").split()}


def test_the_page_offers_the_scenarios_runs_one_and_shows_the_verdict(stack: RunningStack, tmp_path: Path):
    with page(stack, tmp_path) as client:
        shown = client.get("/").text
        assert all(f'"{name}"' in urllib.parse.unquote(shown) for name in SCENARIOS)
        assert "no run has ended" in client.get("/verdict").text
        began = client.post("/swarm", data={"scenario": "ramp", "host": stack.address})
        assert began.json()["success"], began.text
        wait_until(lambda: "slowest search s" in client.get("/verdict").text)
        assert client.get("/verdict").text.startswith("ramp: ")
        wait_until(lambda: "stopped" == client.get("/stats/requests").json()["state"])
        assert client.post("/swarm", data={"scenario": "ramp", "host": stack.address}).json()["success"]
        wait_until(lambda: "it goes on" in client.get("/verdict").text)
        assert client.post("/stats/reset").status_code == 200
        wait_until(lambda: "slowest search s" in client.get("/verdict").text)
        thrown_away = next(line for line in client.get("/verdict").text.splitlines() if DEFECTS.name in line)
        assert "BROKEN" in thrown_away
