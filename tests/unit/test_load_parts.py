"""The parts of a load test that need no load: shapes, questions, streams, what functions count, the picture."""

import random
import re
import xml.etree.ElementTree as ET
from argparse import Namespace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from loadtests import metrics
from loadtests.answers import accepted_fault, chat_fault, health_fault, search_fault
from loadtests.api import Unusable
from loadtests.catalogue import SCENARIOS
from loadtests.evidence import Evidence, Sample, Total
from loadtests.options import Options, instance_address
from loadtests.picture import draw
from loadtests.questions import LEAST, Questions, drawn, generated, recorded
from loadtests.shapes import SETTLE_S, Doubling, Turns, users_at
from loadtests.shops import FIRST, OWNERS, SHOPPERS, contents, rows_fault, said_fault
from loadtests.streams import Cut, Reading, events
from loadtests.timeline import Timeline
from ops.slo.levels import Stage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/load-tests.md").read_text("utf-8")
RAMP = SCENARIOS["ramp"].stages


def test_the_promised_ramp_has_ten_users_after_two_minutes_fifty_after_seven_and_none_after_nine():
    assert [1, 5, 10, 30, 50, 25] == [users_at(RAMP, minute * 60, 1) for minute in (0, 1, 2, 4.5, 7 - 1e-9, 8)]
    assert 0 == users_at(RAMP, 540, 1)
    assert users_at(RAMP, 540 + SETTLE_S, 1) is None


def test_a_scale_shortens_the_times_and_leaves_the_users():
    assert 50 == users_at(RAMP, 0.05 * 420 - 1e-9, 0.05)
    assert users_at(RAMP, 0.05 * 540 + SETTLE_S, 0.05) is None


def test_users_grow_until_some_are_refused_and_then_are_doubled():
    doubling, now, seen = Doubling(hold_s=10), 1000.0, []
    while (users := doubling.tick(now, 0.2 if doubling.users >= 90 else 0.0)) is not None:
        seen.append(users)
        now += 1
    assert [40, 60, 90, 180, 0] == [
        users for users, before in zip(seen, [None, *seen], strict=False) if users != before
    ]
    full, double = doubling.windows["full"], doubling.windows["double"]
    assert 20 <= full.end - full.begin <= 21
    assert full.end + doubling.SETTLING_S <= double.begin


@pytest.mark.parametrize("capacity", [50, 89, 91, 134, 2222])
def test_a_full_system_is_a_little_past_its_capacity_wherever_growth_ended(capacity):
    doubling, now = Doubling(hold_s=10), 1000.0
    while doubling.phase != "full":
        doubling.tick(now, max(0.0, 1 - capacity / doubling.users))
        now += 1
    assert 1.1 < doubling.users / capacity < 1.31


def test_a_burst_of_refusals_is_not_taken_for_a_full_system():
    doubling, now, burst = Doubling(hold_s=10), 1000.0, 0
    while doubling.users < 90:
        refused = 0.5 if doubling.users == 60 and burst < doubling.CONFIRMING_S - 1 else 0.0
        burst += refused > 0
        doubling.tick(now, refused)
        assert "growing" == doubling.phase
        now += 1
    assert burst


def test_a_burst_that_lasts_until_it_is_looked_at_closely_is_none_either():
    doubling, now, phases = Doubling(hold_s=10), 1000.0, set()
    while doubling.users < 90:
        burst = doubling.users == 60 and now - 1010 < doubling.STEP_S + doubling.CONFIRMING_S + 2
        doubling.tick(now, 0.5 if burst else 0.0)
        phases.add(doubling.phase)
        now += 1
    assert {"growing", "saturated"} == phases


def test_as_many_stay_long_enough_for_a_rate_however_short_the_run():
    doubling, now = Doubling(hold_s=0.5), 1000.0
    while doubling.tick(now, 0.2) is not None:
        now += 1
    assert all(window.end - window.begin >= doubling.LEAST_S for window in doubling.windows.values())


def test_a_system_that_is_never_full_ends_the_search_for_its_capacity():
    doubling, now = Doubling(hold_s=10), 0.0
    while doubling.tick(now, 0.0) is not None:
        now += 1
    assert "never full" == doubling.phase
    assert {} == doubling.windows


def test_who_was_held_up_together_does_not_ask_together_ever_after():
    users = [Turns(first, 3.0) for first in (100.0, 101.0, 102.0)]
    assert [0.0, 1.0, 2.0] == [turns.wait_s(100.0) for turns in users]
    assert [0.5, 1.5, 2.5] == [turns.wait_s(102.5) for turns in users]  # all of them stood still until then
    assert [2.0, 0.0, 1.0] == [turns.wait_s(107.0) for turns in users]


