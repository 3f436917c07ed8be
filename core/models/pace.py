"""How fast the model is of late: what a call of so many texts will take."""

# Until a call has been seen: a short question on one core takes about this long (docs/benchmarks/bench.md).
TEXT_S = 0.02
# The weight of the last call: the last ten make nine tenths of what is expected.
LAST = 0.2
# By no more than this many times does one call change what is expected of the next: a stall of the machine, which is
# over, must not refuse those who come after it. A model that has become slow is known after a few calls all the same.
MOST_AT_ONCE = 3


class Pace:
    """A time for each call and one for each of its texts: least squares over calls whose weight fades.

    Both count. By texts alone calls of one, which carry the whole time of a call, would make a line of many look slow;
    the line is kept short by refusing, its calls stay small, and the model idles while visitors are turned away.
    """

    def __init__(self, text_s: float = TEXT_S) -> None:
        self._texts, self._seconds = 1.0, text_s
        self._variance, self._covariance = 0.0, 0.0

    def observe(self, texts: int, seconds: float) -> None:
        """A call of so many texts was answered after so many seconds."""
        seconds = min(seconds, MOST_AT_ONCE * self.call_s(texts))
        more_texts, more_seconds = texts - self._texts, seconds - self._seconds
        self._texts += LAST * more_texts
        self._seconds += LAST * more_seconds
        self._variance = (1 - LAST) * (self._variance + LAST * more_texts**2)
        self._covariance = (1 - LAST) * (self._covariance + LAST * more_texts * more_seconds)

    def call_s(self, texts: int) -> float:
        """Seconds that a call of so many texts takes, from when it is sent."""
        return self._seconds + self._text_s() * (texts - self._texts)

    def _text_s(self) -> float:
        """Where all calls were of one size, as though a call itself took no time."""
        most = self._seconds / self._texts
        return min(most, max(0.0, self._covariance / self._variance)) if self._variance else most
