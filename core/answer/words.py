"""Words as questions and answers share them: lower case, without accents, their endings off, typing errors forgiven."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

# The letters of a code and its number are two words, with or without a hyphen between them: gn5294, GN-5294.
_WORD = re.compile(r"[a-z]+(?=\d)|[a-z0-9]+(?:['\u2019][a-z]+)?|[£$€¥]")
_IRREGULAR = {
    "children": "child", "kids": "child", "kid": "child", "men": "man", "mens": "man", "women": "woman",
    "womens": "woman", "ladies": "woman", "lady": "woman", "gents": "man", "gentlemen": "man", "opened": "open",
    "opening": "open", "closing": "close", "closed": "close", "paid": "pay", "trimmed": "trim", "shaven": "shave",
    "tyres": "tyre", "tires": "tyre", "tire": "tyre", "colour": "color", "coloring": "color", "colouring": "color",
    "grey": "gray", "amex": "american", "moustache": "mustache", "photos": "photo", "bikes": "bicycle",
    "bike": "bicycle", "veggie": "vegetarian", "monthly": "month", "weekly": "week", "yearly": "year",
    "annual": "year", "annually": "year", "sold": "sell", "bought": "buy", "brought": "bring", "taught": "teach",
    "spoken": "speak", "taken": "tak", "given": "giv", "kept": "keep", "worn": "wear", "made": "mak", "done": "do",
    "lost": "los", "reserve": "book", "reserved": "book", "reserving": "book", "reservation": "book",
    "reservations": "book", "concessions": "concession", "pensioners": "pensioner", "seniors": "pensioner",
    "senior": "pensioner", "restroom": "toilet", "restrooms": "toilet", "bathroom": "toilet", "bathrooms": "toilet",
    "loo": "toilet", "washroom": "toilet", "celiacs": "celiac", "coeliac": "celiac", "coeliacs": "celiac",
    "dogs": "dog", "puppy": "dog", "cancelled": "cancel", "cancelling": "cancel", "cancellation": "cancel",
    "canceled": "cancel", "pizzas": "pizza", "mins": "minut", "min": "minut", "hrs": "hour", "teacher": "teach",
    "teachers": "teach", "owner": "own", "owners": "own", "manager": "manag", "managers": "manag",
    "allowed": "welcom", "permitted": "welcom", "rent": "hir", "rents": "hir", "rented": "hir", "renting": "hir",
    "rental": "hir", "rentals": "hir", "warranty": "guarante", "warranties": "guarante", "motorbike": "motorcycl",
    "motorbikes": "motorcycl", "fix": "repair", "fixes": "repair", "fixed": "repair", "fixing": "repair",
    "vehicle": "car", "vehicles": "car", "insurer": "insur", "insurers": "insur", "insurance": "insur",
    "goes": "go", "went": "go", "gone": "go", "flown": "fly", "eaten": "eat",
    "drunk": "drink", "written": "writ", "driven": "driv", "ridden": "rid", "slept": "sleep", "swum": "swim",
    "built": "build", "sent": "send", "broken": "break", "chosen": "choos", "frozen": "freez", "stolen": "steal",
    "torn": "tear", "thrown": "throw", "grown": "grow", "left": "leav", "refundable": "refund",
}  # fmt: skip


def words_of(text: str) -> list[str]:
    """The words of a list that is written as one text."""
    return text.split()


STOP = frozenset(
    words_of(
        "a an the and or but if so to of in on at per for from by with without as is are was were be been being "
        "am do does did doing done have has had having can could will would shall should may might must i me "
        "my mine you your yours u ur he she it its they them their we us our this that these those there here "
        "what which who whom whose when where why how any some also just please pls thanks thank hi hello hey "
        "ok okay yes no not get got give want wanted need like tell know think say said about into out up "
        "down then than too very really much many more most all each every another one ones something "
        "anything someone anyone need lets let s t m re ve ll d m im ive id whats hows wheres dont doesnt "
        "youre youve youll theyre theyve weve hes shes theres thats itll arent wasnt werent wont wouldnt "
        "couldnt shouldnt didnt havent hasnt wanna gonna yall "
        "isnt cant really mate guys actually maybe exactly again still ever"
    )
)


# Things that go by several words, or by one that is written in two.
_ONE_WORDING = tuple(
    (re.compile(pattern, re.IGNORECASE), wording)
    for pattern, wording in (
        (r"\bsecond[ -]?hand\b|\bpre-?(?:owned|loved)\b", "used"),
        (r"\bgift[ -](?:card|certificate|token|voucher)s?\b", "voucher"),
        (r"\bmoney back\b", "money back refund"),
        (r"\bnear by\b", "nearby"),
        (r"\bwi-fi\b", "wifi"),
        (r"\brailway station\b", "train station"),
        (r"\b(\d+)[ -]years?[ -]olds?\b", r"\1"),
        (r"\bair[ -]?con(?:ditioning|ditioned)?\b", "aircon"),
        (r"\b(set|hook|check|top|pick|tune|sign|drop|walk|take|clean|line)[ -](up|in|off|out)(s?)\b", r"\1\2\3"),
    )
)
# By their capitals: a polish is no language.
LANGUAGE = re.compile(
    r"\b(?:English|French|German|Spanish|Italian|Portuguese|Polish|Dutch|Swedish|Danish|Norwegian|Finnish|Greek|Turkish|"
    r"Arabic|Russian|Ukrainian|Romanian|Bulgarian|Hungarian|Czech|Welsh|Gaelic|Irish|Hindi|Urdu|Punjabi|Bengali|Chinese|"
    r"Mandarin|Cantonese|Japanese|Korean|Vietnamese)\b"
)


def plain(text: str) -> str:
    """Lower case, accents gone, one kind of apostrophe."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u2019", "'"))
    return "".join(one for one in decomposed if not unicodedata.combining(one)).lower()


