"""Requests to the embedded model server, as bytes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.modelserver.protocol import EmbedRequest, Refusal, decode, texts_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.binary() | JSON.map(msgspec.json.encode))
def test_whatever_the_bytes_are_they_make_a_request_or_a_refusal(body):
    try:
        outcome = decode(body, EmbedRequest)
    except Refusal as refusal:
        outcome = refusal
    assert isinstance(outcome, EmbedRequest) or (outcome.status == 400 and outcome.message)


@given(st.lists(st.text()))
def test_a_list_of_texts_stays_as_it_is(texts):
    assert texts_of(texts) == texts


@given(
    st.booleans()
    | st.integers()
    | st.floats()
    | st.dictionaries(st.text(), st.text())
    | st.lists(st.integers(), min_size=1)
)
def test_what_is_no_text_is_refused(value):
    with pytest.raises(Refusal):
        texts_of(value)


def test_a_body_that_is_too_deep_is_refused():
    with pytest.raises(Refusal):
        decode(b'{"input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", EmbedRequest)
