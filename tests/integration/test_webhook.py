"""Calls of receivers: what they cost the process that makes them, and what one leaves for the next."""

import asyncio
import ssl
import threading

import pytest

from core.handoff.webhook import Receivers, WebhookError
from tests.parts.receivers import hook


@pytest.fixture
async def receivers():
    opened = Receivers()
    yield opened
    await opened.close()


@pytest.fixture
def certificates(monkeypatch):
    """The threads in which certificates were read: 20 ms of a processor each time."""
    threads, create = [], ssl.create_default_context

    def noted(*given, **named):
        threads.append(threading.current_thread())
        return create(*given, **named)

    monkeypatch.setattr(ssl, "create_default_context", noted)
    return threads


async def test_certificates_are_read_once_at_the_first_call_and_beside_the_event_loop(receivers, certificates):
    assert [] == certificates
    with hook() as receiver:
        await asyncio.gather(*(receivers.call(receiver.url, "s", str(number), b"{}") for number in range(16)))
    assert 16 == len(receiver.calls)
    assert 1 == len(certificates)
    assert threading.main_thread() not in certificates


async def test_one_call_leaves_nothing_for_the_next(receivers):
    with hook() as receiver:
        receiver.cookie = "seen=1; Path=/"
        for number in range(2):
            await receivers.call(receiver.url, "s", str(number), b"{}")
    assert ["0", "1"] == [headers["x-edge-event-id"] for headers, _ in receiver.calls]
    assert [] == [headers["cookie"] for headers, _ in receiver.calls if "cookie" in headers]


async def test_nobody_at_the_address_is_told_and_hinders_no_other_call(receivers):
    with hook() as receiver:
        pass
    with pytest.raises(WebhookError, match="the receiver does not answer: ConnectError"):
        await receivers.call(receiver.url, "s", "1", b"{}")
    with hook() as receiver:
        await receivers.call(receiver.url, "s", "1", b"{}")
    assert 1 == len(receiver.calls)
