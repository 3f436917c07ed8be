"""Whether a sentence of a model stands in the notes in all that it says, and not only in its numbers and names."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from core.answer.claims import claims
from core.answer.grounding import ungrounded
from core.answer.sentences import day_clauses, sentences
from core.answer.words import STOP, among, plain, stem, tokens, vocabulary

# What a shop says without stating anything: whoever writes an answer may add it.
_GLUE = vocabulary(
    "address along also always available bring call can case charge come cost costs course day email enjoy feel "
    "following glad happy help here however include including information lasts let long may must next number offer "
    "our phone please possible price provide question regarding shop simply stay sure takes time today tomorrow "
    "unfortunately visit visitor welcome with within yes you"
)
_FREE = re.compile(
    r"\b(free(?!\s+(?:to|of gluten|from)\b)|complimentary|no (?:extra )?(?:charge|cost|fee)|on the house|gratis|"
    r"without (?:charge|paying)|(?:costs?|pay) nothing|for nothing|at no cost)\b"
)
_NEGATION = re.compile(
    r"\b(not|no|never|cannot|can't|don't|won't|isn't|aren't|doesn't|nor|neither|nobody|none|without)\b|n't\b"
)
_MARKUP = re.compile(
    r"</?[a-z][^>\n]{0,40}>?|\[[^\]\n]{0,60}\]|\{[^}\n]{0,60}\}|&[a-z]{2,8};|```|<\||\|>|^\s*(?:#+\s|\|)|"
    r"\b(?:notes?|visitor)\s*:|\bthe notes\b|\baccording to (?:the )?(?:notes|information|context)\b",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"\W*(yes|no|yeah|nope|correct|indeed|of course|sure|certainly|absolutely)\b[\s,.!:;-]*", re.IGNORECASE
)
_DENIES = frozenset({"no", "nope"})
_CLOSED = re.compile(r"\b(closed|shut)\b", re.IGNORECASE)


def has_markup(sentence: str, evidence: Sequence[str]) -> bool:
    """Whether a mark of a page, of a form to fill in, or of the prompt stands in it, that no note has."""
    known = "\n".join(evidence)
    return any(match[0] not in known for match in _MARKUP.finditer(sentence))


def is_verdict(sentence: str) -> bool:
    """Whether it is a bare yes or no: what it says yes to, nobody can check."""
    match = _VERDICT.match(sentence)
    return match is not None and not sentence[match.end() :].strip()


def supported(sentence: str, evidence: Sequence[str]) -> bool:
    """Whether one note, or two sentences of it that follow each other, say all that the sentence says.

    All its words of content must stand there. What is free must be free there, and what is denied denied.
    """
    verdict = _VERDICT.match(sentence)
    said = sentence[verdict.end() :] if verdict is not None else sentence
    words = _words(said)
    if verdict is not None and (plain(verdict[1]) in _DENIES) is not _denies(said):
        return False
    if not words:
        return not _FREE.search(plain(said))
    return any(_holds(said, words, window) for piece in evidence for window in _windows(piece))


def _holds(said: str, words: frozenset[str], window: str) -> bool:
    known = _words(window)
    if not all(among(word, known) for word in words):
        return False
    if _FREE.search(plain(said)) and not _FREE.search(plain(window)):
        return False
    if not _day_agrees(said, window):
        return False
    return _denies(said) is _denies(window) or (not _denies(said) and _split_denial(window, words))


def _day_agrees(said: str, window: str) -> bool:
    """Whether hours that are said of a day are those of its clause, where the note is a list of days."""
    told = claims(said)
    days = [int(claim.value) for claim in told if claim.kind == "day"]
    if not days or (clauses := day_clauses(window, days)) is None:
        return True
    times = [claim.surface for claim in told if claim.kind == "time"]
    closed = _CLOSED.search(said) is not None
    return (
        closed is (_CLOSED.search(clauses) is not None)
        and (closed or bool(times))
        and not ungrounded(" and ".join(times), [clauses])
    )


def _split_denial(window: str, words: frozenset[str]) -> bool:
    """Of a note that denies one thing, a sentence of it that denies nothing and has all the words."""
    return any(not _denies(part) and all(among(word, _words(part)) for word in words) for part in sentences(window))


def _denies(text: str) -> bool:
    return _NEGATION.search(plain(text)) is not None


@lru_cache(maxsize=1024)
def _words(text: str) -> frozenset[str]:
    found = (stem(word) for word in tokens(text) if word not in STOP)
    # Numbers are claims, which are checked as such.
    return frozenset(word for word in found if word not in _GLUE and not word[0].isdigit() and word not in "£$€¥")


@lru_cache(maxsize=1024)
def _windows(piece: str) -> tuple[str, ...]:
    parts = sentences(piece)
    return (*parts, *(f"{one} {two}" for one, two in pairwise(parts)))
