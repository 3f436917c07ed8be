"""Follow-ups, such as "and on Saturday?", made to stand alone from what the visitor said before."""

import re
from collections.abc import Sequence

from core.answer.question import Asked, ask, weekdays
from core.answer.words import among, plain, stem, tokens

_BARE = re.compile(r"^\W*(and|but|so|ok(ay)?|what about|how about|same for|also|then|for)\b[\s,]*", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(it|that|this one|that one|those|these|them|they|he|she|him|her)\b", re.IGNORECASE)
_OWN = re.compile(
    r"\b(is|was|does|will|can|could) it (possible|ok|okay|cheaper|true|rain|be possible|quiet|busy)\b|"
    r"\b(that|there|those|these) (you|we|i|are|is|a)\b",
    re.IGNORECASE,
)
# Kinds of question that need no subject.
_COMPLETE = frozenset({"address", "phone", "email", "website", "hours", "open_now", "payment", "booking"})
_BOTH = re.compile(r"\bboth\b|\b(?:all|the two|these|those) together\b|^\W*(?:and )?together\b", re.IGNORECASE)
_ADDED = re.compile(
    r"^\W*(?:(?:and|but|plus|what about|how about)\W+)*(?:together )?with (?:an? |the |my )?", re.IGNORECASE
)
_PAIR = 2
_EXPLETIVE = re.compile(r"\bit\b.*\bto\b|\bit (?:rains|snows)\b", re.IGNORECASE)
_EXPLETIVE_FOR = re.compile(
    r"\bhow much (?:is|would|will|does) it(?: cost| be)? for (?:an? |the |my )?[a-z]", re.IGNORECASE
)
_AUXILIARY = re.compile(r"^(?:is|are|was|were|does|do|did|can|could|will|would|has|have)\b", re.IGNORECASE)
_MOST_REPLACING = 2
_MOST_PLACES = 6  # each is a reading of its own, asked for itself


def readings(message: str, history: Sequence[str]) -> list[str]:
    """The ways to read a message after these turns of the visitor's: the likeliest first, which is `standalone`.

    Others put the message in the place of single words: "a small one?" after "how much is a large pepperoni pizza".
    """
    likeliest = standalone(message, history)
    if likeliest == message:
        return [message]
    if (joined := _together(message, history)) is not None:
        return [joined]
    earlier = next((turn for turn in reversed(history) if turn.strip() and not refers_back(turn)), "")
    said, words = _subject_words(message), _SHOWN.findall(earlier)
    subject = ask(earlier).subject
    places = [place for place, word in enumerate(words) if among(stem(plain(word)), subject)]
    if not 0 < len(said) <= _MOST_REPLACING or not 0 < len(places) <= _MOST_PLACES:
        return [likeliest]
    replaced = [" ".join((*words[:place], *said, *words[place + 1 :])) for place in places]
    return [likeliest, *replaced, " ".join((*words, "for", *said))]


def _together(message: str, history: Sequence[str]) -> str | None:
    """What is asked of two things at once: "and with a wash?", "and both together?"; None for other messages."""
    if _BOTH.search(message):
        pair = [turn for turn in history if ask(turn).subject][-_PAIR:]
        return f"{pair[0].strip(' ?.!')} and {' '.join(_subject_words(pair[1]))}?" if len(pair) == _PAIR else message
    if (added := _ADDED.match(message)) is None:
        return None
    earlier = next((turn for turn in reversed(history) if ask(turn).subject), None)
    return message if earlier is None else f"{earlier.strip(' ?.!')} and {message[added.end() :].strip(' ?.!')}?"


def standalone(message: str, history: Sequence[str]) -> str:
    """The message as it means something without `history`: the visitor's turns before it, oldest first.

    Only what the last turns were about is added, in words of the visitor's own; a message that stands alone comes back
    as it is.
    """
    turns = [turn for turn in history if turn.strip()]
    if not turns or not refers_back(message):
        return message
    if (joined := _together(message, turns)) is not None:
        return joined
    subject: str = turns[-1]
    for earlier in reversed(turns[:-1]):
        if not refers_back(subject):
            break
        subject = _joined(subject, earlier)
    return _joined(message, subject)


def refers_back(message: str) -> bool:
    """Whether a message needs the turns before it to be understood."""
    asked = ask(message)
    if _BARE.match(message) and len(tokens(message)) <= 8:  # noqa: PLR2004 - longer ones say what they are about
        return True
    if _OWN.search(message):
        return False
    if _PRONOUN.search(message) and len(asked.subject) <= 1:
        return True
    if asked.kinds & _COMPLETE:
        return False
    # "how much?", "on Saturday?", "the works?"
    return len(tokens(message)) <= 3 and not (asked.kinds and asked.subject)  # noqa: PLR2004


def lacks_antecedent(message: str) -> bool:
    """Whether it speaks of "it" or "them" and says nothing of what that is: alone it means nothing."""
    if _EXPLETIVE_FOR.search(message) and ask(message).subject:
        return False
    spoken_of = _PRONOUN.search(message) is not None and not _EXPLETIVE.search(message)
    return (spoken_of and refers_back(message)) or (_BOTH.search(message) is not None and not ask(message).subject)


def _joined(message: str, earlier: str) -> str:
    """The message with what it leaves unsaid from an earlier one."""
    now, before = ask(message), ask(earlier)
    rest = _BARE.sub("", message).strip(" ?.!") or message.strip(" ?.!")
    whole = _AUXILIARY.match(rest) is not None and _PRONOUN.search(rest) is not None
    if whole or (now.kinds and not now.kinds <= before.kinds):
        # Another thing is asked of the same subject: "how long does it take?"
        about = _PRONOUN.sub(" ".join(_subject_words(earlier)), rest, count=1)
        return f"{about}?" if about != rest else f"{rest} {' '.join(_subject_words(earlier))}?".replace(" ?", "?")
    return _put_into(earlier, rest, now)


def _subject_words(text: str) -> list[str]:
    subject = ask(text).subject
    return [word for word in _SHOWN.findall(text) if among(stem(plain(word)), subject)]


def _put_into(earlier: str, rest: str, now: Asked) -> str:
    """The earlier question with the message where the message says something else: another day, another subject."""
    before = ask(earlier)
    bare = _LEADING.sub("", rest)
    kept: list[str] = []
    placed = False
    for word in _SHOWN.findall(earlier):
        is_day = bool(weekdays(word)) or plain(word) in _RELATIVE
        about = not is_day and among(stem(plain(word).removesuffix("'s")), before.subject)
        if (is_day and (now.days or _relative(now.text))) or (about and now.subject):
            kept += [] if placed else [bare]
            placed = True
        else:
            kept.append(word)
    if not placed:
        pronoun = _PRONOUN.search(rest)
        if pronoun and not now.subject and not now.days:
            return f"{earlier.strip(' ?.!')}?"
        kept.append(rest)
    return f"{' '.join(kept)}?"


_SHOWN = re.compile(r"[\w'’£$€-]+(?:[.:]\d+)*")  # noqa: RUF001 - apostrophes as people type them
_LEADING = re.compile(r"^(on|at|for|with|in|the|a|an)\s+", re.IGNORECASE)
_RELATIVE = frozenset({"today", "tomorrow", "tonight", "now"})


def _relative(text: str) -> bool:
    return bool(_RELATIVE & set(tokens(text)))
