"""Answers that were given: in this process first, then on the disk that the processes share."""

import time
from typing import Literal, Self

import msgspec

from core.cache.behind import WriteBehind
from core.cache.disk import DiskCache
from core.cache.local import LocalCache
from core.observe.trace import timed

Place = Literal["local", "disk"]
LOCAL_SIZE_BYTES = 16 * 1024 * 1024


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """The encoded results of a search and when they were found, in seconds of the Unix clock."""

    found_at: float
    count: int
    results_json: bytes

    @classmethod
    def of(cls, results_json: bytes, count: int) -> Self:
        """An answer found now."""
        return cls(time.time(), count, results_json)

    @property
    def age_s(self) -> float:
        """Seconds since the answer was found."""
        return max(0.0, time.time() - self.found_at)


class Answers:
    """Answers by search key, and under each question the key of the answer that it got last."""

    def __init__(self, disk: DiskCache | None, local_size_bytes: int = LOCAL_SIZE_BYTES) -> None:
        self.local: LocalCache[Answer] = LocalCache(local_size_bytes)
        self.disk = disk
        self._last: LocalCache[bytes] = LocalCache(local_size_bytes // 8)
        self._kept = WriteBehind(disk)

    def get(self, key: bytes) -> tuple[Answer, Place] | None:
        """The answer under `key` and where it lay."""
        with timed("cache"):
            answer = self.local.get(key)
            if answer is not None:
                return answer, "local"
            answer = _decoded(self._kept.get(key))
            if answer is None:
                return None
            self.local.put(key, answer, len(answer.results_json))
            return answer, "disk"

    def last(self, question: bytes) -> Answer | None:
        """What any process last answered to a question, however old."""
        with timed("cache"):
            key = self._kept.get(question) or self._last.get(question)
        found = None if key is None else self.get(key)
        return None if found is None else found[0]

    def has_answered(self, question: bytes) -> bool:
        """Whether a question had an answer before, be it of use by now or not."""
        with timed("cache"):
            return (self._last.get(question) or self._kept.get(question)) is not None

    def put(self, key: bytes, question: bytes, answer: Answer) -> None:
        """Keep an answer: here at once, on the disk behind the caller's back."""
        self.local.put(key, answer, len(answer.results_json))
        self._last.put(question, key, len(key))
        self._kept.put({key: msgspec.msgpack.encode(answer), question: key})

    async def flush(self) -> None:
        """Wait until every answer is on the disk."""
        await self._kept.flush()


def _decoded(value: bytes | None) -> Answer | None:
    try:
        return None if value is None else _decoder.decode(value)
    except msgspec.MsgspecError:
        return None


_decoder = msgspec.msgpack.Decoder(Answer)