@lru_cache(maxsize=4096)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text in order, plain, possessives off."""
    return tuple(word.removesuffix("'s").replace("'", "") for word in _WORD.findall(plain(text)))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without its ending: crude, but the same for both sides."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    for ending, put in (
        ("ies", "y"),
        ("ings", ""),
        ("ing", ""),
        ("ied", "y"),
        ("ctions", "ct"),
        ("ction", "ct"),
        ("ations", "at"),
        ("ation", "at"),
        ("ed", ""),
        ("es", ""),
        ("s", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):  # noqa: PLR2004
            word = word[: -len(ending)] + put
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiosl":  # noqa: PLR2004 - trimm(ed), not fuss
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word  # noqa: PLR2004


def vocabulary(text: str) -> frozenset[str]:
    """The stems of a list of words that is written as one text."""
    return frozenset(stem(word) for word in text.split())


@lru_cache(maxsize=4096)
def stems(text: str) -> tuple[str, ...]:
    """The stems of a text's words in order."""
    return tuple(stem(word) for word in tokens(text))


@lru_cache(maxsize=4096)
def reworded(text: str) -> str:
    """The text with one wording for things that have several, so that a question and a passage use the same."""
    for pattern, wording in _ONE_WORDING:
        text = pattern.sub(wording, text)
    return text


def content(text: str) -> list[str]:
    """The stems that carry meaning, in order, each once."""
    return list(dict.fromkeys(stem(word) for word in tokens(text) if word not in STOP))


def same(left: str, right: str) -> bool:
    """Whether two stems are one word, up to a slip of the finger in longer ones."""
    if left == right:
        return True
    shorter = min(len(left), len(right))
    if shorter < 4 or left[0] != right[0] or left.isdigit() or right.isdigit():  # noqa: PLR2004
        return False
    return one_slip(left, right) if shorter < 8 else distance_within(left, right, 2)  # noqa: PLR2004


def among(word: str, others: Iterable[str]) -> bool:
    """Whether one of the stems is the same word."""
    return any(same(word, other) for other in others)


def listed(word: str, known: Iterable[str]) -> bool:
    """Whether a stem is one of a list of common words, slips forgiven in long ones only: a coat is not a cost.

    In short ones, which have many neighbours, only two letters that changed places are a slip.
    """
    if word in known or len(word) >= 6:  # noqa: PLR2004
        return word in known or among(word, known)
    return len(word) > 3 and any(swapped(word, other) for other in known)  # noqa: PLR2004


def swapped(left: str, right: str) -> bool:
    """Whether two neighbouring letters changed places, and nothing else."""
    return left != right and sorted(left) == sorted(right) and one_slip(left, right)


def one_slip(left: str, right: str) -> bool:
    """Whether one letter was left out, added, exchanged, or two neighbours swapped."""
    return distance_within(left, right, 1)


@lru_cache(maxsize=65536)
def distance_within(left: str, right: str, most: int) -> bool:
    """Whether the optimal string alignment distance is at most `most`."""
    if abs(len(left) - len(right)) > most:
        return False
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        older, before, row = before, row, [i]
        for j, b in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return False
    return row[-1] <= most
