"""A passage in the pieces that are embedded beside the whole: a long text's vector says little of each sentence."""

import re

# Measured on six sets of questions: sentences for short texts, windows of 70 words otherwise (docs/decisions).
WINDOW_WORDS = 70
# A script without blanks has no words to count: its windows end here.
WINDOW_CHARS = 600
# "Yes." or "e.g." alone says nothing: shorter sentences go with the next.
SENTENCE_WORDS = 3
# An upload of a whole book must not keep the model for minutes; its windows grow instead.
MOST_CHUNKS = 256

_SENTENCE_END = re.compile(r"([.!?…][\"'”’)\]]*)\s+|([。！？]+)")  # noqa: RUF001 - these are meant


def pieces(content: str) -> list[str]:
    """What is embedded of a passage: first the whole, then its chunks."""
    return [content, *chunks(content)]


def chunks(text: str) -> list[str]:
    """Cut `text` into pieces in order, none when the only piece would be the text itself.

    Up to WINDOW_WORDS words: its sentences. Longer: runs of whole sentences, each of at most WINDOW_WORDS words.
    """
    words = len(text.split())
    pieces = [piece for sentence in _sentences(text) for piece in _bounded(sentence)]
    if words > WINDOW_WORDS or len(text) > WINDOW_CHARS:
        pieces = _packed(pieces, WINDOW_WORDS, WINDOW_CHARS)
    while len(pieces) > MOST_CHUNKS:
        pieces = [" ".join(pieces[at : at + 2]) for at in range(0, len(pieces), 2)]
    return pieces if len(pieces) > 1 else []


def runs(text: str, most_words: int, most_chars: int) -> list[str]:
    """Cut `text` into runs of whole sentences within both bounds, in order; too long a sentence is cut itself."""
    return _packed([piece for sentence in _sentences(text) for piece in _bounded(sentence)], most_words, most_chars)


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    held = ""
    for part in _SENTENCE_END.sub(r"\1\2\n", text).splitlines():
        held = " ".join([*held.split(), *part.split()])
        if len(held.split()) >= SENTENCE_WORDS or len(held) >= WINDOW_CHARS // 10:
            found.append(held)
            held = ""
    if held and found:
        found[-1] = f"{found[-1]} {held}"
    elif held:
        found.append(held)
    return found


def _bounded(sentence: str) -> list[str]:
    """Cut a sentence that is longer than a window at words, and a word that is longer than one anywhere."""
    words = [word[at : at + WINDOW_CHARS] for word in sentence.split() for at in range(0, len(word), WINDOW_CHARS)]
    return _packed(words, WINDOW_WORDS, WINDOW_CHARS)


def _packed(pieces: list[str], most_words: int, most_chars: int) -> list[str]:
    packed: list[str] = []
    words = chars = 0
    for piece in pieces:
        more = len(piece.split())
        if packed and words + more <= most_words and chars + 1 + len(piece) <= most_chars:
            packed[-1] += f" {piece}"
            words, chars = words + more, chars + 1 + len(piece)
        else:
            packed.append(piece)
            words, chars = more, len(piece)
    return packed
