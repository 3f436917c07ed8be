"""A price is told of what is asked for and of nothing else; asked of a phone repairer, a groomer and a boat hire."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidRequest
from core.facts.check import check
from core.facts.spans import Span, meets, spans_in
from tests.parts.stating import shop, told, told_alike

PHONES = shop(
    prices=[
        {"service": "Screen replacement", "amount": 8900, "minutes": 45, "alsoCalled": ["New screen", "Broken screen"]},
        {"service": "Battery replacement", "amount": 4900, "variant": "phones"},
        {"service": "Battery replacement", "amount": 9900, "variant": "laptops"},
        {"service": "Port cleaning", "amount": 1500},
        {"service": "Data recovery", "amount": 12000, "startingAt": True, "alsoCalled": ["Water damage"]},
        {"service": "Basic check-up", "amount": 0, "alsoCalled": ["Diagnosis"]},
        {"service": "Full check-up", "amount": 2500},
        {"service": "Case", "amount": 1200},
        {"service": "Case and screen protector", "amount": 2000},
    ],
    staff=[{"name": "Nia", "role": "screen fitter", "days": ["monday"]}, {"name": "Bo", "role": "data recoverer"}],
)  # fmt: skip
DOGS = shop(
    prices=[
        {"service": "Bath", "amount": 2000, "variant": "small dogs"},
        {"service": "Bath", "amount": 3500, "variant": "large dogs"},
        {"service": "Nail trim", "amount": 900, "minutes": 15},
        {"service": "Fringe trim", "amount": 700},
        {"service": "Mother and pup groom", "amount": 5500, "alsoCalled": ["Mother and pup"]},
        {"service": "Home visit", "amount": 1500, "note": "On top of the groom."},
    ],
)
BOATS = shop(
    prices=[
        {"service": "Canoe hire", "amount": 1800, "variant": "half day", "alsoCalled": ["Canoe rental"]},
        {"service": "Canoe hire", "amount": 3000, "variant": "full day", "alsoCalled": ["Canoe rental"]},
        {"service": "Motorboat hire", "amount": 9000, "variant": "full day"},
        {"service": "Locker", "amount": 300, "variant": "per day"},
        {"service": "Sailing lesson", "amount": 6000, "minutes": 90},
        {"service": "Season pass", "amount": 20000, "alsoCalled": ["Annual ticket"]},
        {"service": "Day ticket", "amount": 1000},
    ],
)
SCREEN = "Screen replacement: £89, 45 minutes."
NAIL = "Nail trim: £9, 15 minutes."
HALF, FULL = "Canoe hire, half day: £18.", "Canoe hire, full day: £30."


@pytest.mark.parametrize(
    ("stated", "question"),
    [
        (PHONES, "how much is a screen"),
        (PHONES, "how much is a phone"),
        (PHONES, "what does a battery cost"),
        (PHONES, "how much is a port"),
        (PHONES, "how much is water"),
        (PHONES, "how much to store my data"),
        (PHONES, "how much is a standard battery"),
        (PHONES, "how much is a basic screen"),
        (PHONES, "how much is a protector"),
        (PHONES, "how much is a phone per month"),
        (PHONES, "how much is a screen replacement without the screen"),
        (PHONES, "is a screen free"),
        (DOGS, "how much is a mother"),
        (DOGS, "how much is a dog"),
        (DOGS, "how much is a large dog"),
        (DOGS, "how much is a nail"),
        (DOGS, "how much is a home"),
        (DOGS, "what's the price of a pup"),
        (DOGS, "how much to store a bath"),
        (DOGS, "what is the price of storing a bath"),
        (BOATS, "how much is a canoe"),
        (BOATS, "how much is a motorboat for half a day"),
        (BOATS, "how much is canoe hire for a week"),
        (BOATS, "how much is a sailing lesson per day"),
        (BOATS, "how much is a locker for an hour"),
        (BOATS, "how much is a season"),
    ],
)
def test_the_price_of_another_thing_is_never_told(stated, question):
    assert told(stated, question) is None


@pytest.mark.parametrize(
    ("stated", "question", "text"),
    [
        (PHONES, "how much is a screen replacement", SCREEN),
        (PHONES, "how much to replace my broken screen", SCREEN),
        (PHONES, "how much is a new screen?", SCREEN),
        (PHONES, "how much is a standard screen replacement", SCREEN),
        (PHONES, "how much is a screen replacement in your shop", SCREEN),
        (PHONES, "how much to clean a port", "Port cleaning: £15."),
        (PHONES, "how much is a basic check-up", "Basic check-up: free."),
        (PHONES, "is the diagnosis free", "Basic check-up: free."),
        (PHONES, "how much is a check-up", "Basic check-up: free. Full check-up: £25."),
        (PHONES, "how much is a case", "Case: £12."),
        (PHONES, "how much is a case and a screen replacement", f"Case: £12. {SCREEN}"),
        (DOGS, "how much is a trim", f"{NAIL} Fringe trim: £7."),
        (DOGS, "how much is a bath for a large dog", "Bath, large dogs: £35."),
        (DOGS, "how much for mother and pup", "Mother and pup groom: £55."),
        (BOATS, "how much to rent a canoe", f"{HALF} {FULL}"),
        (BOATS, "how much to rent a canoe for a day", FULL),
        (BOATS, "canoe hire for half a day, how much", HALF),
        (BOATS, "what does a motorboat rental cost", "Motorboat hire, full day: £90."),
        (BOATS, "how much is a locker for three days", "Locker, per day: £3."),
        (BOATS, "how much is a 90 minute sailing lesson", "Sailing lesson: £60, 90 minutes."),
        (BOATS, "how much is a day ticket", "Day ticket: £10."),
    ],
)
def test_what_is_named_in_full_or_by_what_it_is_has_its_price(stated, question, text):
    assert text == told(stated, question)


@pytest.mark.parametrize(
    ("stated", "question", "text"),
    [
        (PHONES, "do you do screen replacement?", f"Yes. {SCREEN}"),
        (PHONES, "can you replace screens", f"Yes. {SCREEN}"),
        (PHONES, "do you offer data recovery", "Yes. Data recovery: from £120."),
        (PHONES, "do you clean ports", "Yes. Port cleaning: £15."),
        (DOGS, "hi, do you do nail trims", f"Yes. {NAIL}"),
        (DOGS, "do you trim nails?", f"Yes. {NAIL}"),
        (BOATS, "do you have day tickets", "Yes. Day ticket: £10."),
        (BOATS, "do you rent out canoes", f"Yes. {HALF} {FULL}"),
    ],
)
def test_what_has_a_price_is_done(stated, question, text):
    assert text == told(stated, question)


@pytest.mark.parametrize(
    ("stated", "question"),
    [
        (PHONES, "do you like screen replacement"),
        (PHONES, "do you do screens"),
        (PHONES, "do you do screen replacement on tablets"),
        (DOGS, "do you trim cats"),
        (DOGS, "do you do trims at the zoo"),
        (BOATS, "do you rent canoes for a week"),
    ],
)
def test_what_has_none_is_left_to_the_passages(stated, question):
    assert told(stated, question) is None


@pytest.mark.parametrize(
    ("before", "question", "text"),
    [
        (["how much is a pedalo for the day"], "and half a day?", None),
        (["how much is a canoe rental for the day"], "and half a day?", HALF),
        (["how much is a motorboat hire for the day"], "and for half a day?", None),
        (["how much is a locker"], "and canoe hire?", f"{HALF} {FULL}"),
    ],
)
def test_a_follow_up_keeps_the_word_that_nothing_is_known_of(before, question, text):
    assert text == told(BOATS, question, *before)


def test_who_does_it_is_asked_of_people():
    assert told(PHONES, "and who does it?", "how much is data recovery") == "Bo: data recoverer."
    assert told(PHONES, "who fits screens") == "Nia: screen fitter, works Monday."


def test_of_what_has_no_price_those_that_are_named_alike_are_told_as_such():
    like = "I know no price of just that. Our price list names: "
    assert f"{like}{SCREEN} Case and screen protector: £20." == told_alike(PHONES, "how much is a screen")
    assert f"{like}{HALF} {FULL}" == told_alike(BOATS, "how much is a canoe")
    assert told_alike(PHONES, "how much is a tablet screen") is None
    assert told_alike(PHONES, "how much to store a screen") is None
    assert told_alike(PHONES, "how much is a case without a screen protector") is None
    assert told_alike(DOGS, "is a nail free") is None


def test_more_prices_than_can_be_told_are_not_told_in_part():
    names = ("Mint", "Rose", "Lime", "Sage", "Plum", "Pear", "Oat", "Fig", "Nut")
    many = shop(prices=[{"service": f"{name} tea", "amount": 300} for name in names])
    assert told(many, "how much is a tea") is None
    assert told(many, "how much is a mint tea") == "Mint tea: £3."


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("per hour", {Span(60, "minute", rate=True)}),
        ("half an hour", {Span(30, "minute")}),
        ("for 3 days", {Span(3, "day")}),
        ("a full day", {Span(1, "day")}),
        ("two weeks", {Span(2, "week")}),
        ("monthly", {Span(1, "month", rate=True)}),
        ("day dress", set()),
        ("today", set()),
    ],
)
def test_spans_are_read_in_figures_and_words(text, spans):
    assert spans == spans_in(text)


_NUMBERS = st.integers(min_value=1, max_value=9999)
_UNITS = st.sampled_from(["minute", "hour", "day", "night", "week", "month", "year"])


@given(_NUMBERS, _UNITS, _NUMBERS, _UNITS)
def test_a_price_for_one_span_answers_for_no_other(count, unit, other, of):
    minutes = {"minute": 1, "hour": 60}
    same = count * minutes.get(unit, 1) == other * minutes.get(of, 1) and (unit in minutes, of in minutes) in {
        (True, True),
        (False, False),
    }
    same = same and (unit in minutes or unit == of)
    assert same == meets(spans_in(f"for {count} {unit}s"), spans_in(f"{other} {of}s"))


@given(st.sampled_from(PHONES.facts.prices), st.data())
def test_less_than_a_name_without_what_a_thing_is_has_no_price(price, data):
    """Of a name of several words any part that lacks the last one, and is no whole name, is a price of nothing."""
    words = [word for word in price.service.lower().split()[:-1] if word != "and"]
    whole = {name.lower() for one in PHONES.facts.prices for name in (one.service, *one.also_called)}
    part = " ".join(data.draw(st.lists(st.sampled_from(words or ["nothing"]), min_size=1, unique=True)))
    if part not in whole:
        assert told(PHONES, f"how much is a {part}") is None


def test_a_thing_has_one_price_on_the_same_days():
    def priced(*changes):
        return shop(prices=[{"service": "Bath", "amount": 100, **change} for change in changes]).facts

    check(priced({}, {"variant": "large"}, {"days": ["monday"]}, {"days": ["tuesday", "friday"]}))
    for twice in (({}, {"amount": 200}), ({"days": ["monday"]}, {"days": ["monday", "friday"]})):
        with pytest.raises(InvalidRequest, match="second price of Bath"):
            check(priced(*twice))
