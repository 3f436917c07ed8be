"""A search through nginx: answered from the cache, beside an empty function; a new one, beside the model alone."""

import itertools
import json
from collections.abc import Callable, Iterator

from ops.bench import alone, processes, stand, texts
from ops.bench.figure import Figure, Side, interleaved
from ops.bench.load import Load, measure
from ops.bench.rounds import Measured, through_nginx
from ops.bench.scale import Scale
from ops.stack.running import Running, running

SEARCH = "/api/knowledge/search"
EMPTY = "empty"
KNOWN = 20  # questions whose answers are cached
EMBEDDED_ALONE = ("encoder", "model")
OURS = {"search", "model"}  # the function, and the server around the model


def measure_searches(scale: Scale, say: Callable[[str], None]) -> list[Figure]:
    """The figures of this part."""
    say("the whole stack starts")
    with running() as stack:
        _add_empty(stack)
        known = [_search(question) for question in itertools.islice(texts.questions(0), KNOWN)]
        for body in known:
            stand.asked(stack.settings, SEARCH, body)
        found = _rounds(stack, scale, known, say)
    return _figures(found, scale)


def _add_empty(stack: Running) -> None:
    """Deploy the empty function, and return when nginx routes to it."""
    tree = stack.folder / "tree"
    stand.plant(tree)
    (tree / "functions" / f"{EMPTY}.py").write_text(stand.EMPTY.substitute(name=EMPTY, label="0"))
    stack.edge("deploy", EMPTY, "--root", str(tree))
    stand.wait_until(lambda: stand.asked(stack.settings, stand.path(EMPTY), stand.BODY)[0] == stand.OK)


def _rounds(stack: Running, scale: Scale, known: list[str], say: Callable[[str], None]) -> dict[str, Measured]:
    fresh = texts.questions(1)
    encoder = alone.load_encoder()
    found = {name: Measured() for name in ("empty", "cached", "new", *EMBEDDED_ALONE)}
    for number, name in interleaved(found, scale.rounds):
        say(f"round {number + 1} of {scale.rounds}: {name}")
        if name == "encoder":
            found[name].add(alone.encode(encoder, fresh, scale), {})
            continue
        load = _load(name, stack, scale, known, fresh)
        meters = _meters(stack)
        outcome = measure(load)
        found[name].add(outcome, {part: meter.spent_s() for part, meter in meters.items()})
    return found


def _load(name: str, stack: Running, scale: Scale, known: list[str], fresh: Iterator[str]) -> Load:
    if name == "empty":
        return through_nginx(stack.settings, stand.path(EMPTY), [stand.BODY], scale)
    if name == "cached":
        return through_nginx(stack.settings, SEARCH, known, scale)
    if name == "new":
        many = int(alone.A_SECOND * (scale.warm_up_s + scale.seconds))
        return through_nginx(stack.settings, SEARCH, [_search(next(fresh)) for _ in range(many)], scale)
    return alone.load_of_server(stack.model_socket, fresh, scale)


def _search(question: str) -> str:
    return json.dumps({"query": question, "shopId": 1})


def _meters(stack: Running) -> dict[str, processes.Meter]:
    pids = stack.pids()
    parts = {"nginx": "nginx", "postgres": "postgres", "model": "model", "search": "functions/search"}
    return {
        name: processes.Meter(processes.family(*(pid for pid in pids.get(row, []) if pid)))
        for name, row in {**parts, EMPTY: f"functions/{EMPTY}"}.items()
    }


def _figures(found: dict[str, Measured], scale: Scale) -> list[Figure]:
    users = f"{scale.users} users, through nginx"
    empty, cached = found["empty"], found["cached"]
    new, encoder = found["new"].side("search, new question"), found["encoder"].side("the model alone")
    return [
        Figure(
            key="search.cached.rate", title=f"search, answer cached, {users}", unit="a second", better="higher",
            ours=cached.side("search, cached"), floor=empty.side("empty function"),
        ),
        Figure(
            key="search.cached.p95", title=f"search, answer cached, {users}: p95", unit="ms", better="lower",
            ours=cached.side("search, cached", quantile=0.95), floor=empty.side("empty function", quantile=0.95),
        ),
        Figure(
            key="search.new.rate", title=f"search, new question, {users}", unit="a second", better="higher",
            ours=new, floor=encoder, note=_at_best(new, encoder),
        ),
        Figure(
            key="search.new.p95", title=f"search, new question, {users}: p95", unit="ms", better="lower",
            ours=found["new"].side("search, new question", quantile=0.95),
            floor=found["model"].side("the model server alone", quantile=0.95),
        ),
        Figure(
            key="search.new.failed", title=f"search, new question, {users}: refused, or out of time", unit="answers",
            better="lower", ours=found["new"].failures("search, new question"),
        ),
        Figure(
            key="search.new.rate.server", title="the same", unit="a second", better="higher",
            ours=new, floor=found["model"].side("the model server alone"),
        ),
        Figure(
            key="search.model.rate", title="the model server, asked over its socket", unit="a second", better="higher",
            ours=found["model"].side("the model server alone"), floor=encoder,
        ),
    ]  # fmt: skip


def _at_best(new: Side, encoder: Side) -> str:
    """Where the time goes, and what would be left between us and the model if our own part cost nothing."""
    alone = sum(encoder.cpu_us.values())
    best = alone / (alone + sum(us for part, us in new.cpu_us.items() if part not in OURS))
    parts = ", ".join(f"{part} {us / 1000:.1f}" for part, us in sorted(new.cpu_us.items(), key=lambda item: -item[1]))
    return (
        f"ms on a core for each question: {parts}; the model alone {alone / 1000:.1f}. On cores that they share, "
        f"a search function and a model server that cost nothing but the model would reach {best:.2f}"
    )
