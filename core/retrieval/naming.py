"""The shop's own name in a question, which every passage is as much about as any other: "it" says as much.

"Is there parking at The Copper Comb?" lies nearer to whatever names the shop than to its parking. Measured on FAQs that
are asked with the name and answered without: docs/benchmarks/retrieval.md.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from core.db.names import MOST_NAMES, NAME_CHARS

STAND_IN = "it"
_WORD = re.compile(r"[^\W_]+")
_OPTIONAL = frozenset({"and", "the"})


def without_names(question: str, names: Sequence[str]) -> str:
    """The question about "it"; as it is where it names no shop, or says nothing else."""
    if not names or (pattern := _pattern(tuple(names))) is None:
        return question
    asked = " ".join(pattern.sub(STAND_IN, question).split())
    says_more = any(word.lower() != STAND_IN for word in _WORD.findall(asked))
    return asked if says_more else question


@lru_cache(maxsize=1024)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    # Compiled while others wait: a hundred thousand characters take two seconds, as many as there may be 25 ms.
    short = [name for name in names if len(name) <= NAME_CHARS][:MOST_NAMES]
    forms = [form for name in sorted(short, key=len, reverse=True) if (form := _form(name))]
    if not forms:
        return None
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(forms)})(?:['’]s)?(?![^\W_])")  # noqa: RUF001 - both are typed


def _form(name: str) -> str | None:
    """The pattern of one name: "The" and "and" may be missing, any signs between its words, any case.

    A name of one word is taken for one only with a capital: a shop called Hair is asked about hair.
    """
    words = [word for word in _WORD.findall(name) if word.lower() not in _OPTIONAL]
    if not words:
        return None
    if len(words) == 1:
        (word,) = words
        written = "|".join(map(re.escape, dict.fromkeys((word, word.capitalize(), word.upper()))))
        return rf"(?:[Tt]he\s+)?(?:{written})" if not word.islower() else None
    between = r"(?:[\W_]+(?:(?:and|the)[\W_]+)*)"
    return rf"(?i:(?:the\s+)?{between.join(map(re.escape, words))})"
