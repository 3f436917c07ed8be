"""Strict JSON (RFC 8259 with the limits of I-JSON, RFC 7493): what is ambiguous or cannot be stored is refused.

msgspec alone takes the last of doubled keys and integers of any size, so the text is parsed by the standard
library's C scanner with hooks, and the value is then converted to its Struct by msgspec.
"""

import json
import math
from typing import Any, NoReturn, TypeVar

import msgspec

from core.errors import InvalidRequest
from core.http.violations import violation

MAX_DEPTH = 32
_TOO_DEEP = f"the body is nested deeper than {MAX_DEPTH} levels"
_INT64 = 2**63
_INT64_DIGITS = 20
T = TypeVar("T")


class _RefusedError(ValueError):
    """The text is JSON, and not acceptable; its message is shown to the caller."""


def _bounded_int(text: str) -> int:
    if len(text) > _INT64_DIGITS or not -_INT64 <= (value := int(text)) < _INT64:
        raise _RefusedError("an integer is outside of 64 bits")
    return value


def _bounded_float(text: str) -> float:
    # jsonb writes 1e300 as 301 digits, which no JSON reader with 64-bit integers takes back.
    value = float(text)
    if not -_INT64 <= value < _INT64 or math.isnan(value):
        raise _RefusedError("a number is too large")
    return value


def _no_constant(name: str) -> NoReturn:
    raise _RefusedError(f"{name} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _RefusedError("an object names a key twice")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_int=_bounded_int,
    parse_float=_bounded_float,
    parse_constant=_no_constant,
)


def parse(body: bytes) -> Any:
    """The value of a JSON text; raises InvalidRequest with a sentence that says what is wrong."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidRequest("the body is not UTF-8") from error
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise InvalidRequest(_TOO_DEEP) from error
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not JSON: line {error.lineno}, column {error.colno}") from error
    except _RefusedError as error:
        raise InvalidRequest(f"the body is not acceptable JSON: {error}") from error
    # NUL and lone surrogates can only come from escapes: raw ones are refused above.
    if text.count("[") + text.count("{") > MAX_DEPTH or "\\u" in text:
        _inspect(value)
    return value


def _inspect(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, dict | list):
                if depth > MAX_DEPTH:
                    raise InvalidRequest(_TOO_DEEP)
                below.extend(item)
                if isinstance(item, dict):
                    below.extend(item.values())
        level = below


def check_text(text: str) -> None:
    """Refuse what neither PostgreSQL nor UTF-8 can hold: NUL and lone surrogates."""
    if "\0" in text:
        raise InvalidRequest("a string holds NUL (U+0000)")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidRequest("a string holds half of a surrogate pair") from error


def to_struct(value: Any, kind: type[T]) -> T:
    """Convert to `kind`, strictly typed; raises InvalidRequest with a pointer to each broken rule."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise violation(value, kind, error) from error
