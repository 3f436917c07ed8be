"""The scenarios by name: who comes, how many and when, and what the run is held to."""

from functools import partial

import msgspec

from loadtests.criteria import (
    AFTER_WRITE,
    BROKEN,
    CHAT,
    CHAT_OF_A_SHOP,
    DEFECTS,
    DOUBLED,
    EACH_SEARCH,
    ERROR_RATE,
    FOREIGN,
    FROM_A_SHOP,
    FULL,
    HITS,
    LATE_P95,
    LEVELS,
    LIST_OF_A_SHOP,
    MISSING,
    OF_A_SHOP,
    PROMISED,
    RATE,
    RATINGS,
    REFUSED,
    REQUESTS,
    RESPONSE,
    SEARCHED,
    STALE,
    best_goodput,
    counted,
    kept,
    none_of,
    offered_more,
    refused_share,
    some_right,
    told_rate,
)
from loadtests.shops import OWNERS, SHOPPERS
from loadtests.verdict import Criterion, of_a_short_run, time_limit
from ops.slo.levels import Stage


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A load and its criteria. Times are multiplied by EDGE_LOAD_SCALE, `questions` (different ones) too.

    `shops` are shops of its own, for which it needs a key. Without `stages` users come until the system is full, and
    then twice as many for `hold_s` each.
    """

    name: str
    summary: str
    user: str
    criteria: tuple[Criterion, ...]
    stages: tuple[Stage, ...] = ()
    hold_s: float = 0.0
    questions: int = 1000
    shops: range = range(0)
    deploys: int = 0

    def criteria_at(self, scale: float) -> tuple[Criterion, ...]:
        """What a run of this scale is held to."""
        return self.criteria if scale >= 1 else tuple(map(of_a_short_run, self.criteria))

    @property
    def limit_ms(self) -> float:
        """What the picture draws across."""
        return PROMISED.search_s * 1000

    @property
    def length_s(self) -> float:
        """How long it takes at full length, as far as that is known."""
        return self.stages[-1].end_s if self.stages else self.hold_s * 4


def _stages(*points: tuple[float, int]) -> tuple[Stage, ...]:
    return tuple(Stage(end_s, users) for end_s, users in points)


RAMP = Scenario(
    name="ramp",
    summary="the promise: visitors who search, up to 50 of them",
    user="Searcher",
    stages=LEVELS.ramp,
    questions=5000,
    criteria=(REQUESTS, RATE, *EACH_SEARCH, *SEARCHED, *RESPONSE, ERROR_RATE, *HITS, DEFECTS),
)
MIXED = Scenario(
    name="mixed",
    summary="the same ramp of visitors who search, chat, rate answers; a monitor looks at the health",
    user="Visitor",
    stages=LEVELS.ramp,
    questions=1000,
    criteria=(REQUESTS, RATE, *EACH_SEARCH, *SEARCHED, *RESPONSE, ERROR_RATE, *CHAT, RATINGS, *HITS, DEFECTS),
)
SPIKE = Scenario(
    name="spike",
    summary="10 visitors, of a sudden 150, and 10 again",
    user="Searcher",
    stages=_stages((60, 10), (62, 150), (122, 150), (124, 10), (240, 10), (242, 0)),
    questions=5000,
    criteria=(
        REQUESTS,
        RATE,
        BROKEN,
        *SEARCHED,
        ERROR_RATE,
        *RESPONSE,
        LATE_P95,
        DEFECTS,
    ),
)
SOAK = Scenario(
    name="soak",
    summary="two hours of 30 visitors",
    user="Visitor",
    stages=_stages((60, 30), (7140, 30), (7200, 0)),
    questions=6000,
    criteria=(
        REQUESTS,
        RATE,
        *SEARCHED,
        ERROR_RATE,
        *RESPONSE,
        LATE_P95,
        Criterion(
            "memory of search, end to begin",
            lambda evidence: evidence.notes.get("memory"),
            "<=",
            LEVELS.aims.memory_growth,
        ),
        *CHAT,
        RATINGS,
        *HITS,
        DEFECTS,
    ),
)
WRITES = Scenario(
    name="writes",
    summary="owners write, change and delete; another connection sees it at once",
    user="Owner",
    stages=_stages((30, 10), (150, 10), (160, 0)),
    shops=OWNERS,
    criteria=(
        REQUESTS,
        some_right("looked at after a write", AFTER_WRITE),
        none_of("not seen at once", STALE, most=LEVELS.aims.writes_not_seen),
        BROKEN,
        REFUSED,
        *RESPONSE,
        DEFECTS,
    ),
)
SHOPS = Scenario(
    name="shops",
    summary="each user has a shop; no answer holds a row of another one",
    user="Shopper",
    stages=_stages((30, 20), (150, 20), (160, 0)),
    shops=SHOPPERS,
    criteria=(
        REQUESTS,
        some_right("searches looked through", OF_A_SHOP),
        some_right("chats looked through", CHAT_OF_A_SHOP),
        counted(FROM_A_SHOP),
        some_right("lists looked through", LIST_OF_A_SHOP),
        none_of("foreign rows", FOREIGN),
        none_of("rows that are missing", MISSING),
        BROKEN,
        REFUSED,
        *RESPONSE,
        DEFECTS,
    ),
)
DEPLOYS = Scenario(
    name="deploys",
    summary="`edge deploy` of the functions in use, while 30 visitors are there",
    user="Visitor",
    stages=_stages((20, 30), (290, 30), (300, 0)),
    deploys=LEVELS.aims.deploys,
    criteria=(
        REQUESTS,
        RATE,
        Criterion("deploys", lambda evidence: evidence.notes.get("deploys"), ">", 0),
        Criterion("deploys refused or not made", lambda evidence: evidence.notes.get("deploys missing"), "<=", 0),
        *SEARCHED,
        BROKEN,
        REFUSED,
        *CHAT,
        *RESPONSE,
        DEFECTS,
    ),
)
OVERLOAD = Scenario(
    name="overload",
    summary="new questions until the system is full, then twice as many",
    user="Crowd",
    hold_s=30.0,
    questions=1,
    criteria=(
        REQUESTS,
        told_rate("offered a second, full", "full", "offered"),
        told_rate("offered a second, doubled", "double", "offered"),
        Criterion("refused of them, full", partial(refused_share, window="full"), ">=", FULL),
        Criterion("refused of them, doubled", partial(refused_share, window="double"), ">=", FULL),
        Criterion("offered, doubled to full", offered_more, ">=", DOUBLED),
        Criterion("right answers a second, best", best_goodput),
        told_rate("right answers a second, full", "full", "goodput"),
        told_rate("right answers a second, doubled", "double", "goodput"),
        kept("goodput kept of the best, full", "full"),
        kept("goodput kept of the best, doubled", "double"),
        Criterion("refused (503 with Retry-After)", lambda evidence: evidence.refused, ">", 0),
        time_limit("refusal p95 s", lambda evidence: evidence.percentile_s(0.95, evidence.refusals), PROMISED.search_s),
        BROKEN,
        *SEARCHED,
        time_limit("answer p99 s", lambda evidence: evidence.percentile_s(0.99), PROMISED.response_p99_s),
        DEFECTS,
    ),
)
SCENARIOS = {scenario.name: scenario for scenario in (RAMP, MIXED, SPIKE, SOAK, WRITES, SHOPS, DEPLOYS, OVERLOAD)}