def test_a_turn_that_comes_a_little_early_is_not_taken_twice():
    turns = Turns(100.0, 3.0)
    assert [3.0, 3.0] == [round(wait, 3) for wait in (turns.wait_s(97.0), turns.wait_s(99.9999))]


def test_every_process_of_a_run_draws_the_same_questions_and_the_next_run_others():
    texts = generated()
    one, other = drawn(texts, 200, "kobalami"), drawn(texts[::-1], 200, "kobalami")
    assert one.texts == other.texts
    assert 200 == len(set(one.texts))
    asked = {drawn(texts, 200, tag).pick(random.Random(1)) for tag in ("kobalami", "tivonura")}
    assert 2 == len(asked)


def test_a_short_run_still_has_some_questions():
    assert LEAST == len(drawn(generated(), 3, "kobalami").texts)


def test_repeats_are_as_many_as_zipfs_law_says():
    questions, chance = drawn(generated(), 500, "kobalami"), random.Random(3)
    asked = [questions.pick(chance) for _ in range(2000)]
    assert abs(questions.repeats(2000) - (1 - len(set(asked)) / 2000)) < 0.03
    counts = sorted((asked.count(text) for text in set(asked)), reverse=True)
    assert 1.4 < counts[0] / counts[1] < 2.9  # 2 by the law
    assert 0 == questions.repeats(0)


def test_recorded_questions_are_taken_once_each_and_what_is_no_question_is_left(tmp_path):
    path = tmp_path / "said.jsonl"
    path.write_text('{"text": "Are you open?"}\n{"text": "Are you open?"}\n{"text": "Thanks."}\n{"other": 1}\n')
    assert ["Are you open?"] == recorded(path)
    path.write_text('{"text": "Thanks."}\n')
    with pytest.raises(ValueError, match="no line with a question"):
        recorded(path)


def read(*lines: str) -> Reading:
    reading = Reading()
    for event in events(line.encode() for line in lines):
        if not reading.take(event):
            break
    return reading


def test_a_stream_is_read_to_its_last_event():
    reading = read(
        ": beat\n", "\n", "id: 1\n", "event: token\n", 'data: {"text": "Ten "}\n', "\n", "event: token\n",
        'data: {"text": "pounds."}\n', "\n", "id: 3\n", "event: done\n", 'data: {"response": "Ten pounds."}\n', "\n",
    )  # fmt: skip
    assert {"response": "Ten pounds."} == reading.answer
    assert "3" == reading.last_id


def test_a_stream_that_began_anew_drops_what_it_said():
    reading = read(
        "event: token\n", 'data: {"text": "Te"}\n', "\n", "event: status\n", 'data: {"state": "restarted"}\n', "\n",
        "event: token\n", 'data: {"text": "Ten."}\n', "\n", "event: done\n", 'data: {"response": "Ten."}\n', "\n",
    )  # fmt: skip
    assert {"response": "Ten."} == reading.answer


def test_a_new_release_asks_for_the_stream_to_be_taken_up_again():
    reading = read("id: 7\n", "event: resume\n", 'data: {"lastEventId": "7", "retryMs": 500}\n', "\n")
    assert (0.5, "7", None) == (reading.retry_s, reading.last_id, reading.answer)


@pytest.mark.parametrize(
    "lines",
    [
        ("event: token\n", "data: {\n", "\n"),
        ("event: error\n", 'data: {"status": 503}\n', "\n"),
        ("event: token\n", 'data: {"text": "Te"}\n', "\n", "event: done\n", 'data: {"response": "Ten."}\n', "\n"),
    ],
)
def test_a_stream_that_goes_wrong_is_cut(lines):
    with pytest.raises(Cut):
        read(*lines)


def counts(started: float, local: float, miss: float) -> metrics.Counts:
    return metrics.Counts({"local": local, "miss": miss, "disk": 0.0}, started, 1e6)


def test_the_hit_rate_is_of_the_run_alone_and_goes_on_over_deploys():
    lookups = metrics.Lookups(began=1000)
    for taken in (counts(500, 90, 10), counts(500, 96, 12), None, counts(1020, 0, 1)):
        lookups.take(taken)
    assert lookups.hit_rate is None  # of so few
    lookups.take(counts(1020, 13, 1))
    assert (6 + 13) / (6 + 13 + 2 + 1) == lookups.hit_rate


