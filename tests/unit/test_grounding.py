"""What an answer claims and its evidence lacks is found; what stands there in another form is not."""

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answer.grounding import ungrounded

PLAIN = st.text(alphabet="abcdefghij ", max_size=30)
EVIDENCE = [
    "A beard trim costs £14 and takes 20 minutes, with Marcus Adeyemi.",
    "Open Tuesday to Friday 9:00 to 17:00, closed on 25 December.",
    "Write to hello@shop.example, call 01632 960118 or see shop.example/book.",
    "Oat milk is 40p extra.",
]


@pytest.mark.parametrize(
    "text",
    [
        "It is £14.", "14 pounds", "It costs 14.00 pounds", "£14.00", "20 minutes", "twenty minutes", "5pm", "17:00",
        "until 5:00 p.m.", "from 9am", "9 o'clock", "Tue", "Wednesday", "We are open on Thursdays", "Tue-Fri", "Dec 25",
        "the 25th of December", "2026-12-25 is 25/12", "Marcus does it", "hello@shop.example", "+44 1632 960118",
        "https://shop.example/book", "£0.40 extra", "Unfortunately, that is all.", "from 9 to 5 pm",
    ],
)  # fmt: skip
def test_the_same_in_another_form_is_grounded(text):
    assert [] == [one for one in ungrounded(text, EVIDENCE) if one not in {"2026", "25", "12"}]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("It is £15.", ["£15"]),
        ("£20", ["£20"]),
        ("14 minutes", ["14"]),
        ("until 6pm", ["6pm"]),
        ("on Saturday", ["Saturday"]),
        ("Mon-Fri", ["Mon-Fri"]),
        ("on 26 December", ["26 December"]),
        ("Ask Kevin.", ["Kevin"]),
        ("Kevin charges more", ["Kevin"]),
        ("sales@shop.example", ["sales@shop.example"]),
        ("Call 01632 960119", ["01632 960119"]),
        ("www.other.example", ["www.other.example"]),
        ("five pounds", ["five"]),
    ],
)
def test_what_the_evidence_lacks_is_found(text, missing):
    assert missing == ungrounded(text, EVIDENCE)


@given(st.lists(st.sampled_from(EVIDENCE), min_size=1, max_size=4))
def test_evidence_grounds_itself_in_any_order(pieces):
    assert [] == ungrounded(" ".join(pieces), EVIDENCE)


@given(st.integers(0, 99_999), st.integers(0, 99), PLAIN, PLAIN)
def test_a_price_is_grounded_by_its_own_amount_in_any_form_and_by_no_other(pounds, pence, before, after):
    amount = f"{pounds}.{pence:02d}"
    evidence = [f"{before} £{amount} {after}"]
    assert [] == ungrounded(f"{amount} pounds", evidence)
    assert [] == ungrounded(f"that is £{pounds:,}.{pence:02d}.", evidence)
    assert [f"£{pounds + 1}.{pence:02d}"] == ungrounded(f"£{pounds + 1}.{pence:02d}", evidence)


@given(st.times(), st.times())
def test_a_time_is_grounded_by_the_same_minute_only(told, said):
    told, said = time(told.hour, told.minute), time(said.hour, said.minute)
    half = f"{said.hour % 12 or 12}:{said.minute:02d}{'pm' if said.hour >= 12 else 'am'}"
    for form in (half, f"{said:%H:%M}", half.replace("m", ".m.").replace(":", ".")):
        assert (told == said) is (ungrounded(form, [f"{told:%H:%M}"]) == [])


@given(PLAIN, st.lists(PLAIN, max_size=3))
def test_words_alone_claim_nothing(text, evidence):
    assert [] == ungrounded(text, evidence)


@given(st.text(max_size=200), st.lists(st.text(max_size=100), max_size=3))
def test_no_text_is_too_strange(text, evidence):
    assert [] == ungrounded(text, [*evidence, text])
