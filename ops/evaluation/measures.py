"""What a ranking is worth: ir-measures for the ranks, the Mann-Whitney statistic for abstention, bootstrap for both.

AUROC is three lines of numpy here: scikit-learn and its scipy would be a tenth of the whole installation for it.
"""

from collections.abc import Mapping, Sequence

import ir_measures
import msgspec
import numpy as np
from ir_measures import RR, R, Success, nDCG
from numpy.typing import NDArray

MEASURES = {"ndcg@10": nDCG @ 10, "recall@10": R @ 10, "mrr@10": RR @ 10, "acc@1": Success @ 1}
RESAMPLED = 1000
LEVEL = (2.5, 97.5)

Values = NDArray[np.float64]


class Ranking(msgspec.Struct, frozen=True):
    """What one query got: document ids, the best first, and the score by which one would abstain (None: nothing)."""

    documents: tuple[str, ...]
    best: float | None


class Worth(msgspec.Struct, frozen=True):
    """The means over the judged queries, AUROC over all, and the 95 % bootstrap interval of each."""

    means: dict[str, float | None]
    intervals: dict[str, tuple[float, float] | None]
    ndcg: dict[str, float]


def measure(relevant: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Ranking]) -> Worth:
    """Measure the rankings by query; queries without a relevant document are those to abstain from."""
    judged = [query for query in rankings if relevant.get(query)]
    values = _values(judged, relevant, rankings)
    names = list(MEASURES)
    means: dict[str, float | None] = dict(zip(names, values.mean(axis=0).tolist(), strict=True)) if judged else {}
    intervals: dict[str, tuple[float, float] | None] = {}
    for place, name in enumerate(names):
        means.setdefault(name, None)
        intervals[name] = _interval(values[:, place]) if judged else None
    answered = _scores(judged, rankings)
    foreign = _scores([query for query in rankings if not relevant.get(query)], rankings)
    both = bool(len(answered) and len(foreign))
    means["auroc"] = auroc(answered, foreign) if both else None
    intervals["auroc"] = _auroc_interval(answered, foreign) if both else None
    return Worth(means, intervals, dict(zip(judged, values[:, 0].tolist(), strict=True)))


def auroc(answered: Values, foreign: Values) -> float:
    """How often an answerable query scores above an unanswerable one, ties by half (Hanley & McNeil 1982)."""
    ordered = np.sort(foreign)
    below = np.searchsorted(ordered, answered, "left") + np.searchsorted(ordered, answered, "right")
    return float(below.mean() / 2 / len(foreign))


def _values(
    judged: Sequence[str], relevant: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Ranking]
) -> Values:
    """One row a query, one column a measure."""
    place = {query: number for number, query in enumerate(judged)}
    column = {str(measure): number for number, measure in enumerate(MEASURES.values())}
    values = np.zeros((len(judged), len(MEASURES)))
    qrels = {query: dict(relevant[query]) for query in judged}
    # trec_eval orders by score and then by id: ranks as scores keep the order that the search gave.
    run = {
        query: {document: float(-rank) for rank, document in enumerate(rankings[query].documents)} for query in judged
    }
    for metric in ir_measures.iter_calc(list(MEASURES.values()), qrels, run):
        if metric.query_id in place:
            values[place[metric.query_id], column[str(metric.measure)]] = metric.value
    return values


def _scores(queries: Sequence[str], rankings: Mapping[str, Ranking]) -> Values:
    best = [rankings[query].best for query in queries]
    return np.array([-np.inf if score is None else score for score in best], dtype=np.float64)


def _interval(values: Values) -> tuple[float, float]:
    random = np.random.default_rng(0)
    means = [values[random.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLED)]
    return _bounds(means)


def _auroc_interval(answered: Values, foreign: Values) -> tuple[float, float]:
    random = np.random.default_rng(0)
    drawn = [
        auroc(random.choice(answered, len(answered)), random.choice(foreign, len(foreign))) for _ in range(RESAMPLED)
    ]
    return _bounds(drawn)


def _bounds(drawn: Sequence[float]) -> tuple[float, float]:
    low, high = np.percentile(drawn, LEVEL)
    return float(low), float(high)
