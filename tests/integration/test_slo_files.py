"""The files that `edge slo` prints, by the tools that will read them, and by what the functions really expose."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from core.settings import Settings
from functions import chat
from ops.cli import main
from ops.slo import load, series
from ops.slo.dashboard import dashboard
from ops.slo.rules import rules
from tests.parts.functions import serving
from tests.parts.prometheus import run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/service-levels.md").read_text("utf-8")
DOCUMENTED = re.compile(r"^\| `(edge_\w+)` \|", re.MULTILINE)
LEVELS = load()
ALERTMANAGER = (
    "alertmanager",
    *("--to", "owner@shop.example", "--from", "edge@shop.example", "--smarthost", "mail.shop.example:587"),
    *("--smtp-user", "edge", "--smtp-password-file", "/etc/alertmanager/smtp"),
    *("--sms-url", "https://sms.example/send", "--pager-url", "https://pager.example/page"),
)
FUNCTIONS = {path.stem for path in (ROOT / "functions").glob("[!_.]*")}
RULES = [rule for group in rules(LEVELS)["groups"] for rule in group["rules"]]
REACHES = sorted({rule["labels"]["reaches"] for rule in RULES if "alert" in rule})
PANELS = [panel for panel in dashboard(LEVELS)["panels"] if "targets" in panel]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [query["expr"] for panel in PANELS for query in panel["targets"]]
# Added by Prometheus to whatever it asks, and by its histograms.
ADDED = {"job", "instance", "le", "fstype", "sli"}


def printed(*arguments: str, **environ: str) -> str:
    done = CliRunner(env={"EDGE_PORT": "8080", **environ}).invoke(main, ["slo", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slo")
    (folder / "edge-rules.yml").write_text(printed("rules"))
    (folder / "prometheus.yml").write_text(printed("prometheus"))
    (folder / "alertmanager.yml").write_text(printed(*ALERTMANAGER))
    return folder


def test_prometheus_takes_its_configuration_and_the_rules(promtool, folder):
    run(promtool, "check", "config", "--lint-fatal", "prometheus.yml", cwd=folder)


def test_alertmanager_takes_its_configuration(amtool, folder):
    run(amtool, "check-config", "alertmanager.yml", cwd=folder)


def test_who_has_an_address_alone_gets_every_alert_there(amtool, tmp_path):
    mail_alone = ALERTMANAGER[: ALERTMANAGER.index("--sms-url")]
    done = CliRunner(env={"EDGE_PORT": "8080"}).invoke(main, ["slo", *mail_alone])
    assert 0 == done.exit_code, done.output
    assert "no URL for SMS or pager" in done.stderr
    (tmp_path / "alertmanager.yml").write_text(done.stdout)
    run(amtool, "check-config", "alertmanager.yml", cwd=tmp_path)
    for reaches in (*REACHES, "pager"):
        words = ("config", "routes", "test", "--config.file=alertmanager.yml", f"reaches={reaches}")
        assert "email" == run(amtool, *words, cwd=tmp_path).strip()


@pytest.mark.parametrize("reaches", REACHES)
def test_an_alert_reaches_those_whom_the_file_names_and_nobody_else(amtool, folder, reaches):
    routed = run(amtool, "config", "routes", "test", "--config.file=alertmanager.yml", f"reaches={reaches}", cwd=folder)
    assert sorted(reaches.split(",")) == sorted(routed.strip().split(","))


def test_the_pager_is_for_a_service_that_is_down_and_sms_for_what_is_critical():
    alerts = {
        (rule["alert"], rule["labels"]["severity"], rule["labels"]["reaches"]) for rule in RULES if "alert" in rule
    }
    assert {"ServiceDown"} == {name for name, _, reaches in alerts if "pager" in reaches}
    assert {"critical"} == {severity for _, severity, reaches in alerts if "sms" in reaches}
    assert {"email"} == {reaches for _, severity, reaches in alerts if severity == "warning"}


def test_every_function_is_scraped_and_one_that_does_not_answer_is_named():
    jobs = {job["job_name"]: job for job in yaml.safe_load(printed("prometheus"))["scrape_configs"]}
    targets = {one["labels"]["function"]: one for one in jobs["edge"]["static_configs"]}
    assert FUNCTIONS == set(targets)
    assert ("/metrics/chat", ["127.0.0.1:8080"]) == (
        targets["chat"]["labels"]["__metrics_path__"],
        targets["chat"]["targets"],
    )
    assert ["http://127.0.0.1:8080/api/health"] == jobs["edge_uptime"]["static_configs"][0]["targets"]


@pytest.mark.parametrize(
    ("environ", "address"),
    [
        ({"EDGE_HOST": "0.0.0.0", "EDGE_PORT": "9000"}, "http://127.0.0.1:9000/api/health"),
        ({"EDGE_HOST": "::1"}, "http://[::1]:8080/api/health"),
        (
            {"EDGE_TLS_CERTIFICATE": "/c", "EDGE_TLS_KEY": "/k", "EDGE_TLS_NAMES": "api.shop.example"},
            "https://api.shop.example:443/api/health",
        ),
    ],
)
def test_the_instance_is_asked_where_it_listens(environ, address):
    found = yaml.safe_load(printed("prometheus", **environ))["scrape_configs"]
    assert address == found[1]["static_configs"][0]["targets"][0]
    assert found[0]["static_configs"][0]["targets"][0] in address


def test_every_alert_says_where_it_is_explained():
    sections = set(re.findall(r"^### (\w+)$", PAGE, re.MULTILINE))
    assert sections == {rule["alert"] for rule in RULES if "alert" in rule}
    for rule in RULES:
        assert "alert" not in rule or rule["annotations"]["what_to_do"] == f"docs/service-levels.md, {rule['alert']}"


def test_all_levels_are_shown():
    assert json.loads(printed("show", "--json"))["promised"]["availability"] == LEVELS.promised.availability
    assert re.search(r"^alerts\.ServiceDown\.reaches +sms, email, pager$", printed("show"), re.MULTILINE)
    assert re.search(r"^alerts\.CertificateExpires\.limit +1209600$", printed("show"), re.MULTILINE)


def labels_in(expression: str) -> set[str]:
    selectors = re.findall(r"\{([^}]*)\}", expression)
    grouped = re.findall(r" by \(([^)]+)\)", expression)
    return {
        *(name for text in selectors for name in re.findall(r'(\w+)(?:=~|!~|!=|=)"', text)),
        *(name for text in grouped for name in text.split(", ")),
    }


def alone(home, **fields):
    """Settings of a function whose database and model are away."""
    database = "postgresql://nobody@127.0.0.1:1/none"
    return Settings(home=home, database_url=database, ollama_url="http://127.0.0.1:1", **fields)


async def test_what_functions_expose_is_documented_and_all_that_rules_and_dashboard_ask_for(tmp_path):
    app = chat.create_app(alone(tmp_path, chat_model="none"))
    async with serving(app) as client:
        types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", (await client.get("/metrics/chat")).text, re.MULTILINE))
    names = {name for name, kind in types.items() if kind != "histogram"}
    names |= {
        name + end for name, kind in types.items() if kind == "histogram" for end in ("_bucket", "_count", "_sum")
    }
    assert set() == series.OURS - names
    assert {name for name in types if name.startswith("edge_")} == set(DOCUMENTED.findall(PAGE))
    known = {label for collector in app.metrics.registry._collector_to_names for label in labels_of(collector)}
    assert set() == {label for expression in EXPRESSIONS for label in labels_in(expression)} - known - ADDED


@pytest.mark.parametrize("workers", [(), ("chat=2",)])
async def test_one_of_several_workers_says_which(tmp_path, workers):
    async with serving(chat.create_app(alone(tmp_path, workers=workers))) as client:
        lines = [line for line in (await client.get("/metrics/chat")).text.splitlines() if not line.startswith("#")]
    assert [bool(workers)] * len(lines) == [f'worker="{os.getpid()}"' in line for line in lines]


def labels_of(collector):
    return getattr(collector, "_labelnames", ())


def test_no_series_is_asked_for_under_a_name_of_its_own():
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    asked = {
        name
        for expression in EXPRESSIONS
        for name in re.findall(r"\b(?:edge|node|probe|process)[:_][\w:]+|\bup\b", re.sub(r'"[^"]*"', "", expression))
    }
    assert asked - recorded <= series.OURS | series.OTHERS | {series.BACKUP_VERIFIED}
    assert series.OURS | series.OTHERS | {series.BACKUP_VERIFIED} <= asked


def test_no_shop_can_be_told_from_another_by_rules_or_dashboard():
    assert "shop" not in {label for expression in EXPRESSIONS for label in labels_in(expression)}
    assert ["source", "function"] == [one["name"] for one in dashboard(LEVELS)["templating"]["list"]]
