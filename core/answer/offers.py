"""The offer of a person: how it is made, accepted and declined, and what is said to who waits for one already."""

import re
from collections.abc import Sequence
from typing import Literal

from core.answer.compose import UNKNOWN
from core.answer.history import Turn
from core.answer.words import plain
from core.facts.answers import StatedFacts
from core.facts.wording import listed

OFFER = UNKNOWN.partition(". ")[2]
MORE_UNKNOWN = f"Beyond that I don't know. {OFFER}"
WAITS = "You have asked for a person at the shop already: they can answer you here."
DECLINED = "All right. What else would you like to know?"
_LONGEST = 60
_MOST_LETTERS = 4 * len(OFFER)  # however it is blanked
_YES = (
    r"(?:yes|yep|yeah|yea|yup|ya|y|sure|ok|okay|okey|k|please(?: do)?|do (?:it|that|so)|go (?:ahead|for it)|alright|"
    r"all right|absolutely|definitely|of course|certainly|fine|i would|i(?:'d| would) (?:like|love) that|why not|"
    r"(?:that|it) (?:would|will) be (?:great|good|nice|lovely|helpful|perfect)|that'?s (?:fine|great)|"
    r"pass it on|(?:can|could|would|will) you(?: do that)?|sounds good|great|perfect)"
)
_NO = (
    r"(?:no|nope|nah|not (?:now|necessary|needed|really|yet)|never ?mind|no need|don'?t bother|leave it|forget it|"
    r"(?:it'?s|that'?s|i'?m) (?:ok|okay|fine|alright|good|all right)|i(?:'m| am) good|no worries|no problem)"
)
_POLITE = r"(?:thanks|thank you|thx|ty|cheers|please|pls|plz|then|so much|very much|mate|actually)"
_ACCEPTS = re.compile(rf"\W*{_YES}(?:[\s,.!]+(?:{_YES}|{_POLITE}))*\W*")
_DECLINES = re.compile(rf"\W*{_NO}(?:[\s,.!]+(?:{_NO}|{_POLITE}|ok|okay))*\W*")
_THANKS = re.compile(r"\b(thanks|thank|thx|cheers)\b")
_AGREES = re.compile(r"\b(yes|yep|yeah|sure|please)\b")


def unknown(*, waits: bool) -> str:
    """That something is not known, and the offer of a person to who has not asked for one yet."""
    return UNKNOWN.replace(OFFER, WAITS) if waits else UNKNOWN


def more_unknown(*, waits: bool) -> str:
    """That no more is known than was said."""
    return MORE_UNKNOWN.replace(OFFER, WAITS) if waits else MORE_UNKNOWN


def was_offered(history: Sequence[Turn]) -> bool:
    """Whether the last thing that the assistant said was the offer."""
    last = next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")
    return " ".join(last[-_MOST_LETTERS:].split()).endswith(OFFER)


def reply_to_offer(message: str) -> Literal["yes", "no"] | None:
    """What a message says to the offer; None where it says something else."""
    if len(message) > _LONGEST:
        return None
    said = plain(message).strip()
    if _DECLINES.fullmatch(said):
        return "no"
    # "Great, thanks" takes leave; "yes, thanks" does not.
    if _ACCEPTS.fullmatch(said) and (_AGREES.search(said) or not _THANKS.search(said)):
        return "yes"
    return None


def way_to_person(stated: StatedFacts | None, *, waits: bool) -> str:
    """How a visitor who wants a person gets to one: here, by the hand-off, and by what the shop's facts name."""
    facts = None if stated is None else stated.facts
    phone = [f"call {facts.phone}"] if facts is not None and facts.phone else []
    mail = [f"write to {facts.email}"] if facts is not None and facts.email else []
    ways = listed([*phone, *mail]).replace(" and ", " or ")
    here = WAITS if waits else "Of course. Ask for a person here, and the shop is given this conversation."
    return f"{here} You can also {ways}." if ways else here
