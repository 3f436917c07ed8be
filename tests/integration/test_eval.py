"""`edge eval` as an operator runs it, on a folder of two shops, with nothing else running."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.db.search import COVERAGE_WEIGHT
from tests.integration.test_eval_folder import write

EDGE = Path(sys.executable).with_name("edge")
CORPUS = [
    {"_id": "a1", "shop": "a", "title": "Parking", "text": "There are three spaces behind the house for guests."},
    {"_id": "a2", "shop": "a", "title": "Opening hours", "text": "We are open from nine to six, Monday to Friday."},
    {"_id": "a3", "shop": "a", "title": "Payment", "text": "We take cash and every common credit card."},
    {"_id": "b1", "shop": "b", "title": "Parking", "text": "There is no place for a car; take the tram."},
    {"_id": "b2", "shop": "b", "title": "Dogs", "text": "Small dogs are welcome in the garden."},
]
QUERIES = [
    {"_id": "q1", "shop": "a", "text": "where can I leave my car"},
    {"_id": "q2", "shop": "b", "text": "where can I leave my car"},
    {"_id": "q3", "shop": "b", "text": "may I bring my puppy"},
    {"_id": "q4", "shop": "a", "text": "do you accept visa"},
    {"_id": "q5", "shop": "a", "text": "which planet is the largest", "answerable": False},
    {"_id": "q6", "text": "who painted the ceiling", "answerable": False},
]
ANSWERS = {"q1": "a1", "q2": "b1", "q3": "b2", "q4": "a3"}
QRELS = [{"query_id": query, "doc_id": document, "score": 1} for query, document in ANSWERS.items()]
NAMES = {"ndcg@10", "recall@10", "mrr@10", "acc@1", "auroc"}


@pytest.fixture(scope="module")
def evaluate(tmp_path_factory, model_server):
    folder = write(tmp_path_factory.mktemp("collection"), CORPUS, QUERIES, QRELS)
    home = tmp_path_factory.mktemp("home")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    environ = {**clean, "EDGE_HOME": str(home), "EDGE_OLLAMA_URL": model_server.url}

    def run(*options):
        command = [EDGE, "eval", folder, *options]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=100, check=False)

    run.home = home
    run.folder = folder
    return run


@pytest.fixture(scope="module")
def first(evaluate):
    done = evaluate("--tenant-field", "shop", "--json", "--explain")
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_the_measures_are_one_object(first):
    assert NAMES | {"queries", "bm25", "vector", "model", "seconds"} <= set(first)
    assert NAMES == set(first["bm25"]) == set(first["vector"])
    assert (6, "all-minilm") == (first["queries"], first["model"])


def test_each_shop_answers_from_its_own_documents(first):
    assert (1.0, 1.0, 1.0) == (first["recall@10"], first["acc@1"], first["auroc"])


def test_words_alone_find_less(first):
    assert first["bm25"]["recall@10"] < first["recall@10"]


def test_the_parts_of_a_score_add_up_as_they_are_shown(evaluate, first):  # noqa: ARG001 - loads the collection
    done = evaluate("--tenant-field", "shop", "--explain")
    sums = re.findall(r"(\S+) = cosine (\S+) \+ (\S+) \* words (\S+) ", done.stdout)
    assert sums, done.stdout
    for score, cosine, weight, words in sums:
        assert float(score) == pytest.approx(float(cosine) + float(weight) * float(words), abs=2e-3)


def test_an_explanation_names_the_parts_of_the_score(first):
    found = {worst["query"]: worst["found"] for worst in first["worst"]}["q3"][0]
    assert ("b2", True, 1) == (found["document"], found["relevant"], found["rank"])
    parts = found["cosine"] + COVERAGE_WEIGHT * found["coverage"] + found["codes"]
    assert found["score"] == pytest.approx(parts, abs=3e-4)


def test_the_database_is_kept_and_the_second_run_measures_the_same(evaluate, first):
    (kept,) = [path for path in (evaluate.home / "eval").iterdir() if (path / "complete").exists()]
    made = (kept / "complete").stat().st_mtime_ns
    again = json.loads(evaluate("--tenant-field", "shop", "--json").stdout)
    timeless = {name: value for name, value in first.items() if name not in {"seconds", "worst"}}
    assert timeless == {name: value for name, value in again.items() if name != "seconds"}
    assert made == (kept / "complete").stat().st_mtime_ns


@pytest.mark.usefixtures("first")
def test_no_process_is_left_behind(evaluate):
    running = [path for path in Path("/proc").glob("[0-9]*/cwd") if str(evaluate.home) in _target(path)]
    assert [] == running


ODD = [
    {"_id": "letter", "text": "a"},
    {"_id": "sign", "title": "?", "text": ""},
    {"_id": "marks", "text": "\u0301\u0301"},
    {"_id": "control", "text": "\u0001\u200b"},
    {"_id": "han", "text": "營業時間為上午九點至下午五點。" * 90},
    {"_id": "word", "text": "x" * 60_000},
    {"_id": "long", "title": "Long", "text": "The sauna is heated to ninety degrees. " * 3000},
    {"_id": "n\0l", "text": "Nul \0 inside."},
    {"_id": "twice", "text": "The same text."},
    {"_id": "twice again", "text": "The same text."},
    {"_id": "blank", "text": " \u00a0\n"},
]
ODD_QUERIES = [
    {"_id": "how hot", "text": "how hot is it in there"},
    {"_id": "signs", "text": "?!… 👍"},
    {"_id": "endless", "text": "where is the sauna " * 2000},
    {"_id": "nobody", "shop": "z", "text": "is anybody there"},
]


@pytest.mark.parametrize("qrels", [[], [{"query_id": "how hot", "doc_id": "long", "score": 2}]])
def test_odd_texts_end_in_numbers_with_nothing_but_this_command_running(tmp_path, qrels):
    write(tmp_path, [*ODD, *CORPUS], ODD_QUERIES, qrels)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    environ = clean | {"EDGE_HOME": str(tmp_path / "home")}
    command = [EDGE, "eval", tmp_path, "--json", "--explain"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=200, check=False)
    assert 0 == done.returncode, done.stderr
    told = json.loads(done.stdout)
    assert (4, 1.0 if qrels else None) == (told["queries"], told["recall@10"])
    assert ["documents without text were left out: corpus.jsonl:11"] == told["warnings"]


def test_a_broken_folder_is_one_sentence_and_no_traceback(tmp_path):
    write(tmp_path, corpus=["nothing"])
    done = subprocess.run([EDGE, "eval", tmp_path], capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "1 of 1 lines are broken" in done.stderr
    assert "Traceback" not in done.stderr


def _target(link):
    try:
        return str(link.readlink())
    except OSError:
        return ""