def test_metrics_that_cannot_be_read_are_no_hit_rate():
    lookups = metrics.Lookups(began=1000)
    lookups.take(metrics.parsed("<html>404</html>"))
    assert lookups.hit_rate is None
    assert lookups.memory_growth is None


def test_memory_that_grew_is_seen_though_its_process_ended_and_another_began():
    def read(started: float, *memory: float) -> list[metrics.Counts]:
        return [metrics.Counts({}, started, size) for size in memory]

    lookups = metrics.Lookups(began=1000)
    for taken in (*read(1000, 100, *range(100, 200, 10)), *read(2000, *[100] * 10)):
        lookups.take(taken)
    assert 1.9 == lookups.memory_growth


def test_memory_that_was_hardly_read_has_not_kept_its_size():
    lookups = metrics.Lookups(began=1000)
    for _ in range(metrics.LEAST_READINGS - 1):
        lookups.take(metrics.Counts({}, 1000, 5e7))
    assert lookups.memory_growth is None


def test_the_functions_own_counters_are_understood():
    found = metrics.parsed(
        'edge_cache_lookups_total{function="search",result="local"} 3.0\n'
        'process_resident_memory_bytes{worker="1"} 8.5e+07\nprocess_start_time_seconds 1.79e+09\n'
    )
    assert metrics.Counts({"local": 3.0}, 1.79e9, 8.5e7) == found


def test_each_shop_knows_the_same_subjects_with_figures_of_its_own():
    everything = [text for shop in SHOPPERS for text in contents(shop)]
    assert len(everything) == len(set(everything))
    assert not {*SHOPPERS} & {*OWNERS}


OWN, OTHER = ([{"content": text} for text in contents(shop)] for shop in (FIRST, FIRST + 1))


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (OWN[::-1], None),
        ([*OWN, OTHER[0]], "foreign: a row of another shop"),
        ([], "missing: not all rows of the shop, each once"),
        (OWN[1:], "missing: not all rows of the shop, each once"),
        ([*OWN, OWN[0]], "missing: not all rows of the shop, each once"),
    ],
)
def test_the_rows_of_a_shop_are_its_own_and_all_of_them(rows, fault):
    assert fault == rows_fault(FIRST, rows)


@pytest.mark.parametrize(
    ("response", "sources", "fault"),
    [
        (OWN[0]["content"], OWN[:1], None),
        ("I don't know that.", None, None),
        (OTHER[0]["content"], None, "foreign: words of another shop"),
        (f"{OWN[0]['content']} {OTHER[0]['content']}", OWN[:1], "foreign: words of another shop"),
        (OWN[0]["content"], OTHER[:1], "foreign: words of another shop"),
        ("Ten pounds.", [{"content": "It costs ten pounds."}], "foreign: words of another shop"),
    ],
)
def test_what_the_assistant_says_is_of_the_shop_in_words_and_sources(response, sources, fault):
    assert fault == said_fault(FIRST, {"response": response, **({"sources": sources} if sources else {})})


FOUND = {"query": "q?", "count": 2, "results": [{"similarity": 0.9}, {"similarity": 0.6}]}
SAID = {"success": True, "response": "Ten.", "answered": True, "conversationId": "c"}


@pytest.mark.parametrize(
    ("check", "answer", "fault"),
    [
        (partial(search_fault, "q?"), FOUND, None),
        (partial(search_fault, "q?"), FOUND | {"query": "p?"}, "wrong:"),
        (partial(search_fault, "q?"), FOUND | {"count": 3}, "wrong:"),
        (partial(search_fault, "q?"), FOUND | {"results": FOUND["results"][::-1]}, "wrong:"),
        (partial(search_fault, "q?"), FOUND | {"degraded": "embeddings"}, "degraded: embeddings"),
        (partial(search_fault, "q?"), FOUND | {"degraded": "database"}, "degraded: database"),
        (partial(search_fault, "q?", least=2), FOUND, None),
        (partial(search_fault, "q?", least=3), FOUND, "missing:"),
        (chat_fault, SAID, None),
        (chat_fault, SAID | {"degraded": "llm"}, None),
        (chat_fault, SAID | {"degraded": "embeddings"}, "degraded: embeddings"),
        (chat_fault, SAID | {"degraded": "database"}, "degraded: database"),
        (chat_fault, SAID | {"response": ""}, "wrong:"),
        (chat_fault, SAID | {"recorded": False}, "lost:"),
        (accepted_fault, {"success": True}, None),
        (accepted_fault, {"success": False}, "wrong:"),
        (health_fault, {"status": "degraded"}, None),
        (health_fault, {"status": "down"}, "wrong:"),
    ],
)
def test_an_answer_that_is_less_than_was_promised_is_told(check, answer, fault):
    found = check(answer)
    assert (found is None) if fault is None else found.startswith(fault)


