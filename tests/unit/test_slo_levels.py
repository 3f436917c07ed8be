"""ops/slo.toml: read whole, refused with the key that is wrong, and the only place where its figures stand."""

import json
import tomllib

import msgspec
import pytest

from core.observe.metrics import BUCKETS
from ops.host.gauges import BUCKETS_S
from ops.host.watch import Triggers
from ops.slo import Levels, load
from ops.slo.levels import PATH

LEVELS = load()


def test_every_figure_of_the_file_is_read():
    assert tomllib.loads(PATH.read_text("utf-8")) == json.loads(msgspec.json.encode(LEVELS))


@pytest.mark.parametrize(
    ("line", "changed", "named"),
    [
        ("error_rate = 0.01", "error_rate = 1.01", "promised.error_rate"),
        ("search_s = 0.5 ", "search_s = 0 ", "promised.search_s"),
        ('severity = "critical"', 'severity = "dire"', "severity"),
        ("[alerts.ServiceDown]", "[alerts.ServiceGone]", "ServiceGone"),
        ("least_requests = 20", "", "least_requests"),
    ],
)
def test_what_cannot_be_a_level_is_refused_by_its_name(tmp_path, line, changed, named):
    text = PATH.read_text("utf-8")
    assert line in text
    broken = tmp_path / "slo.toml"
    broken.write_text(text.replace(line, changed))
    with pytest.raises(msgspec.ValidationError, match=named):
        load(broken)


def test_the_rollback_triggers_are_those_of_the_file():
    assert msgspec.structs.asdict(LEVELS.rollback) == msgspec.structs.asdict(Triggers.read())


def response_times(levels: Levels):
    promised, alerts, aims = levels.promised, levels.alerts, levels.aims
    return {
        promised.response_p50_s,
        promised.response_p95_s,
        promised.response_p99_s,
        promised.search_s,
        promised.embedding_s,
        promised.database_s,
        alerts.slow_response_time.limit,
        levels.rollback.p95_s,
        aims.cached_search_p95_s,
        aims.chat_first_event_p95_s,
    }


def test_a_response_time_that_is_judged_is_the_bound_of_a_bucket():
    """A quantile within a bucket is guessed; at its bound it is known."""
    assert set() == response_times(LEVELS) - set(BUCKETS)
    assert LEVELS.rollback.p95_s in BUCKETS_S


def test_the_month_of_the_promise_has_less_than_43_minutes_and_a_half_to_lose():
    allowed_s = (1 - LEVELS.promised.availability) * LEVELS.promised.availability_over_s
    assert 42 * 60 < allowed_s < 43.5 * 60
