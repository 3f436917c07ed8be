"""Who works there, when, and who does what."""

import re
from collections.abc import Sequence
from datetime import date

from core.answer.question import FILLERS, Asked, weekdays
from core.answer.words import among, listed, plain, stem, stems, tokens, vocabulary
from core.facts import wording
from core.facts.calendar import Calendar
from core.facts.dates import DAY_NAMES
from core.facts.query import Query
from core.facts.types import DAYS, Person

_WORKS = re.compile(r"\b(work|works|working|teach|teaches|in|there|here|on|off|available|days?|when)\b")
_CLOCK_ASKED = re.compile(r"\bwhat time\b|\b(how|until|till|til) (late|early|when)\b|\bwhat hours\b")
_WHO = re.compile(r"^\W*(and |so |um |hi |hello )*(who|whos|who's|which (of you|person|one|\w+) (is|does|do|can))\b")
_ANY_WHO = re.compile(r"\bwho\b|\bstaff\b|\bteam\b")
_WORKING = vocabulary("work works working day days shift off available staff team people person boss")
# Who does something is called by it: a fitter fits, a groomer grooms.
_AGENT = re.compile(r"(\w{3,}?)(?:(?<=([^aeiou]))\2)?er")
# What somebody does with what they are good at: said of everybody, part of nobody's description.
_DOING = vocabulary("do does cut cuts cutting teach teaches make makes run runs handle specialise specialize expert in "
                    "best good barber person class classes place shop charge")  # fmt: skip


def staff_answer(put: Query) -> str | None:
    """Who, or when somebody works, where every word of the question is accounted for."""
    if not put.facts.staff or "price" in put.asked.kinds:
        return None
    people = [person for person in put.facts.staff if _mentioned(person, put.asked)]
    words = _words(put, people)
    text = plain(put.asked.text)
    if people:
        return _of_named(people, words, put)
    if _WHO.search(text) and (meant := [word for word in words if not listed(word, _WORKING)]):
        return _who_does(put, meant)
    asks = "staff" in put.asked.kinds and _ANY_WHO.search(text) is not None
    return _who(put) if asks and all(listed(word, _WORKING) for word in words) else None


def _words(put: Query, people: Sequence[Person]) -> list[str]:
    """What the question says beside names, days and fillers."""
    names = {stem(word) for person in people for word in tokens(person.name)} | FILLERS | DAY_NAMES
    said = [stem(word) for word in tokens(put.asked.text)]
    # Words that ask for staff may be somebody's role as well: "who is the manager".
    roles = [word for word in said if among(word, ("own", "manag"))]
    words = [*put.asked.subject, *(word for word in roles if word not in put.asked.subject)]
    return [word for word in words if not among(word, names) and not weekdays(word)]


def _of_named(people: Sequence[Person], words: Sequence[str], put: Query) -> str | None:
    if {"hours", "open_now"} & put.asked.kinds or _CLOCK_ASKED.search(plain(put.asked.text)):
        return None  # of people the days are known, of the shop the hours
    if all(listed(word, _WORKING | _DOING) for word in words) and _WORKS.search(plain(put.asked.text)):
        return _when(people, put)
    if not words and _WHO.search(plain(put.asked.text)):
        return " ".join(about(person) for person in people)
    return None


def _who_does(put: Query, words: Sequence[str]) -> str | None:
    """Those whose role and skills account for all that is asked."""
    found = _doing(put.facts.staff, words) or _doing(
        put.facts.staff, [word for word in words if not among(word, _DOING)]
    )
    if put.named is not None:
        weekdays_named = {DAYS[day.weekday()] for day in put.named.days}
        found = [person for person in found if weekdays_named & set(person.days)]
    return " ".join(about(person) for person in found) or None


def _doing(people: Sequence[Person], words: Sequence[str]) -> list[Person]:
    if not words:
        return []
    return [one for one in people if all(among(word, _describing(one)) for word in words)]


def _describing(person: Person) -> list[str]:
    words = [word for text in (person.role or "", *person.skills) for word in stems(text)]
    return words + [stem(match[1]) for word in words if (match := _AGENT.fullmatch(word))]


def _when(people: Sequence[Person], put: Query) -> str | None:
    if any(not person.days for person in people):
        return None
    lines = []
    for person in people:
        usual = f"{person.name} works {wording.person_days(person)}."
        days = {} if put.named is None else {day: DAYS[day.weekday()] in person.days for day in put.named.days}
        if len(days) == 1:
            ((day, there),) = days.items()
            shut = _shut(put, day)
            off = shut and not put.asked.plural_day
            lines.append(f"{'Yes' if there and not off else 'No'}. {usual}{shut}")
        else:
            lines.append(usual)
    return " ".join(lines)


def _shut(put: Query, day: date) -> str:
    """That the shop is closed on a day on which somebody usually works."""
    if put.facts.hours is None or put.named is None:
        return ""
    one = Calendar(put.facts).hours_of(day)
    return "" if one.intervals or (put.named.weekly and not one.special) else f" {wording.on_day(one)}"


def _who(put: Query) -> str | None:
    people = put.facts.staff
    if put.named is None:
        return " ".join(about(person) for person in people)
    if any(not person.days for person in people):
        return None
    day = put.named.days[0]
    if shut := _shut(put, day):
        return shut.strip()
    there = [person.name for person in people if DAYS[day.weekday()] in person.days]
    if len(put.named.days) != 1:
        return None
    return f"On {wording.weekday(day.weekday())}s: {wording.listed(there) if there else 'nobody'}."


def about(person: Person) -> str:
    """A person in a sentence."""
    what = wording.listed([*filter(None, [person.role]), *person.skills])
    days = f", works {wording.person_days(person)}" if person.days else ""
    return f"{person.name}{f': {what}' if what else ''}{days}."


def _mentioned(person: Person, asked: Asked) -> bool:
    names = [stem(word) for word in tokens(person.name)]
    return any(word in names or (word not in DAY_NAMES and among(word, names)) for word in asked.subject)
