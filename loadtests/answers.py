"""What is wrong with an answer, in words that statistics group by; None where it is what was promised."""

from typing import Any

from loadtests.criteria import DEGRADED, LOST, MISSING, WRONG

Answer = dict[str, Any]
# Of chat: the passages' own words in the place of a chat model that is busy are what a full system promises.
STILL_PROMISED = frozenset({"llm"})


def search_fault(question: str, answer: Answer, *, least: int = 0) -> str | None:
    """Of an answer to a search: less than meaning and words of this moment, or none to this question.

    `least`: how many results there must be.
    """
    found = [result["similarity"] for result in answer["results"]]
    if answer["query"] != question or answer["count"] != len(found) or found != sorted(found, reverse=True):
        return f"{WRONG} not what was found for this question, best first"
    if len(found) < least:
        return f"{MISSING} nothing was found, whatever it is worth"
    return _degraded(answer)


def chat_fault(answer: Answer) -> str | None:
    """Of an answer of the assistant, whole: it says nothing, or less than it should, or is not kept."""
    if not answer["success"] or not answer["response"] or not answer["conversationId"]:
        return f"{WRONG} the assistant said nothing"
    if not answer.get("recorded", True):
        return f"{LOST} the answer is not kept"
    return None if answer.get("degraded") in STILL_PROMISED else _degraded(answer)


def accepted_fault(answer: Answer) -> str | None:
    """Of an answer to what was written."""
    return None if answer["success"] is True else f"{WRONG} it was not taken"


def health_fault(answer: Answer) -> str | None:
    """Of the health page."""
    return None if answer["status"] in {"ok", "degraded"} else f"{WRONG} no state that goes with a 200"


def _degraded(answer: Answer) -> str | None:
    rung = answer.get("degraded")
    return f"{DEGRADED} {rung}" if rung is not None else None
