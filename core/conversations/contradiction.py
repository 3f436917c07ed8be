"""Which passage a correction contradicts: the one that says what was corrected, and not yet what is right."""

import re
from collections.abc import Sequence

from core.retrieval.searcher import Result

# An answer drawn from a passage shares most of its words with it; two passages about one subject share about a third.
ENOUGH = 0.6
_WORD = re.compile(r"\w+")


def contradicted(original: str, corrected: str, found: Sequence[Result]) -> list[Result]:
    """Those of the passages found that the wrong answer came from, the closest first."""
    shares = [(_share(original, result.content), result) for result in found]
    wrong = [(share, result) for share, result in shares if share >= ENOUGH and _share(corrected, result.content) < 1.0]
    return [result for _, result in sorted(wrong, key=lambda pair: -pair[0])]


def _share(text: str, of: str) -> float:
    """How many of the words of `text` occur in the other, 0 to 1."""
    words = set(_WORD.findall(text.casefold()))
    return len(words & set(_WORD.findall(of.casefold()))) / len(words) if words else 0.0
