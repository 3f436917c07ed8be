"""What a question asks: its kinds, the days and clock it names; and follow-ups made stand-alone."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from core.answer.claims import CLOCK, DAYS, claims, day_index
from core.answer.words import STOP, among, content, plain, stem, tokens, vocabulary

Kind = Literal["price", "hours", "open_now", "duration", "staff", "address", "phone", "email", "payment", "booking"]

# Stems that say what is asked; every other word of a question says what it is about.
_KEYWORDS: Mapping[Kind, frozenset[str]] = {
    "price": vocabulary(
        "price prices pricing cost costs charge charges fee fees rate quid pound expensive cheap cheaper"
    ),
    "hours": vocabulary("open opening close closing closed shut shuts hours hour"),
    "duration": vocabulary("long duration take takes minutes"),
    "staff": vocabulary("staff team barber work works working employee stylist mechanic"),
    "address": vocabulary("address located location find situated directions postcode"),
    "phone": vocabulary("phone telephone number call ring whatsapp mobile"),
    "email": vocabulary("email e-mail mail"),
    "payment": vocabulary("pay payment card cards cash cheque visa mastercard amex contactless paypal"),
    "booking": vocabulary("book booking appointment reserve reservation appointments"),
}
_PHRASES: tuple[tuple[str, Kind], ...] = (
    (r"\b(how|hw|hou|ow) (much|mch|muc|many (pounds|euros|dollars|quid))\b", "price"),
    (r"\bwhat (do|does|would|will)\b.*\bpay\b", "price"),
    (r"\bwhat('s| is| does|s)?\b.*\b(cost|price|charge)", "price"),
    (r"\b(how|what) (late|early)\b|\bwhat time\b.*\b(open|clos|shut|start)|\btill when\b", "hours"),
    (r"\bwhen\b.*\b(open|clos|shut)", "hours"),
    (r"\b(open|closed|shut)\b.*\b(now|right now|at the moment|currently)\b|\bnow\b.*\bopen\b", "open_now"),
    (r"^(are )?(you|u) (still )?open\W*$|\bstill open\b", "open_now"),
    (r"\bstill open\b", "hours"),
    (r"\bhow long\b", "duration"),
    (r"^\W*(who|whos|who's)\b", "staff"),
    (r"\bwhere\b.*\b(are|r|is|find)\b.*\b(you|u|ya|shop|place|store|located|guys|salon|garage|cafe)\b", "address"),
    (r"\be-?mail\b", "email"),
)  # fmt: skip
FILLERS = vocabulary(
    "um uh er erm hmm like so well quick question wondering wonder curious know shop store place business "
    "today tonight tomorrow now currently moment right time day days date please cheers ta actually "
    "basically guess week going go come coming start starts usual usually normally normal regular "
    "standard basic exactly roughly about around approximately total altogether sir madam bro dude love "
    "folks people currently offer provide service services customer good morning afternoon evening "
    "night next week both bring serve speak hear heard right correct true suppose tomorow tmrw tommorow tommorrow"
)
_REFERS = re.compile(
    r"^\W*(and|what about|how about|same for|also|ok(ay)? and|but what about|then)\b|"
    r"\b(it|that|this one|that one|those|these|them|they|he|she|him|her|there|then|one)\b",
    re.IGNORECASE,
)
_BARE = re.compile(r"^\W*(and|but|so|ok(ay)?|what about|how about|same for|also|then|for)\b[\s,]*", re.IGNORECASE)
_PRONOUN = re.compile(r"\b(it|that|this one|that one|those|these|them|they|he|she|him|her)\b", re.IGNORECASE)
_OWN = re.compile(
    r"\b(is|was|does|will|can|could) it (possible|ok|okay|cheaper|true|rain|be possible|quiet|busy)\b|"
    r"\b(that|there|those|these) (you|we|i|are|is|a)\b",
    re.IGNORECASE,
)
_MOST_BACK = 6


class Asked(msgspec.Struct, frozen=True):
    """A question taken apart. `subject` are the stems that neither say what is asked nor fill; `days` 0 for Monday."""

    text: str
    kinds: frozenset[Kind]
    subject: tuple[str, ...]
    days: tuple[int, ...] = ()
    clock: int | None = None
    plural_day: bool = False


def ask(text: str) -> Asked:
    """Take a question apart."""
    lowered = plain(text)
    words = content(text)
    kinds = {kind for kind, keys in _KEYWORDS.items() if any(among(word, keys) for word in words)}
    kinds |= {kind for pattern, kind in _PHRASES if re.search(pattern, lowered)}
    days = weekdays(text)
    times = [int(claim.value) for claim in claims(text) if claim.kind == "time"] if CLOCK.search(text) else []
    if any(claim.kind == "money" for claim in claims(text)):
        kinds.add("price")
    # A price is asked of something that may be named like another kind of question: "the works", "a phone case".
    saying: frozenset[Kind] = frozenset({"price"}) if "price" in kinds else frozenset(kinds)
    subject = tuple(word for word in words if not _fills(word, saying))
    plural = any(f"{day}s" in lowered for day in DAYS)
    return Asked(text, frozenset(kinds), subject, days, times[0] if times else None, plural)


def keywords(kind: Kind) -> frozenset[str]:
    """The stems that ask for this kind."""
    return _KEYWORDS.get(kind, frozenset())


def weekdays(text: str) -> tuple[int, ...]:
    """The days of the week that a text names, misspelt ones too, in its order."""
    found: list[int] = []
    for word in tokens(text):
        if word in _DAY_WORDS:
            found.append(day_index(word))
        elif len(word) > 5 and word not in STOP:  # noqa: PLR2004 - monday is the shortest
            found += [index for index, day in enumerate(DAYS) if among(stem(word), (stem(day),)) and word[-1] in "ysa"]
        if word in {"weekend", "weekends"}:
            found += [5, 6]
    return tuple(dict.fromkeys(found))


def standalone(message: str, history: Sequence[str]) -> str:
    """The message as it means something without `history`: the visitor's turns before it, oldest first.

    Only what the last turns were about is added, in words of the visitor's own; a message that stands alone comes back
    as it is.
    """
    turns = [turn for turn in history[-_MOST_BACK:] if turn.strip()]
    if not turns or not refers_back(message):
        return message
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
    # "how much?", "on Saturday?", "the works?"
    return len(tokens(message)) <= 3 and not (asked.kinds and asked.subject)  # noqa: PLR2004


def _joined(message: str, earlier: str) -> str:
    """The message with what it leaves unsaid from an earlier one."""
    now, before = ask(message), ask(earlier)
    rest = _BARE.sub("", message).strip(" ?.!") or message.strip(" ?.!")
    if now.kinds and not now.kinds <= before.kinds:
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


def _fills(word: str, kinds: frozenset[Kind]) -> bool:
    return _said(word, kinds) or _CLOCK.fullmatch(word) is not None or among(word, _DAY_STEMS)


def _said(word: str, kinds: frozenset[Kind]) -> bool:
    if among(word, FILLERS) or word in "£$€¥" or word.isdigit():
        return True
    return any(among(word, _KEYWORDS.get(kind, frozenset())) for kind in kinds)


_CLOCK = re.compile(r"\d+(am|pm|st|nd|rd|th)?|am|pm")
_DAY_STEMS = frozenset(stem(day) for day in DAYS) | frozenset(stem(f"{day}s") for day in DAYS) | {"weekend", "weekday"}
_DAY_WORDS = frozenset(
    form for day in DAYS for form in (day, f"{day}s", day[:3], {"tue": "tues", "wed": "weds"}.get(day[:3], day[:3]))
) | {"thur", "thurs"} - {"sat", "sun"}
