"""Errors that nginx itself answers, as problem+json (RFC 9457) in the words of the HTTP contract."""

import json
import math

import msgspec

from nginx.directives import block, directive

PROBLEM_TYPE_PREFIX = "urn:problem-type:cutting-edge:"
PREFIX = "/-/problem/"


class Problem(msgspec.Struct, frozen=True):
    """One kind of problem and the statuses of nginx that become it.

    `named` keeps the request's method for the log, and needs a request whose URI was read: nginx answers 500 when it
    enters a named location without one, so that what fails earlier goes through a path instead.
    """

    status: int
    kind: str
    title: str
    detail: str
    caught: tuple[int, ...]
    named: bool = True
    retry: bool = False

    @property
    def target(self) -> str:
        """Where `error_page` sends the request."""
        return f"@problem-{self.status}" if self.named else f"{PREFIX}{self.status}"

    def body(self) -> str:
        """The JSON text; nginx puts the request's id where `$request_key` stands."""
        fields = {
            "type": PROBLEM_TYPE_PREFIX + self.kind,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": "$request_key",
            "error": self.detail,
        }
        return json.dumps(fields, separators=(",", ":"))


# 501 (an unknown transfer encoding) and 505 are the caller's doing here, and the contract knows no 5xx but 503.
# 494 to 497 are nginx's own numbers: headers too large, client certificates, plain HTTP on a TLS port.
PROBLEMS = (
    Problem(
        status=400,
        kind="invalid-request",
        title="The request is not valid",
        detail="The request is not well-formed HTTP that this server takes.",
        caught=(400, 495, 496, 497, 501, 505),
        named=False,
    ),
    Problem(
        status=404,
        kind="not-found",
        title="Not found",
        detail="There is nothing at this address.",
        caught=(403, 404),
    ),
    Problem(
        status=405,
        kind="method-not-allowed",
        title="Method not allowed",
        detail="This method is not allowed here.",
        caught=(405,),
    ),
    Problem(
        status=413,
        kind="payload-too-large",
        title="The body is too large",
        detail="The body is larger than this address takes.",
        caught=(413,),
    ),
    Problem(
        status=414,
        kind="uri-too-long",
        title="The address is too long",
        detail="The address with its query is longer than 8 KiB.",
        caught=(414,),
        named=False,
    ),
    Problem(
        status=421,
        kind="misdirected-request",
        title="Misdirected request",
        detail="This connection was opened for another host name.",
        caught=(421,),
        named=False,
    ),
    Problem(
        status=429,
        kind="too-many-requests",
        title="Too many requests",
        detail="This address sent more requests than it may; try again later.",
        caught=(429,),
        retry=True,
    ),
    Problem(
        status=431,
        kind="headers-too-large",
        title="The headers are too large",
        detail="A header is larger than 8 KiB, or all of them together than 32 KiB.",
        caught=(494,),
        named=False,
    ),
    Problem(
        status=503,
        kind="unavailable",
        title="Temporarily unavailable",
        detail="The function behind this address does not answer; try again in a moment.",
        caught=(500, 502, 503, 504),
        retry=True,
    ),
)
UNAVAILABLE_RETRY_S = 2


def seconds_a_request(rate_limit: int) -> int:
    """After how many whole seconds one more request is let in; nginx counts a rate in thousandths a second."""
    return math.ceil(1000 / max(1, rate_limit * 1000 // 60))


def error_pages() -> list[str]:
    """Send each error of nginx to its problem; answers that functions gave pass as they are."""
    return [directive("error_page", *problem.caught, f"={problem.status}", problem.target) for problem in PROBLEMS]


def problem_locations(common_headers: list[str], rate_limit: int) -> list[str]:
    """The locations that `error_pages` names; headers are repeated since a location's own drop the inherited."""
    lines: list[str] = []
    for problem in PROBLEMS:
        retry_s = seconds_a_request(rate_limit) if problem.status == 429 else UNAVAILABLE_RETRY_S  # noqa: PLR2004
        own = [directive("add_header", "Retry-After", retry_s, "always")] if problem.retry else []
        if problem.status == 405:  # noqa: PLR2004
            own = [directive("add_header", "Allow", "$allowed", "always")]
        body = [
            *([] if problem.named else ["internal;"]),
            "default_type application/problem+json;",
            *([*common_headers, *own] if own else []),
            directive("return", problem.status, problem.body()),
        ]
        lines += block(("location", problem.target) if problem.named else ("location", "=", problem.target), body)
    return lines
