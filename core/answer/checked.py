"""A model's answer as it may be shown: sentence by sentence, each held to the evidence before anyone sees it."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from core.answer.claims import claims
from core.answer.grounding import ungrounded
from core.answer.prompt import NOT_KNOWN
from core.answer.question import Asked
from core.answer.sentences import sentences
from core.answer.support import has_markup, is_verdict, supported
from core.answer.words import among, plain, stems

_CLOSED = re.compile(r"(?s)(.*?[.!?][\"”)]?)(\s+)(?=\S)|(.+?)(\n+)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_REFUSAL = re.compile(
    r"\b(i (do not|don't|dont|cannot|can't|am not able to|am unable to)\b.{0,20}\b(know|find|answer|tell|see|say|sure)|"
    r"(no|not enough) information|not (mentioned|stated|specified|provided|given|listed)|(notes|shop) (do|does) not)\b"
)
_HELD = frozenset({"money", "time", "phone"})


class Unsupported(Exception):  # noqa: N818 - not an error: the model said what nothing supports
    """A sentence claims what the evidence lacks, or says that it is not known."""


async def checked(pieces: AsyncIterator[str], asked: Asked, evidence: Sequence[str]) -> AsyncGenerator[str, None]:
    """The sentences of `pieces`, joined the text itself, each once it is complete and found to be supported.

    Raises Unsupported at the first that is not.
    """
    held = verdict = ""
    lines = [part for piece in evidence for part in sentences(piece)]
    async for piece in pieces:
        held += _CONTROL.sub("", piece)
        while (match := _CLOSED.match(held)) is not None:
            sentence, held = match[0], held[match.end() :]
            if is_verdict(sentence):
                # A bare yes is held until what it says yes to is known.
                verdict += sentence
                continue
            _check(verdict + sentence, asked, evidence, lines)
            yield verdict + sentence
            verdict = ""
    if (verdict + held).strip():
        _check(verdict + held, asked, evidence, lines)
        yield verdict + held


def refuses(sentence: str) -> bool:
    """Whether a sentence says that it is not known."""
    said = plain(sentence)
    return said.strip(" .\"'").startswith(plain(NOT_KNOWN)) or _REFUSAL.search(said) is not None


def _check(sentence: str, asked: Asked, evidence: Sequence[str], lines: Sequence[str]) -> None:
    unfit = is_verdict(sentence) or refuses(sentence) or has_markup(sentence, evidence)
    if unfit or ungrounded(sentence, evidence) or _misplaced(sentence, asked, lines):
        raise Unsupported(sentence)
    if not supported(sentence, evidence):
        raise Unsupported(sentence)


def _misplaced(sentence: str, asked: Asked, lines: Sequence[str]) -> bool:
    """Whether a price, a time or a phone number is taken from a line about something else.

    Of the lines that hold it one must share with the question's subject as much as any line with such a claim does:
    the price of a beard trim is no answer to what a haircut costs.
    """
    for claim in (one for one in claims(sentence) if one.kind in _HELD):
        rivals = [line for line in lines if any(one.kind == claim.kind for one in claims(line))]
        shares = {line: _share(asked, line) for line in rivals}
        own = [shares[line] for line in rivals if not ungrounded(claim.surface, [line])]
        if own and max(own) < max(shares.values()):
            return True
    return False


def _share(asked: Asked, line: str) -> int:
    own = set(stems(line))
    return sum(among(word, own) for word in asked.subject)
