"""`edge list`, `edge history` and `edge diff`: what they tell of a host's functions, to people and to scripts."""

from collections.abc import Iterator

import pytest

from tests.parts.commands import Operated, operated, run_edge
from tests.parts.hosts import HELLO
from tests.parts.stack import EDGE

LIMITED = HELLO.format(name="limited", word="x").replace(
    "smoke=", "concurrency=7, timeout_s=2.5, memory_mib=99, smoke="
)


@pytest.fixture(scope="module")
def place() -> Iterator[Operated]:
    """`one` was deployed twice and refused once; `limited` says what it may use; `idle` is only written."""
    with operated({"one": HELLO.format(name="one", word="old"), "limited": LIMITED}) as place:
        place.write("one", "new")
        assert 0 == place.edge("deploy", "one").returncode
        (place.tree / "functions" / "one.py").write_text("def create_app(:\n")
        assert 3 == place.edge("deploy", "one").returncode
        place.write("one", "newer")
        place.write("idle")
        yield place


def test_the_list_has_a_row_a_function_with_what_it_uses_and_may_use(place: Operated):
    rows = {row["name"]: row for row in place.json("list")}
    assert ["idle", "limited", "one"] == sorted(rows)
    limited, state = rows["limited"], place.host.function("limited")
    assert (99, 7, 2.5) == tuple(limited[key] for key in ("memoryLimitMiB", "concurrencyLimit", "timeoutSeconds"))
    assert ("serving", state["release"], state["workers"]) == (limited["state"], limited["release"], limited["workers"])
    assert 0 <= limited["ageSeconds"] < 600
    assert ("not deployed", None, []) == tuple(rows["idle"][key] for key in ("state", "release", "workers"))


def test_piped_the_list_is_aligned_plain_text(place: Operated):
    head, *rows = place.edge("list").stdout.splitlines()
    assert "function state release age workers MiB busy limit restarts" == " ".join(head.split())
    limited = next(row for row in rows if row.startswith("limited"))
    assert ["serving", "0/7", "2.5"] == [word for word in limited.split() if word in {"serving", "0/7", "2.5"}]
    assert len({line.index(word) for line, word in ((head, "state"), (limited, "serving"))}) == 1
    assert "\x1b" not in head + limited


def test_on_a_terminal_the_list_is_coloured_unless_nobody_wants_that(place: Operated):
    assert "\x1b[32mserving" in place.on_terminal("list")
    place.environ["NO_COLOR"] = "1"
    try:
        assert "\x1b[32m" not in place.on_terminal("list")
    finally:
        del place.environ["NO_COLOR"]


def test_what_is_marked_as_serving_is_served(place: Operated, tmp_path):
    def marked() -> list[str]:
        return [line for line in place.edge("history", "limited").stdout.splitlines() if " serving " in line]

    assert 1 == len(marked())
    away = place.home / "host.sock"
    away.rename(tmp_path / "host.sock")
    try:
        assert [] == marked()
    finally:
        (tmp_path / "host.sock").rename(away)


def test_the_history_tells_the_newest_first_and_why(place: Operated):
    refused, second, first = place.json("history", "one")
    assert ["failed", "active", "active"] == [entry["event"] for entry in (refused, second, first)]
    assert ("import", True) == (refused["step"], "SyntaxError" in refused["reason"])
    assert [False, True, False] == [entry["isLast"] for entry in (refused, second, first)]
    assert second["previous"] == first["release"]
    assert second["by"].startswith("edge deploy (")
    shown = place.edge("history", "one").stdout.splitlines()
    assert [["failed"], ["serving"], ["active"]] == [
        [word for word in line.split() if word in {"failed", "serving", "active"}][:1] for line in shown[1:]
    ]
    assert "import: SyntaxError" in shown[1]


def test_a_function_that_was_never_deployed_has_no_history_and_no_diff(place: Operated):
    assert "idle was never deployed\n" == place.edge("history", "idle").stdout
    assert 1 == place.edge("diff", "idle").returncode


def test_a_function_that_left_the_tree_has_no_diff_against_it_and_that_is_wrong_usage(place: Operated):
    source = place.tree / "functions" / "limited.py"
    source.rename(source.with_suffix(".gone"))
    try:
        done = place.edge("diff", "limited")
    finally:
        source.with_suffix(".gone").rename(source)
    assert 2 == done.returncode
    assert "limited is not in the tree any more" in " ".join(done.stderr.replace("│", " ").split())


def test_the_diff_is_of_the_active_release_against_the_tree(place: Operated):
    done = place.edge("diff", "one")
    assert 0 == done.returncode
    assert {'-    return "new"', '+    return "newer"'} <= set(done.stdout.splitlines())
    assert "" == place.edge("diff", "limited").stdout


def test_the_diff_of_two_releases_takes_the_starts_of_their_ids(place: Operated):
    _, second, first = (entry["release"] for entry in place.json("history", "one"))
    found = place.json("diff", "one", first[:8], second[:8])
    assert (first, second) == (found["a"], found["b"])
    assert {'-    return "old"', '+    return "new"'} <= set(found["diff"].splitlines())
    assert 2 == place.edge("diff", "one", "ffffffffffff").returncode


def test_on_a_terminal_the_diff_is_coloured(place: Operated):
    assert '\x1b[32m+    return "newer"' in place.on_terminal("diff", "one")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("edge dep", {"deploy"}),
        ("edge deploy --dr", {"--dry-run"}),
        ("edge history o", {"one"}),
        ("edge logs n", {"nginx"}),
        ("edge completion f", {"fish"}),
        ("edge doctor --check po", {"ports"}),
    ],
)
def test_the_shell_is_offered_verbs_options_and_functions(place: Operated, line: str, offered: set[str]):
    assert offered == completed(place, line)


def test_the_shell_is_offered_the_ids_of_a_functions_releases(place: Operated):
    releases = {release.id for release in place.host.store.list("one")}
    assert 3 == len(releases)
    assert releases == completed(place, "edge rollback one ")
    one = min(releases)
    assert {one} == completed(place, f"edge diff one {one[:6]}")


def test_the_shell_is_offered_the_routes_of_a_function_that_serves(place: Operated):
    variables = {"COMP_WORDS": "edge invoke one --route ", "COMP_CWORD": "4", "_EDGE_COMPLETE": "bash_complete"}
    assert "plain,GET /one/word" in place.edge("", **variables).stdout.splitlines()


def completed(place: Operated, line: str) -> set[str]:
    """What bash's completion gets for the last word of a line."""
    words = line.split(" ")
    # The tree of this home: completion is asked before options are read, as on a real line.
    words[2:2] = ["--root", str(place.tree)] if len(words) > 2 and words[1] != "completion" else []
    variables = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1), "_EDGE_COMPLETE": "bash_complete"}
    return {item.split(",", 1)[1] for item in place.edge("", **variables).stdout.split()}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_code_for_a_shell_names_the_command_and_where_to_ask(place: Operated, shell: str):
    code = run_edge([str(EDGE), "completion", shell], place.environ).stdout
    assert "_EDGE_COMPLETE" in code
    assert "edge" in code
