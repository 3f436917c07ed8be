"""What JSON is accepted, and how a broken rule is named."""

import json
import re
import sys
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from core.http.fields import SPACE, in_words, present, trimmed_pattern
from core.http.json_text import MAX_DEPTH, parse, to_struct

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBER = st.integers(-(2**63), 2**63 - 1) | st.floats(-(2**62), 2**62)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
# Text as every JSON string may spell it: plain, or escaped throughout.
SPELLINGS = (
    lambda value: json.dumps(value, ensure_ascii=False).encode(),
    lambda value: json.dumps(value, ensure_ascii=True, indent=1).encode(),
    msgspec.json.encode,
)


@given(VALUE, st.sampled_from(SPELLINGS))
def test_every_acceptable_value_is_read_as_it_was_written(value, spell):
    assert value == parse(spell(value))


@given(VALUE)
def test_an_accepted_value_can_be_encoded_again_by_both_encoders(value):
    body = json.dumps(value).encode()
    assert parse(msgspec.json.encode(parse(body))) == parse(json.dumps(parse(body)).encode())


@given(st.binary())
def test_any_bytes_are_a_value_or_an_invalid_request(body):
    try:
        value = parse(body)
    except InvalidRequest:
        return
    assert msgspec.json.decode(body) == value


BAD = {
    "nothing": b"",
    "white space": b" \n",
    "cut off": b'{"a": [1',
    "two values": b"{} {}",
    "a trailing comma": b"[1,]",
    "a comment": b"[1] // one",
    "single quotes": b"{'a': 1}",
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "not UTF-8": b'{"a": "\xff"}',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32-be"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a raw NUL": b'"a\x00b"',
    "a raw control character": b'"a\x1fb"',
    "an escaped NUL": b'"a\\u0000b"',
    "an escaped NUL in a key": b'{"a\\u0000b": 1}',
    "an escaped NUL far inside": b'{"a": [{"b": {"c\\u0000": 1}}]}',
    "half a surrogate pair": b'"\\ud800"',
    "the other half": b'["\\uDFFF"]',
    "half a pair in a key": b'{"\\udc00": 1}',
    "halves in the wrong order": b'"\\udc00\\ud800"',
    "an integer past 64 bits": str(2**63).encode(),
    "one below": str(-(2**63) - 1).encode(),
    "an integer of 5000 digits": b"9" * 5000,
    "a million digits": b'{"a": ' + b"1" * 1_000_000 + b"}",
    "a number past every float": b"1e999",
    "a number too large for a column": b'{"a": -1e300}',
    "an object that names a key twice": b'{"a": 1, "a": 1}',
    "a key twice by an escape": b'{"a": 1, "\\u0061": 2}',
    "a key twice far inside": b'[[{"b": {"a": 1, "a": 2}}]]',
    "too deep": b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    "deep objects": b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
    "half a million brackets": b"[" * 500_000,
    "half a million objects": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_ambiguous_or_cannot_be_stored_is_refused_with_a_reason(name):
    with pytest.raises(InvalidRequest) as refused:
        parse(BAD[name])
    assert refused.value.detail.startswith(("the body is ", "a string holds "))


@pytest.mark.parametrize("backslashes", range(1, 6))
def test_only_an_escape_of_nul_is_nul(backslashes):
    body = b'"' + b"\\" * backslashes + b'u0000"'
    if backslashes % 2:
        with pytest.raises(InvalidRequest):
            parse(body)
    else:
        assert parse(body) == "\\" * (backslashes // 2) + "u0000"


def test_the_deepest_allowed_nesting_is_allowed():
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


class Inner(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    some_name: Annotated[str, msgspec.Meta(pattern=trimmed_pattern(3, 5))]
    extra: dict[str, Any] = {}


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    items: list[Inner]
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


@pytest.mark.parametrize(
    ("value", "pointer", "detail"),
    [
        ([], "", "expected `object`, got `array`"),
        ({}, "/items", "is missing"),
        ({"items": [], "a/b~c": 1}, "/a~1b~0c", "is not a field of this request"),
        ({"items": [], "x" * 500: 1}, "/" + "x" * 64 + "…", "is not a field of this request"),
        ({"items": [], "`x`": 1}, "/`x`", "is not a field of this request"),
        ({"items": [], "count": 0}, "/count", "expected `int` >= 1"),
        ({"items": [{"someName": "abc"}, {}]}, "/items/1/someName", "is missing"),
        ({"items": [{"someName": "abc", "y": 1}]}, "/items/0/y", "is not a field of this request"),
        ({"items": [{"someName": " ab "}]}, "/items/0/someName", "expected 3 to 5 characters after trimming"),
        ({"items": [{"someName": "abc", "extra": 1}]}, "/items/0/extra", "expected `object`, got `int`"),
    ],
)
def test_a_broken_rule_is_named_by_a_json_pointer(value, pointer, detail):
    with pytest.raises(InvalidRequest) as refused:
        to_struct(value, Outer)
    (error,) = refused.value.errors
    assert (pointer, detail) == (error.pointer, error.detail)


def accepted(text, low, high):
    try:
        msgspec.convert(text, Annotated[str, msgspec.Meta(pattern=trimmed_pattern(low, high))])
    except msgspec.ValidationError as error:
        return in_words(str(error))
    return True


@given(st.text(), st.integers(2, 6), st.integers(0, 6))
def test_a_trimmed_length_is_counted_as_python_strips(text, low, more):
    fits = low <= len(text.strip()) <= low + more
    assert (fits or f"expected {low} to {low + more} characters after trimming") == accepted(text, low, low + more)


def test_the_spaces_of_the_pattern_are_those_that_python_strips():
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    assert re.findall(f"[{SPACE}]", everything) == [char for char in everything if char.isspace()]


@pytest.mark.parametrize("text", ["x", " " * 1_000_000, "a" + " " * 1_000_000, " " * 1_000_000 + "a", "a " * 500_000])
def test_a_long_text_of_spaces_is_judged_in_one_pass(text):
    assert accepted(text, 10, 12).startswith("expected 10 to 12")


@given(st.none() | st.text())
def test_blank_text_is_the_same_as_none(text):
    assert present(text) == (text.strip() if text and text.strip() else None)
