"""What visitors ask: texts with the repeats of real visitors, and new to the system in each run.

How often each is asked follows Zipf's law (Breslau et al. 1999, "Web caching and Zipf-like distributions"), without
which a rate of cache hits says nothing: with as many questions as requests it would be 0, with ten it would be 1.
"""

import json
import random
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from pathlib import Path

EXPONENT = 1.0
LEAST = 50
SHORTEST, LONGEST = 3, 1900

SUBJECTS = (
    "a haircut", "a skin fade", "a beard trim", "a hot towel shave", "a kids cut", "a gift voucher", "parking",
    "a student discount", "a walk in", "the head barber", "a wedding party", "hair colour", "a wash", "your shop",
    "a late appointment", "the waiting time",
)  # fmt: skip
FORMS = (
    "how much is {} {}?",
    "do you do {} {}?",
    "can I book {} {}?",
    "what should I know about {} {}?",
    "is there {} {}?",
    "how long does {} take {}?",
    "who can help me with {} {}?",
    "could you tell me about {} {}, please?",
)
WHEN = (
    "today", "tomorrow", "on Saturday", "on Sunday", "next week", "in the morning", "after six", "at noon",
    "for two", "for my son", "for four people", "without an appointment", "before Christmas", "on a bank holiday",
)  # fmt: skip
SYLLABLES = ("ba", "ko", "la", "mi", "nu", "po", "ra", "se", "ti", "vo", "za", "du")


class Questions:
    """The questions of one run; the r-th most asked of them has a share in proportion to 1/r."""

    def __init__(self, texts: Sequence[str], tag: str) -> None:
        order = list(texts)
        random.Random(tag).shuffle(order)
        self.texts = order
        self.tag = tag
        self._sums = list(accumulate(float(rank**-EXPONENT) for rank in range(1, len(order) + 1)))

    def pick(self, chance: random.Random) -> str:
        """One question. `tag` makes it another text than in any run before, whose answers are still in the caches."""
        return f"{self.pick_as_asked(chance)} ({self.tag})"

    def pick_as_asked(self, chance: random.Random) -> str:
        """One in a visitor's words alone: what holds a word that nobody knows the assistant does not answer."""
        rank = bisect(self._sums, chance.random() * self._sums[-1])
        return self.texts[min(rank, len(self.texts) - 1)]

    def repeats(self, asked: int) -> float:
        """The share of `asked` questions that are expected to have been asked before: no cache can hit more."""
        if not asked:
            return 0.0
        shares = (float(rank**-EXPONENT) / self._sums[-1] for rank in range(1, len(self.texts) + 1))
        return 1 - sum(1 - (1 - share) ** asked for share in shares) / asked


def new_tag(chance: random.Random) -> str:
    """A word that no run before had."""
    return "".join(chance.choice(SYLLABLES) for _ in range(5))


def generated() -> list[str]:
    """Questions to a barbershop, for want of recorded ones."""
    return [form.format(subject, when) for form, subject, when in product(FORMS, SUBJECTS, WHEN)]


def recorded(path: Path) -> list[str]:
    """The different questions of a file of JSON lines with a `text`; raises OSError and ValueError."""
    texts = list(dict.fromkeys(_questions(path)))
    if not texts:
        raise ValueError(f"{path} holds no line with a question in `text`")
    return texts


def _questions(path: Path) -> Iterator[str]:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        text = row.get("text") if isinstance(row, dict) else None
        if isinstance(text, str) and "?" in text and SHORTEST <= len(text.strip()) <= LONGEST:
            yield text.strip()


def drawn(texts: Sequence[str], count: int, tag: str) -> Questions:
    """`count` of the texts, the same in every process of a run."""
    ordered = sorted(texts)
    return Questions(random.Random(tag).sample(ordered, min(len(ordered), max(LEAST, count))), tag)
