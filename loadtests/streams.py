"""Server-sent events as a client reads them (WHATWG HTML, 9.2), to the end of the stream."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One event; `data` is its JSON."""

    name: str
    id: str | None
    data: Any


class Cut(Exception):  # noqa: N818 - what happened to the stream
    """The stream ended without its last event, or said something that is none."""


def events(lines: Iterable[bytes]) -> Iterator[Event]:
    """The events of a stream's lines; comments are passed over, and so is an event that was not finished."""
    fields: dict[str, str] = {}
    for raw in lines:
        line = raw.decode("utf-8").rstrip("\r\n")
        if not line:
            if "data" in fields:
                yield _event(fields)
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")


def _event(fields: dict[str, str]) -> Event:
    try:
        data = json.loads(fields["data"])
    except ValueError as error:
        raise Cut("an event that is not JSON") from error
    return Event(fields.get("event", "message"), fields.get("id"), data)


class Reading:
    """A stream that is read: the text so far, the last id, and how it ended."""

    def __init__(self) -> None:
        self.text = ""
        self.last_id: str | None = None
        self.answer: dict[str, Any] | None = None
        self.retry_s: float | None = None

    def take(self, event: Event) -> bool:
        """Take an event; False with the last one. Raises Cut for one that says that there is no answer."""
        self.last_id = event.id or self.last_id
        if event.name == "status" and event.data["state"] == "restarted":
            self.text = ""
        elif event.name == "token":
            self.text += event.data["text"]
        elif event.name == "done":
            self.answer = event.data
            if self.text != self.answer["response"]:
                raise Cut("the pieces are not the answer")
        elif event.name == "resume":
            self.retry_s = event.data["retryMs"] / 1000
        elif event.name == "error":
            raise Cut(f"an error within: {event.data.get('status')}")
        return event.name not in {"done", "resume"}
