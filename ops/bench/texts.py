"""Questions and documents as a salon gets them, each one new: what is not in any cache."""

import itertools
import random
from collections.abc import Iterator

OPENINGS = (
    "how much is {}",
    "do you do {}",
    "can i book {}",
    "what does {} cost",
    "how long does {} take",
    "is there a deal on {}",
    "could my son get {}",
    "i would like {}",
)
SUBJECTS = (
    *("a haircut", "a skin fade", "a beard trim", "a hot towel shave", "a wash and cut", "a kids cut"),
    *("a gift voucher", "an appointment", "a head massage", "a colour", "a patch test", "a line up"),
)
TIMES = (
    *("on monday", "on saturday morning", "tomorrow", "this friday", "next week", "after work", "on a bank holiday"),
    *("before christmas", "at lunch time", "on sunday", "tonight", "at the weekend"),
)
TAILS = ("for {} people", "for number {}", "at {} past", "with order {}", "for {} pounds", "in street {}")
SENTENCES = (
    "{subject} takes {number} minutes and is done by one of our {other} barbers.",
    "{opening} {time}? Yes, from half past nine, and it costs {number} pounds.",
    "Ask at the desk {time}, where {subject} and {second} can be paid together.",
    "Our prices for {subject} went up by {number} per cent, and are on the board by the door.",
    "We keep {number} places free {time} for those who come without an appointment.",
    "Reference {number}: {subject} is refunded within {other} days, less what was used.",
)


def questions(seed: int) -> Iterator[str]:
    """Questions of 8 to 14 words without an end, none twice: the number tells those apart that are otherwise alike."""
    chance = random.Random(seed)  # noqa: S311 - the same questions for the same seed
    for number in itertools.count(1):
        opening = chance.choice(OPENINGS).format(chance.choice(SUBJECTS))
        yield f"{opening} {chance.choice(TIMES)} {chance.choice(TAILS).format(seed * 100_000 + number)}?"


def documents(seed: int, sentences: int = 4) -> Iterator[str]:
    """Documents of so many sentences without an end, none twice."""
    chance = random.Random(seed)  # noqa: S311 - the same documents for the same seed
    for number in itertools.count(1):
        made = [_sentence(chance) for _ in range(sentences)]
        yield " ".join([f"Note {seed * 100_000 + number}.", *made])


def _sentence(chance: random.Random) -> str:
    return (
        chance.choice(SENTENCES)
        .format(
            subject=chance.choice(SUBJECTS),
            second=chance.choice(SUBJECTS),
            opening=chance.choice(OPENINGS).format(chance.choice(SUBJECTS)),
            time=chance.choice(TIMES),
            number=chance.randrange(2, 90),
            other=chance.randrange(2, 30),
        )
        .capitalize()
    )
