"""A user that calls the API as clients of ours are told to, and tells its statistics what each answer was."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from locust import FastHttpUser
from locust.contrib.fasthttp import FastHttpSession, ResponseContextManager

from loadtests.criteria import CUT, FIRST_EVENT, RESUMED, STREAM, WRONG
from loadtests.outcomes import REFUSED, outcome_of, told
from loadtests.streams import Cut, Reading, events

Check = Callable[[dict[str, Any]], str | None]
CHAT = "/api/chat"
NOTE = "NOTE"  # what is no request
# Of one stream: a release that takes over asks once, and nobody deploys thrice while one is answered.
READINGS = 3
LINE = b"\n"


class Caller(FastHttpUser):
    """`call` returns the answer, or None where there was none; what `check` finds wrong in one makes it a failure."""

    abstract = True
    network_timeout = 30.0
    connection_timeout = 10.0
    # Whether a refusal in good order is what this user came for.
    expects_refusals = False

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.chance = random.Random()

    def call(  # noqa: PLR0913 - a request and what is known of it
        self,
        method: str,
        path: str,
        name: str,
        body: Any = None,
        *,
        check: Check,
        key: str | None = None,
        session: FastHttpSession | None = None,
    ) -> dict[str, Any] | None:
        """One request. `session` is another client with connections of its own."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = (session or self.client).request
        with request(method, path, name=name, json=body, headers=headers, catch_response=True) as reply:
            if not self._is_answer(reply):
                return None
            return self._checked(reply, check)
        return None

    def _checked(self, reply: ResponseContextManager, check: Check) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = reply.json()
            wrong = check(answer)
        except (ValueError, LookupError, TypeError) as error:
            reply.failure(f"{WRONG} not the answer that was documented ({type(error).__name__})")
            return None
        if wrong:
            reply.failure(wrong)
        return answer

    def fresh_session(self) -> FastHttpSession:
        """A client without a connection yet."""
        return FastHttpSession(
            self.host,
            self.environment.events.request,
            self,
            network_timeout=self.network_timeout,
            connection_timeout=self.connection_timeout,
        )

    def stream(self, body: dict[str, Any], *, check: Check) -> dict[str, Any] | None:
        """The answer of a chat, read as events to the last one; taken up again where a new release asks for it."""
        reading, began = Reading(), time.perf_counter()
        for more in reversed(range(READINGS)):
            if not self._read(body, reading, began, check, may_resume=more > 0) or reading.retry_s is None:
                break
            gevent.sleep(reading.retry_s)
            reading.retry_s = None
        return reading.answer

    def _read(self, body: dict[str, Any], reading: Reading, began: float, check: Check, *, may_resume: bool) -> bool:
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if reading.last_id is not None:
            headers["Last-Event-ID"] = reading.last_id
        with self.client.post(CHAT, json=body, name=STREAM, headers=headers, stream=True, catch_response=True) as reply:
            if not self._is_answer(reply):
                return False
            try:
                self._read_events(reply, reading, began)
                if reading.answer is not None and (wrong := check(reading.answer)):
                    reply.failure(wrong)
            except (Cut, OSError, ValueError, LookupError, TypeError) as error:
                reply.failure(f"{CUT} {error}")
                return False
            finally:
                reply.request_meta["response_time"] = (time.perf_counter() - began) * 1000
            if reading.retry_s is not None:
                reply.request_meta["name"] = RESUMED  # a part of a stream is no stream that was read to its end
                if not may_resume:
                    reply.failure(f"{CUT} it was to be taken up again {READINGS} times, and never came to its end")
                    return False
        return True

    def _read_events(self, reply: ResponseContextManager, reading: Reading, began: float) -> None:
        for event in events(_lines(reply)):
            if reading.last_id is None:
                self._note(FIRST_EVENT, time.perf_counter() - began)
            if not reading.take(event):
                return
        raise Cut("it ended without its last event")

    def count(self, name: str) -> None:
        """Count something that is no request."""
        self._note(name, 0.0)

    def _note(self, name: str, seconds: float) -> None:
        self.environment.events.request.fire(
            request_type=NOTE,
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=None,
            context={},
        )

    def _is_answer(self, reply: ResponseContextManager) -> bool:
        """Whether it is; else what it was is told to the statistics."""
        outcome = outcome_of(reply.status_code, reply.headers or {})
        if outcome == "answered":
            return True
        if outcome == "refused":
            reply.request_meta["name"] += REFUSED
        if outcome == "refused" and self.expects_refusals:
            reply.success()
        else:
            reply.failure(told(outcome, reply.status_code, getattr(reply, "error", None)))
        return False


def _lines(reply: ResponseContextManager) -> Iterator[bytes]:
    response = reply._response  # noqa: SLF001 - only its response reads lines as they come
    assert response is not None, "it was answered"
    while line := response.readline(LINE):
        yield bytes(line)
