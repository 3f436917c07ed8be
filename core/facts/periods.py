"""Weeks and months that a question names: "next week", "in January", "the week of 28 December"."""

import re
from datetime import date, timedelta

import msgspec

from core.answer.claims import DAY_MONTH, MONTHS, month_number
from core.answer.words import plain

_MONTH = re.compile(
    rf"\b(?:in|of|during|throughout|all|for) ({'|'.join(MONTHS)}|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b"
    r"(?! (?:the )?\d{1,2}(?:st|nd|rd|th)?\b)(?: (20\d\d)\b)?"
)
_NEAR = re.compile(r"\b(this|next) (week|month)\b(?! on\b)")
_WEEK_OF = re.compile(r"\bweek (?:of|commencing|beginning|starting|from|with)\b")
_WEEK = 7


class Period(msgspec.Struct, frozen=True):
    """Days from `first` to `last`, both of them in it; `month`: all of one that is to come, or what is left of this."""

    first: date
    last: date
    month: bool = False


def period_named(question: str, today: date) -> Period | None:
    """The week or the month that a question names as seen from `today`."""
    text = plain(question)
    if _WEEK_OF.search(text) and (match := DAY_MONTH.search(text)):
        day, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        return _week_of(int(day), month_number(month), today)
    if match := _NEAR.search(text):
        return _near(today, match[2], later=match[1] == "next")
    if match := _MONTH.search(text):
        number = month_number(match[1])
        year = today.year + (number < today.month) if match[2] is None else int(match[2])
        return _month(year, number, today)
    return None


def asks_for_week_of(question: str) -> bool:
    """Whether a date is named only to say which week."""
    return _WEEK_OF.search(plain(question)) is not None


def _near(today: date, unit: str, *, later: bool) -> Period | None:
    if unit == "month":
        ahead = today.month - 1 + later
        return _month(today.year + ahead // 12, ahead % 12 + 1, today)
    monday = today - timedelta(days=today.weekday())
    if later:
        monday += timedelta(days=_WEEK)
    return Period(max(today, monday), monday + timedelta(days=_WEEK - 1))


def _week_of(day: int, month: int, today: date) -> Period | None:
    for year in (today.year, today.year + 1):
        try:
            monday = date(year, month, day)
        except ValueError:
            continue
        monday -= timedelta(days=monday.weekday())
        if monday + timedelta(days=_WEEK - 1) >= today:
            return Period(max(today, monday), monday + timedelta(days=_WEEK - 1))
    return None


def _month(year: int, number: int, today: date) -> Period | None:
    following = date(year + number // 12, number % 12 + 1, 1)
    last = following - timedelta(days=1)
    return Period(max(today, date(year, number, 1)), last, month=True) if last >= today else None
