"""What visitors say that asks nothing of the shop's knowledge: a greeting, thanks, the wish for a person."""

import re
from collections.abc import Sequence

from core.answer.words import plain, tokens

_ALONE = (
    r"\W*(?:{})(?:\s+(?:there|all|everyone|team|guys|mate|you|so much|very much|again|for (?:your|the) help|{}))*\W*"
)
_LONGEST = 120
_CONTENT = (
    "(?:(?:ok(?:ay)?|great|perfect|lovely|cool|brilliant|super|nice|good|fine|alright|all right|wonderful|awesome|yes|"
    "no|got it|i see|excellent|amazing|fab|that's (?:great|good|all|it|perfect|lovely))(?: then)?)"
)
_GREETING = re.compile(
    _ALONE.format("hi|hiya|hello|hey|howdy|good (?:morning|afternoon|evening|day)", "how are you(?: doing)?(?: today)?")
)
_THANKS = re.compile(
    _ALONE.format(rf"(?:{_CONTENT}[\s,.!]+)*(?:thanks|thank|thx|thnx|tnx|ty|cheers|ta|much appreciated)", "bye|bye bye")
)
_FAREWELL = re.compile(_ALONE.format("bye|bye bye|goodbye|see you(?: later| soon)?|good night", "later"))
_PERSON = re.compile(
    r"\b(?:speak|talk|chat|connect me|put me through|transfer me|pass me)\b.{0,20}\b(?:human|person|someone|somebody|"
    r"agent|representative|operator|member of staff|real one|manager|owner)\b|"
    r"^\W*(?:a |real |live )*(?:human|agent|representative|operator|person)(?: please)?\W*$|"
    r"\b(?:want|need|get|like) (?:a|an|to (?:speak|talk) to) (?:real |live |actual )?(?:human|person|agent)\b"
)
_NODDING = re.compile(rf"\W*{_CONTENT}(?:[\s,.!]+{_CONTENT})*\W*")
_WITH = re.compile(r"\b(?:(?:speak|talk|chat) (?:to|with)|put me through to) ([a-z]+)\b")
_ANSWERS = (
    (_GREETING, "Hello! What would you like to know?"),
    (_THANKS, "You're welcome!"),
    (_FAREWELL, "Goodbye!"),
    (_NODDING, "What else would you like to know?"),
)


def courtesy(message: str) -> str | None:
    """The reply to a message that is nothing but a courtesy, or None."""
    if len(message) > _LONGEST:
        return None
    text = plain(message).strip()
    return next((reply for pattern, reply in _ANSWERS if pattern.fullmatch(text)), None)


def asks_for_person(message: str, names: Sequence[str] = ()) -> bool:
    """Whether a visitor wants a human being, or one of these, and does not merely ask about one."""
    said = plain(message)
    if _PERSON.search(said) is not None:
        return True
    wanted = _WITH.search(said)
    return wanted is not None and any(wanted[1] in tokens(name) for name in names)
