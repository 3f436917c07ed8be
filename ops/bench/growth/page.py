"""What grew, kept a line a rung, and shown as tables and curves."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ops.bench import drawing
from ops.bench.latency import Latency
from ops.importing.batches import BATCH_DOCUMENTS

MIB = 1024 * 1024


class ShopRung(msgspec.Struct, frozen=True, kw_only=True, tag="shops"):
    """With so many shops: milliseconds of a search, a write and a deploy of `search`; bytes before the writes.

    `add` is of one passage, `learn` of a batch of documents.

    `at` is of what commit, under what load, and when; rungs of before that was kept have none.
    """

    shops: int
    passages: int
    search: Latency
    search_cpu_ms: float
    add: Latency
    learn: Latency | None = None
    deploy: Latency | None = None
    errors: int | None = None
    at: str = ""
    database_bytes: int
    passage_bytes: int
    passage_vector_bytes: int
    posting_bytes: int
    term_bytes: int


class FunctionRung(msgspec.Struct, frozen=True, kw_only=True, tag="functions"):
    """With so many functions: memory of host and workers, seconds, and time on a core while nobody asks."""

    functions: int
    pss_mib: float
    start_each_s: float | None
    deploy_s: float
    idle_share: float
    at: str = ""


class ColdRung(msgspec.Struct, frozen=True, kw_only=True, tag="cold"):
    """With so many shops and nothing of them in memory: a search of a shop that nobody asked before."""

    shops: int
    search: Latency
    read_kib: float
    errors: int | None = None
    at: str = ""


Rung = TypeVar("Rung", ShopRung, FunctionRung, ColdRung)
_decode = msgspec.json.Decoder(ShopRung | FunctionRung | ColdRung).decode


def append(log: Path, rung: ShopRung | FunctionRung | ColdRung) -> None:
    """Keep one more."""
    with log.open("ab") as file:
        file.write(msgspec.json.encode(rung) + b"\n")


def rungs(log: Path, kind: type[Rung]) -> list[Rung]:
    """What was kept of one kind, in order of size; of equal ones the last."""
    lines = log.read_bytes().splitlines() if log.exists() else []
    found = {_size(rung): rung for line in lines if isinstance(rung := _decode(line), kind)}
    return [found[size] for size in sorted(found)]


def write(log: Path, folder: Path) -> str:
    """Draw the curves into a folder; returns the tables."""
    shops, functions = rungs(log, ShopRung), rungs(log, FunctionRung)
    if shops:
        _draw(folder, "growth-search", "A search, and a passage more", "passages", "ms", _search_curves(shops))
        if any(rung.deploy for rung in shops):
            _draw(folder, "growth-deploy", "A deploy", "passages", "ms", _deploy_curves(shops))
        _draw(folder, "growth-disk", "On disk", "shops of 100 passages", "MiB", _disk_curves(shops))
    if functions:
        _draw(folder, "growth-functions", "Functions under one host", "functions", "", _function_curves(functions))
    tables = (_shop_table(shops), _cold_table(rungs(log, ColdRung)), _function_table(functions))
    return "\n\n".join(table for table in tables if table)


def _size(rung: ShopRung | FunctionRung | ColdRung) -> int:
    return rung.functions if isinstance(rung, FunctionRung) else rung.shops


def _draw(  # noqa: PLR0913, PLR0917 - the words of a picture
    folder: Path, name: str, title: str, x_name: str, y_name: str, series: dict[str, list[tuple[float, float]]]
) -> None:
    (folder / f"{name}.svg").write_text(drawing.curves(title, x_name, y_name, series), "utf-8")


def _search_curves(found: Sequence[ShopRung]) -> dict[str, list[tuple[float, float]]]:
    series: dict[str, Callable[[ShopRung], float | None]] = {
        "search p50": lambda rung: rung.search.p50,
        "search p95": lambda rung: rung.search.p95,
        "search, on a core": lambda rung: rung.search_cpu_ms,
        "passage more p50": lambda rung: rung.add.p50,
        "passage more p95": lambda rung: rung.add.p95,
        "batch of documents p50": lambda rung: rung.learn.p50 if rung.learn else None,
    }
    points = {
        name: [(float(rung.passages), of) for rung in found if (of := value(rung))] for name, value in series.items()
    }
    return {name: of for name, of in points.items() if of}


def _deploy_curves(found: Sequence[ShopRung]) -> dict[str, list[tuple[float, float]]]:
    measured = [(float(rung.passages), rung.deploy) for rung in found if rung.deploy]
    return {
        "p50": [(passages, deploy.p50) for passages, deploy in measured if deploy.p50 is not None],
        "p95": [(passages, deploy.p95) for passages, deploy in measured if deploy.p95 is not None],
    }


def _disk_curves(found: Sequence[ShopRung]) -> dict[str, list[tuple[float, float]]]:
    series: dict[str, Callable[[ShopRung], int]] = {
        "all": lambda rung: rung.database_bytes,
        "vectors": lambda rung: rung.passage_vector_bytes,
        "postings": lambda rung: rung.posting_bytes,
        "passages": lambda rung: rung.passage_bytes,
        "terms": lambda rung: rung.term_bytes,
    }
    return {name: [(rung.shops, value(rung) / MIB) for rung in found] for name, value in series.items()}


def _function_curves(found: Sequence[FunctionRung]) -> dict[str, list[tuple[float, float]]]:
    return {
        "PSS, MiB": [(rung.functions, rung.pss_mib) for rung in found],
        "deploy, ms": [(rung.functions, rung.deploy_s * 1000) for rung in found],
        "start of one, ms": [(rung.functions, rung.start_each_s * 1000) for rung in found if rung.start_each_s],
    }


def _shop_table(found: Sequence[ShopRung]) -> str:
    columns = (
        *("Shops", "Passages", "Search p50 / p95 / p99 ms", "on a core, ms", "A passage more p50 / p95 / p99 ms"),
        *(f"{BATCH_DOCUMENTS} documents stored p50 / p95 / p99 ms", "Database MiB", "of it vectors", "postings"),
        *("Deploy p50 / p95 / p99 ms", "Errors", "Measured at"),
    )
    lines = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    lines += [f"| {' | '.join(_shop_cells(rung))} |" for rung in found]
    return "\n".join(lines) if found else ""


def _shop_cells(rung: ShopRung) -> Sequence[str]:
    return (
        *(str(rung.shops), str(rung.passages), rung.search.words, str(rung.search_cpu_ms), rung.add.words),
        rung.learn.words if rung.learn else "-",
        *(str(size // MIB) for size in (rung.database_bytes, rung.passage_vector_bytes, rung.posting_bytes)),
        *(rung.deploy.words if rung.deploy else "-", _known(rung.errors), rung.at or "-"),
    )


def _cold_table(found: Sequence[ColdRung]) -> str:
    lines = [
        "| Shops | Search of a cold shop p50 / p95 / p99 ms | read, KiB | Errors | Measured at |",
        "| --- " * 5 + "|",
    ]
    lines += [
        f"| {rung.shops} | {rung.search.words} | {rung.read_kib:.0f} | {_known(rung.errors)} | {rung.at or '-'} |"
        for rung in found
    ]
    return "\n".join(lines) if found else ""


def _known(count: int | None) -> str:
    return "-" if count is None else str(count)


def _function_table(found: Sequence[FunctionRung]) -> str:
    lines = [
        "| Functions | PSS MiB | One more started in, ms | Deploy, ms | On a core while nobody asks | Measured at |",
        "| --- " * 6 + "|",
    ]
    for rung in found:
        start = "-" if rung.start_each_s is None else f"{rung.start_each_s * 1000:.0f}"
        lines.append(
            f"| {rung.functions} | {rung.pss_mib} | {start} | {rung.deploy_s * 1000:.0f} | {rung.idle_share:.1%}"
            f" | {rung.at or '-'} |"
        )
    return "\n".join(lines) if found else ""