def test_a_sample_is_what_was_added_since_the_one_before():
    def evidence(requests, times):
        return Evidence([Total("search", "POST", requests, 0, 9, times, {}, {})])

    timeline = Timeline(began=100.0)
    timeline.take(101.0, 5, evidence(10, {20.0: 10}))
    timeline.take(102.0, 6, evidence(12, {20.0: 10, 90.0: 2}))
    timeline.take(103.0, 0, evidence(12, {20.0: 10, 90.0: 2}))
    assert [(1.0, 10, 20.0), (2.0, 2, 90.0), (3.0, 0, None)] == [
        (sample.at_s, sample.requests, sample.p95_ms) for sample in timeline.samples
    ]


def test_the_picture_shows_three_percentiles_the_limit_and_the_load(tmp_path):
    samples = [Sample(second, second, 10 * second, second % 2, second % 3, 5, 20, 40) for second in range(1, 20)]
    draw(tmp_path / "latency.svg", "ramp", samples, 500)
    root = ET.parse(tmp_path / "latency.svg").getroot()
    words = " ".join(root.itertext())
    for word in ("p50", "p95", "p99", "limit 500 ms", "users", "requests/s", "refused/s", "failed/s", "ramp"):
        assert word in words


def test_a_run_without_a_sample_has_a_picture_too(tmp_path):
    draw(tmp_path / "latency.svg", "ramp", [], 500)
    assert ET.parse(tmp_path / "latency.svg").getroot() is not None


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        (None, None, "http://127.0.0.1:8080"),
        ("0.0.0.0", "80", "http://127.0.0.1:80"),
        ("::", None, "http://[::1]:8080"),
        ("fd00::7", "8081", "http://[fd00::7]:8081"),
        ("shop.example", None, "http://shop.example:8080"),
        ("http://127.0.0.1:23000", None, "http://127.0.0.1:23000"),
        ("https://shop.example/", "8081", "https://shop.example"),
    ],
)
def test_the_address_follows_the_instances_own_settings(host, port, address):
    assert address == instance_address(host, port)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scenario": "nap"}, "ramp, mixed, spike"),
        ({"scale": "0"}, "EDGE_LOAD_SCALE is '0'"),
        ({"scale": "fast"}, "EDGE_LOAD_SCALE is 'fast'"),
        ({"scale": "1e308"}, "at most 1000"),
        *(({"shop": shop}, f"--shop is '{shop}'") for shop in ("-1", "0", "1.9", "\u0661", "2147483648", "")),
        ({"questions": "/nowhere"}, "/nowhere"),
    ],
)
def test_an_option_that_cannot_be_is_explained(wrong, said):
    given = {"scenario": "ramp", "scale": "1", "key": "", "shop": "1", "questions": "", **wrong}
    with pytest.raises(Unusable, match=said):
        Options.of("http://127.0.0.1:8080", Namespace(**given))


def test_an_address_that_is_none_is_explained():
    given = Namespace(scenario="ramp", scale="1", key="", shop="1", questions="")
    for host in (None, "", "127.0.0.1:8080", "ftp://shop.example", "http://shop.example/api"):
        with pytest.raises(Unusable, match="--host"):
            Options.of(host, given)


def test_scenarios_with_stages_end_without_users_and_go_forward_in_time():
    for scenario in SCENARIOS.values():
        assert not scenario.stages or 0 == scenario.stages[-1].users
        assert all(before.end_s < after.end_s for before, after in pairwise(scenario.stages))
        assert all(isinstance(stage, Stage) for stage in scenario.stages)


def test_the_page_on_load_tests_names_every_scenario_and_every_option():
    assert [*SCENARIOS] == re.findall(r"^\| `(\w+)`(?: \(default\))? \|", PAGE, re.MULTILINE)
    source = (ROOT / "loadtests/options.py").read_text("utf-8")
    added = [*re.findall(r'add_argument\(\s*"(--\w+)"', source), "--host"]
    assert {*added} == {*re.findall(r"^\| `(--\w+)` \|", PAGE, re.MULTILINE)}


def test_a_pick_never_falls_off_the_end():
    class Highest(random.Random):
        def random(self):
            return 1 - 2**-53

    assert "b (t)" in {Questions(["a", "b"], "t").pick(Highest()), Questions(["b", "a"], "t").pick(Highest())}
