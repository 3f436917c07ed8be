"""Questions with slips of the keyboard, made from clean ones: how much a search depends on spelling."""

import random
from collections.abc import Sequence
from string import ascii_lowercase

import msgspec

from ops.evaluation.folder import Query

SHORTEST = 4  # shorter words are rarely misspelt, and seldom what is asked about
SEED = 7


def with_slips(queries: Sequence[Query], share: float) -> list[Query]:
    """The queries with one slip in this share of their words of SHORTEST letters or more, the same in every run."""
    return [msgspec.structs.replace(query, text=_slipped(query, share)) for query in queries]


def _slipped(query: Query, share: float) -> str:
    drawn = random.Random(f"{SEED} {query.id}")  # noqa: S311 - no secret
    words = query.text.split()
    return " ".join(_slip(word, drawn) if len(word) >= SHORTEST and drawn.random() < share else word for word in words)


def _slip(word: str, drawn: random.Random) -> str:
    """A letter left out, swapped with the next, replaced or added (Damerau 1964), the first never touched."""
    at = drawn.randrange(1, len(word) - 1)
    other = drawn.choice(ascii_lowercase)
    return drawn.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + other + word[at + 1 :],
            word[:at] + other + word[at:],
        )
    )
