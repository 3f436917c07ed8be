"""What an answer is: given, refused as an overloaded system should, held back by the rate limit, or broken."""

from typing import Any, Literal

Outcome = Literal["answered", "refused", "limited", "broken"]

OK, TOO_MANY, UNAVAILABLE = 200, 429, 503
PROBLEM = "application/problem+json"
REFUSED = ", refused"


def outcome_of(status: int, headers: Any) -> Outcome:
    """What a status with these headers (anything with `get`) is; a 503 must say when to come back, 0 is no answer."""
    if status == OK:
        return "answered"
    if status == TOO_MANY:
        return "limited"
    tells_when = str(headers.get("retry-after", "")).isdigit()
    if status == UNAVAILABLE and tells_when and PROBLEM in str(headers.get("content-type")):
        return "refused"
    return "broken"


def told(outcome: Outcome, status: int, error: object = None) -> str:
    """The failure as statistics group it: few different sentences."""
    if outcome == "refused":
        return "refused: 503 with Retry-After"
    if outcome == "limited":
        return "limited: 429, name this machine in the instance's EDGE_RATE_LIMIT_EXEMPT"
    if not status:
        return f"broken: no answer ({type(error).__name__})"
    return f"broken: status {status}"
