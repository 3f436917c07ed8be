"""The drill's clients are strict: what is lost, cut or out of order never counts as an answer."""

import asyncio
import time

import msgspec
import pytest

from ops.drill.exchange import Answer, Connection, Request
from ops.drill.releases import FAULTS, Expected, brief_plan, plan, source
from ops.drill.report import faults
from ops.drill.streams import Stream
from ops.drill.tally import Tally
from ops.slo import load
from tests.parts.drilled import LOAD, NONE, drilled, options

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
AIMS = load().aims


class Wire(asyncio.Transport):
    """Where a client writes to."""

    def write(self, data) -> None:
        pass

    def close(self) -> None:
        pass

    abort = close


def chunk(text: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text.encode())


def event(number: int, name: str | None = None) -> str:
    return (f"event: {name}\r\n" if name else "") + f"data: {number}\r\n\r\n"


def streamed(count: int, *pieces: bytes) -> list[tuple[int, str | None]]:
    """What a client of `count` events tells of these bytes, after which the connection ends."""
    ends: list[tuple[int, str | None]] = []
    stream = Stream(b"", count, lambda seen, wrong: ends.append((seen, wrong)))
    stream.connection_made(Wire())
    for piece in pieces:
        stream.data_received(piece)
    stream.connection_lost(None)
    return ends


def asked(*pieces: bytes) -> list[Answer | str]:
    ends: list[Answer | str] = []
    connection = Connection(lambda _connection, _request, end: ends.append(end))
    connection.connection_made(Wire())
    connection.send(Request("write", b"", 7, 0.0))
    for piece in pieces:
        connection.data_received(piece)
    connection.connection_lost(None)
    return ends


WHOLE = HEAD + chunk(event(0)) + chunk(event(1)) + chunk(event(2, "end")) + LAST


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_whole_stream_is_whole_however_its_bytes_arrive(size):
    pieces = [WHOLE[at : at + size] for at in range(0, len(WHOLE), size)]
    assert [(2, None)] == streamed(2, *pieces)


@pytest.mark.parametrize(
    ("received", "wrong"),
    [
        (b"", "cut after 0"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "not a stream"),
        (HEAD + chunk(event(0)), "cut after 1"),
        (WHOLE.removesuffix(LAST), "cut after 2"),
        (HEAD + chunk(event(0)) + chunk(event(1)) + LAST, "ended after 2"),
        (HEAD + chunk(event(0)) + chunk(event(0)), "where 1 was due"),
        (HEAD + chunk(event(1)), "where 0 was due"),
        (HEAD + chunk(event(0)) + chunk(event(1, "end")) + LAST, "1 events where 2"),
    ],
)
def test_a_stream_that_is_not_whole_is_cut(received, wrong):
    ((_, told),) = streamed(2, received)
    assert wrong in told


def test_a_stream_of_which_nothing_comes_any_more_is_cut():
    ends: list[tuple[int, str | None]] = []
    stream = Stream(b"", 2, lambda seen, wrong: ends.append((seen, wrong)))
    stream.connection_made(Wire())
    stream.data_received(HEAD + chunk(event(0)))
    stream.give_up(time.monotonic() - 10)
    assert [] == ends
    stream.give_up(time.monotonic() + 1)
    stream.connection_lost(None)
    assert [(1, "silent after 1 of 2 events")] == ends


@pytest.mark.parametrize("fault", ["lost", "doubled", "unacknowledged", "unasked"])
@pytest.mark.parametrize("run", ["writes", "undisturbed_writes"])
def test_a_fault_of_the_writes_of_either_run_keeps_the_drill_from_being_passed(run: str, fault: str):
    lost = msgspec.structs.replace(drilled(), **{run: msgspec.structs.replace(NONE, **{fault: 1})})
    assert [] == faults(drilled(), options(), AIMS)
    assert 1 == len(faults(lost, options(), AIMS))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"failed": AIMS.deploy_failed_requests + 1}, "failed requests: 1"),
        ({"streams_cut": AIMS.deploy_cut_streams + 1}, "cut streams: 1"),
        ({"deploys": AIMS.deploys - 1}, "19 of 20 deploys were made"),
        ({"built": AIMS.rollback_built + 1}, "rollback of plain: it built 1 releases"),
        ({"took_s": AIMS.rollback_s + 0.1}, "rollback of plain: 5.1 s, and it may take 5"),
    ],
)
def test_the_drill_is_held_to_its_aims_and_a_brief_one_to_no_number_and_no_time(wrong, said):
    assert [said] == faults(drilled(**wrong), options(), AIMS)
    assert faults(drilled(**wrong), options(brief=True), AIMS) == ([] if {"deploys", "took_s"} & {*wrong} else [said])


def test_an_answer_counts_when_all_of_it_has_come():
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Drill-Release: plain-1\r\n\r\n"
    assert [Answer(200, "plain-1", b"ok", is_last=False)] == asked(head, b"o", b"k")


@pytest.mark.parametrize(
    "received",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", b"HTTP/1.1 200 OK\r\n\r\n"],
)
def test_a_request_without_its_whole_answer_is_lost(received):
    (end,) = asked(received)
    assert isinstance(end, str)


def test_errors_of_the_lying_release_count_apart_and_all_others_as_failures():
    tally = Tally(LOAD)
    tally.wrong_answer("kept", 500, "bad", b"")
    tally.wrong_answer("kept", 500, "good", b"")
    tally.wrong_answer("kept", 502, "", b"")
    tally.wrong_answer("kept", 503, "bad", b"")
    assert (1, 3) == (tally.apart, tally.failed)


def test_the_plan_holds_every_fault_and_twenty_deploys():
    steps = plan(10.0)
    assert {*FAULTS} == {step.kind for step in steps if step.expected is Expected.REFUSED}
    assert sum(step.expected is not Expected.REFUSED for step in steps) >= 15
    assert len(steps) >= 20
    assert {"rollback", "lying", "slow import", "sound"} <= {step.kind for step in steps}


def test_a_sound_release_of_each_function_compiles_and_a_fault_changes_it():
    for step in (*plan(1.0), *brief_plan()):
        text = source(step.function, "label", step.fault)
        if step.kind != "syntax error":
            compile(text, step.function, "exec")
        if step.kind in FAULTS:
            assert text != source(step.function, "label", FAULTS["syntax error"].__class__())
