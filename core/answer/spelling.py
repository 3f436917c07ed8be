"""Chat speech in full words, so that a question means the same however it was typed."""

import re

# What people write for common words, in chats and with a slip: nothing that is a word of its own.
_SHORT = {
    "u": "you", "ya": "you", "r": "are", "ur": "your", "yr": "your", "hw": "how", "hou": "how",
    "wat": "what", "wot": "what", "wht": "what", "wats": "what is", "wots": "what is", "whts": "what is",
    "whn": "when", "wen": "when", "whens": "when is", "wher": "where", "whr": "where", "wer": "where",
    "hwo": "how", "mch": "much", "muc": "much", "mutch": "much", "n": "and", "nd": "and", "cn": "can", "cud": "could",
    "wud": "would", "shud": "should", "av": "have", "hav": "have", "hv": "have", "gt": "get", "abt": "about",
    "b4": "before", "2day": "today", "2moro": "tomorrow", "2morrow": "tomorrow", "2mrw": "tomorrow",
    "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow", "tomo": "tomorrow", "tomoz": "tomorrow",
    "tomoro": "tomorrow", "tommorow": "tomorrow", "tommorrow": "tomorrow", "tomorow": "tomorrow",
    "tomorro": "tomorrow", "2nite": "tonight", "2night": "tonight", "tonite": "tonight", "nite": "night",
    "l8": "late", "gr8": "great", "thx": "thanks", "thnx": "thanks", "tnx": "thanks", "ty": "thanks",
    "pls": "please", "plz": "please", "plse": "please", "nr": "number", "nmbr": "number", "numbr": "number",
    "num": "number", "tel": "telephone", "appt": "appointment", "apptmt": "appointment",
    "wk": "week", "wknd": "weekend", "wkend": "weekend", "xmas": "christmas", "bday": "birthday", "addy": "address",
    "addr": "address", "adress": "address", "bc": "because", "cos": "because", "cuz": "because", "ppl": "people",
    "gonna": "going to", "wanna": "want to", "yall": "you all", "hrs": "hours",
    "mins": "minutes", "yrs": "years", "pp": "per person", "teh": "the",
    "pric": "price", "prce": "price", "opn": "open", "cls": "close", "bk": "book",
}  # fmt: skip
# Of some a word only where the next one makes it so: "4 u", "w/ wash", "2 kids" is a number.
_IN_CONTEXT = ((re.compile(r"\bw/o\s?", re.IGNORECASE), "without "), (re.compile(r"\bw/\s?", re.IGNORECASE), "with "))
_AGE = re.compile(r"\b(\d{1,3})\s?(?:y/o|yo|yrs? old|y\.o\.)(?!\w)", re.IGNORECASE)
_WORD = re.compile(r"(?<![\w@.'’/-])[A-Za-z0-9]{1,8}(?![\w@'’/-])(?!\.\w)")  # noqa: RUF001 - apostrophes as people type them
_INITIAL = re.compile(r"[A-Z]")


def spelled(text: str) -> str:
    """The text with chat speech written out; names, addresses and numbers stay as they are."""
    for pattern, full in _IN_CONTEXT:
        text = pattern.sub(full, text)
    return _WORD.sub(_full, _AGE.sub(r"\1 year old", text))


def _full(match: re.Match[str]) -> str:
    word = match[0]
    # A capital within a sentence begins a name: "Ty" is somebody, "R" may be.
    if _INITIAL.match(word) and match.start() and not match.string.isupper():
        return word
    return _SHORT.get(word.lower(), word)
