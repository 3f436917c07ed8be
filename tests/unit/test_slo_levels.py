"""ops/slo.toml: read whole, refused with the key that is wrong, and the only place where its figures stand."""

import json
import tomllib

import msgspec
import pytest

from core.observe.metrics import BUCKETS
from ops.host.gauges import BUCKETS_S
from ops.host.watch import Triggers
from ops.slo import Levels, LevelsError, load
from ops.slo.levels import PATH, load_rollback
from ops.slo.series import BOUNDS_S

LEVELS = load()


def test_every_figure_of_the_file_is_read():
    assert tomllib.loads(PATH.read_text("utf-8")) == json.loads(msgspec.json.encode(LEVELS))


@pytest.mark.parametrize(
    ("line", "changed", "said"),
    [
        ("error_rate = 0.01", "error_rate = 1.01", ": promised.error_rate: it must be <= 1.0, and is 1.01"),
        ("error_rate = 0.01", "error_rate = -1", ": promised.error_rate: it must be >= 0.0, and is -1"),
        ("error_rate = 0.01", "error_rate = nan", ": promised.error_rate: it must be >= 0.0, and is nan"),
        ("error_rate = 0.01", 'error_rate = "1"', ": promised.error_rate: a number is expected, not a string"),
        ("error_rate = 0.01", "error_rate = ", " is not TOML: Invalid value (at line 10, column 14)"),
        ("error_rate = 0.01", "eror_rate = 0.01", ": promised.eror_rate is no level; known: response_p50_s, "),
        ("search_s = 0.5 ", "search_s = 0 ", ": promised.search_s: it must be > 0.0, and is 0"),
        ("search_s = 0.5 ", "search_s = inf ", ": promised: search_s must be finite"),
        ('severity = "critical"', 'severity = "dire"', "severity: 'dire' is none of critical, warning"),
        ('["sms", "email"]', '["sms", "mail"]', "reaches[1]: 'mail' is none of sms, email, pager"),
        ("[alerts.ServiceDown]", "[alerts.ServiceGone]", ": alerts.ServiceGone is no level; known: HighErrorRate, "),
        ("[rollback]", "[rolback]", ": rolback is no level; known: promised, ramp, "),
        ("users = 10", "user = 10", ": ramp[0].user is no level; known: end_s, users"),
        ("end_s = 420", "end_s = 20", ": ramp: it must have stages, each with a later end_s than the one before"),
        (
            "response_p95_s = 2.0",
            "response_p95_s = 4.0",
            ": promised: response_p50_s, response_p95_s and response_p99",
        ),
        ("search_s = 0.5 ", "search_s = 0.3 ", ": promised: search_s is 0.3, and what is measured has bounds 0.001, "),
        ("availability = 0.999 ", "availability = 1 ", ": promised.availability: it must be < 1.0, and is 1"),
        ("limit = 3.0 ", "limit = 10.0 ", ": alerts: SlowResponseTime.limit is 10, and times past 10 s look alike"),
        ("short_s = 300", "short_s = 3600", ": burn[0]: short_s is 3600, and must be less than long_s, 3600"),
        ('["sms", "email", "pager"]', "[]", ": alerts.ServiceDown: reaches must name somebody"),
        ("users = 10\n\n[[ramp]]\nend_s = 420\nusers = 50", "users = 0", ": ramp: one of its stages must have users"),
        ("crashes = 3 ", "crashes = 0 ", ": rollback.crashes: it must be >= 1, and is 0"),
        ("least_requests = 20", "", ": rollback.least_requests is missing"),
    ],
)
def test_a_slip_is_told_in_one_sentence_with_file_and_field(tmp_path, line, changed, said):
    with pytest.raises(LevelsError) as refused:
        load(spoilt(tmp_path, line, changed))
    assert said in str(refused.value)
    assert str(refused.value).startswith("ops/slo.toml")
    assert "\n" not in str(refused.value)


def spoilt(folder, line, changed):
    text = PATH.read_text("utf-8")
    assert line in text
    (folder / "slo.toml").write_text(text.replace(line, changed))
    return folder / "slo.toml"


def test_what_cannot_be_read_at_all_is_told_alike(tmp_path):
    (tmp_path / "latin").write_bytes("# für".encode("latin-1"))
    for path, said in ((tmp_path / "none", "cannot be read: No such file"), (tmp_path / "latin", "is not TOML")):
        with pytest.raises(LevelsError, match=said):
            load(path)


def test_a_slip_elsewhere_leaves_the_host_its_triggers(tmp_path):
    assert LEVELS.rollback == load_rollback(spoilt(tmp_path, "[alerts.ServiceDown]", "[alerts.ServiceGone]"))
    with pytest.raises(LevelsError, match=r"rollback\.crashes"):
        load_rollback(spoilt(tmp_path, "crashes = 3 ", "crashes = -3 "))


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


def test_the_bounds_that_levels_are_held_to_are_those_of_the_functions():
    assert BUCKETS == BOUNDS_S


def test_the_month_of_the_promise_has_less_than_43_minutes_and_a_half_to_lose():
    allowed_s = (1 - LEVELS.promised.availability) * LEVELS.promised.availability_over_s
    assert 42 * 60 < allowed_s < 43.5 * 60
