"""Types of fields that several functions share; msgspec enforces them and puts them into the documentation."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from msgspec import Meta

# What str.strip takes away, spelt out: `\s` is another set in each dialect of regular expressions.
SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def trimmed_pattern(low: int, high: int | None = None) -> str:
    r"""A regular expression for text of `low` ≥ 2 to `high` characters once white space around it is gone.

    Linear: only the middle can backtrack, and a visible character anchors both of its ends.
    """
    middle = rf"[\s\S]{{{low - 2},{'' if high is None else high - 2}}}"
    return rf"^[{SPACE}]*[^{SPACE}]{middle}[^{SPACE}][{SPACE}]*$"


# A visible character somewhere.
VISIBLE = f"[^{SPACE}]"


def visible_pattern(high: int) -> str:
    """As `trimmed_pattern`, for text of 1 to `high` characters."""
    return rf"^[{SPACE}]*[^{SPACE}](?:[\s\S]{{0,{high - 2}}}[^{SPACE}])?[{SPACE}]*$"


Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Time = Annotated[datetime, Meta(tz=True)]
Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
UserId = Annotated[str, Meta(min_length=1, max_length=200, description="Whoever your chatbot says it is")]
Priority = Literal["low", "normal", "high", "urgent"]
# PostgreSQL's integer.
ShopId = Annotated[int, Meta(gt=0, lt=2**31, description="The shop, > 0")]
Threshold = Annotated[float, Meta(ge=0, le=1, description="The least similarity of a result")]
Similarity = Annotated[float, Meta(ge=0, le=1, description="How probably the passage answers the question, 0 to 1")]
Category = Annotated[str, Meta(max_length=200, description="Blank is the same as none")]
Source = Annotated[str, Meta(max_length=2000, description="Where the passage comes from")]
Metadata = Annotated[
    dict[str, Any],
    Meta(
        description="Any JSON object; it comes back with each result",
        extra_json_schema={"additionalProperties": {"$ref": "#/components/schemas/JsonValue"}},
    ),
]
Question = Annotated[str, Meta(pattern=trimmed_pattern(3, 2000), description="3 to 2000 characters after trimming")]
# The bound keeps one passage within the time of a request: its chunks are embedded one by one.
Content = Annotated[
    str,
    Meta(pattern=trimmed_pattern(10), max_length=100_000, description="10 characters, trimmed, to 100000 at most"),
]
Limit = Annotated[int, Meta(ge=1, le=100, description="The most results, 1 to 100")]


_TRIMMED = re.compile(r"^expected `str` matching regex '.*\{(?P<low>\d+),(?P<high>\d*)\}.*'$", re.IGNORECASE)


def in_words(rule: str) -> str:
    """The sentence of msgspec about a broken rule, with patterns of ours said in words."""
    if match := _TRIMMED.search(rule):
        low, high = int(match["low"]) + (1 if "(?:" in rule else 2), match["high"]
        bounds = f"{low} to {int(high) + 2}" if high else f"at least {low}"
        return f"expected {bounds} characters after trimming"
    if rule == f"expected `str` matching regex {VISIBLE!r}".lower():
        return "expected text that is not blank"
    return rule


def present(text: str | None) -> str | None:
    """The text without white space around it, or None where nothing is left."""
    return (text or "").strip() or None


def utc(time: datetime | None) -> datetime:
    """A time of the database, as it is sent."""
    assert time is not None, "a row that was read has its times"
    return time.astimezone(UTC)


def timestamp_of(moment: datetime) -> str:
    """A moment as it is sent where it is text: RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
