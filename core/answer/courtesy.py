"""What visitors say that asks nothing of the shop's knowledge: a greeting, thanks, the wish for a person."""

import re

from core.answer.words import plain

_ALONE = (
    r"\W*(?:{})(?:\s+(?:there|all|everyone|team|guys|mate|you|so much|very much|again|for (?:your|the) help|{}))*\W*"
)
_GREETING = re.compile(
    _ALONE.format("hi|hiya|hello|hey|howdy|good (?:morning|afternoon|evening|day)", "how are you(?: doing)?(?: today)?")
)
_THANKS = re.compile(
    _ALONE.format("(?:ok(?:ay)? |great |perfect |lovely |cool )?(?:thanks|thank|thx|cheers|ta|much appreciated)", "bye")
)
_FAREWELL = re.compile(_ALONE.format("bye|bye bye|goodbye|see you(?: later| soon)?|good night", "later"))
_PERSON = re.compile(
    r"\b(?:speak|talk|chat|connect me|put me through|transfer me|pass me)\b.{0,20}\b(?:human|person|someone|somebody|"
    r"agent|representative|operator|member of staff|real one|manager|owner)\b|"
    r"^\W*(?:a |real |live )*(?:human|agent|representative|operator|person)(?: please)?\W*$|"
    r"\b(?:want|need|get|like) (?:a|an|to (?:speak|talk) to) (?:real |live |actual )?(?:human|person|agent)\b"
)
_ANSWERS = (
    (_GREETING, "Hello! What would you like to know?"),
    (_THANKS, "You're welcome!"),
    (_FAREWELL, "Goodbye!"),
)
PERSON = "Of course. I can pass your question on to a person at the shop."


def courtesy(message: str) -> str | None:
    """The reply to a message that is nothing but a courtesy, or None."""
    text = plain(message).strip()
    return next((reply for pattern, reply in _ANSWERS if pattern.fullmatch(text)), None)


def asks_for_person(message: str) -> bool:
    """Whether a visitor wants a human being, and does not merely ask about one."""
    return _PERSON.search(plain(message)) is not None
