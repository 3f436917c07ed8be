"""The rollback triggers, fed by hand."""

from pathlib import Path

from ops.host.gauges import ABANDONED, ABANDONED_S, BUCKETS_S, CLIENT_LEFT, Gauges, Reading
from ops.host.watch import Triggers, Watch

TRIGGERS = Triggers(
    error_rate=0.1,
    error_rate_for_s=10,
    p95_s=5.0,
    p95_for_s=20,
    crashes=3,
    crashes_within_s=6,
    least_requests=20,
    abandoned_rate=0.5,
)


def reading(requests: int, errors: int = 0, slow: int = 0) -> Reading:
    buckets = [0] * (len(BUCKETS_S) + 1)
    buckets[0], buckets[-1] = requests - slow, slow
    return Reading(requests=requests, errors=errors, buckets=tuple(buckets))


def test_a_release_without_errors_stays():
    watch = Watch(TRIGGERS, 0)
    assert all(watch.feed(t, reading(t * 100)) is None for t in range(1, 120))


def test_a_release_that_answers_with_errors_goes_after_the_time_and_not_before():
    watch = Watch(TRIGGERS, 0)
    verdicts = [watch.feed(t, reading(t * 100, errors=t * 20)) for t in range(1, 12)]
    assert [None] * 9 == verdicts[:9]
    assert verdicts[9].startswith("errors 20%")


def test_errors_that_stop_before_their_time_are_forgiven():
    watch = Watch(TRIGGERS, 0)
    assert all(watch.feed(t, reading(t * 100, errors=min(t, 7) * 13)) is None for t in range(1, 60))


def test_errors_that_begin_late_are_found():
    watch = Watch(TRIGGERS, 0)
    for t in range(1, 100):
        assert watch.feed(t, reading(t * 100)) is None
    verdicts = [watch.feed(100 + t, reading(9900 + t * 100, errors=t * 90)) for t in range(1, 12)]
    assert any(verdicts)


def test_a_slow_release_goes():
    watch = Watch(TRIGGERS, 0)
    verdicts = [watch.feed(t, reading(t * 100, slow=t * 10)) for t in range(1, 22)]
    assert [None] * 19 == verdicts[:19]
    assert "p95" in verdicts[20]


def test_a_release_whose_clients_leave_without_an_answer_goes():
    """However long it may take by its own timeout."""
    watch = Watch(TRIGGERS.for_timeout(300), 0)
    verdicts = [watch.feed(t, Reading(requests=t * 10, abandoned=t * 6)) for t in range(1, 12)]
    assert [None] * 9 == verdicts[:9]
    assert verdicts[9].startswith("hangs: 60% of 100 clients")


def test_clients_that_leave_now_and_then_say_nothing_of_a_release():
    watch = Watch(TRIGGERS, 0)
    assert all(watch.feed(t, Reading(requests=t * 10, abandoned=t * 4)) is None for t in range(1, 40))


def test_a_handful_of_requests_says_nothing():
    watch = Watch(TRIGGERS, 0)
    assert all(watch.feed(t, reading(10, errors=10)) is None for t in range(1, 40))


def test_three_crashes_in_a_short_time_are_too_many():
    watch = Watch(TRIGGERS, 0)
    assert [None, None] == [watch.crashed(1), watch.crashed(20)]
    assert watch.crashed(22) is None
    assert "down" in watch.crashed(23)


def test_the_triggers_come_from_the_service_levels_and_scale_in_time_only():
    plain, scaled = Triggers.read(), Triggers.read(0.01)
    assert (0.10, 300, 5.0, 600) == (plain.error_rate, plain.error_rate_for_s, plain.p95_s, plain.p95_for_s)
    assert (0.10, 3.0, 5.0, 6.0) == (scaled.error_rate, scaled.error_rate_for_s, scaled.p95_s, scaled.p95_for_s)


def test_what_a_worker_writes_the_host_reads(tmp_path: Path):
    worker, host = Gauges.create(tmp_path / "one.1.7", 42), Gauges(tmp_path / "one.1.7")
    assert 42 == host.started_ticks
    worker.begin()
    worker.begin()
    worker.end(200, 0.004)
    worker.beat()
    assert Reading(1, 1, 1, 0, (1, *[0] * len(BUCKETS_S))) == host.read()
    worker.end(500, 60.0)
    assert (0, 2, 1, 1) == (host.read().in_flight, host.read().requests, host.read().errors, host.read().buckets[-1])
    worker.begin()
    worker.end(503, 0.1)
    assert 1 == host.read().errors
    worker.begin()
    worker.end(503, 10.0, timed_out=True)
    assert 2 == host.read().errors


def test_a_client_that_left_early_has_lost_interest_and_one_that_waited_has_not(tmp_path: Path):
    gauges = Gauges.create(tmp_path / "one.1.7", 0)
    for seconds in (0.1, ABANDONED_S - 0.1, ABANDONED_S, 60.0):
        gauges.begin()
        gauges.end(CLIENT_LEFT, seconds)
    assert (2, 0) == (gauges.read().abandoned, gauges.read().errors)


def test_the_cells_of_a_worker_from_an_earlier_version_are_read_as_far_as_they_go(tmp_path: Path):
    (tmp_path / "one.1.7").write_bytes(bytes(8 * ABANDONED))
    assert Reading() == Gauges(tmp_path / "one.1.7").read()


def test_quantiles_are_upper_bounds_of_buckets():
    assert 0.0 == Reading().quantile_s(0.95)
    assert BUCKETS_S[0] == reading(100, slow=4).quantile_s(0.95)
    assert float("inf") == reading(100, slow=6).quantile_s(0.95)
