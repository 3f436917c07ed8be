"""`edge eval-chat`: questions whose facts are known, asked, and the answers judged."""

import json
import sys
from pathlib import Path

import click
import msgspec

from ops.cli.exits import Exit
from ops.cli.settings import plain_errors, read_settings
from ops.cli.table import show
from ops.cli.workplace import json_option
from ops.evals.asking import ask_all, over_http, over_sockets
from ops.evals.cases import EvalError, read_cases
from ops.evals.chat import Judged, Summary, summarise
from ops.stack.folders import Folders


@click.command("eval-chat")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="The base URL of a stack; without it the sockets of this EDGE_HOME, past the rate limit.")
@click.option("--shop", type=click.IntRange(1, 2**31 - 1), default=1, show_default=True, help="The shop that is asked.")
@click.option("--least", type=click.FloatRange(0, 1), default=0.0, help="The share of good answers to pass, 0 to 1.")
@json_option
def eval_chat(*, file: Path, url: str | None, shop: int, least: float, as_json: bool) -> None:
    """Ask every question of FILE and count the answers that are right, wrong, or "I don't know".

    Wrong answers are listed apart, and so is whatever an answer claims (a price, a time, a name) that neither a passage
    nor a fact says. docs/answers.md describes the file.

    \b
    Exit status: 0 passed, 1 something was invented, or fewer than --least are right or honestly unknown.

    \b
    Examples:
      edge eval-chat tests/data/chat_barbershop.jsonl
      edge eval-chat questions.jsonl --shop 7 --least 0.9 --json
      edge eval-chat questions.jsonl --url https://shop.example
    """
    with plain_errors(EvalError):
        cases = read_cases(file)
        if url and any(case.at for case in cases):
            raise EvalError("questions with `at` can only be asked past the proxy: leave --url out")
        connect = over_http(url) if url else over_sockets(Folders(read_settings().home).run)
        judged = ask_all(connect, shop, cases)
    summary = summarise(judged)
    if as_json:
        rows = [msgspec.to_builtins(one) for one in judged]
        click.echo(json.dumps({**msgspec.to_builtins(summary), "answers": rows}, ensure_ascii=False))
    else:
        _tell(judged, summary)
    sys.exit(Exit.DONE if summary.good >= least and not summary.invented else Exit.FAILED)


def _tell(judged: list[Judged], summary: Summary) -> None:
    amiss = [one for one in judged if one.verdict != "right" or one.invented]
    if amiss:
        show(
            ("verdict", "question", "invented", "answer"),
            [(one.verdict, one.question, ", ".join(one.invented) or "-", one.answer) for one in amiss],
        )
    click.echo(
        f"{summary.questions} questions: {summary.right} right, {summary.dont_know} don't know, {summary.wrong} wrong, "
        f"{summary.cited} cited, {summary.invented} with something invented; "
        f"{summary.good:.1%} right or honestly unknown"
    )
