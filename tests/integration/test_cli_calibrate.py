"""`edge calibrate` as an operator runs it: on the database of an EDGE_HOME in which nothing runs."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.parts.faulty_models import faulty_models

EDGE = Path(sys.executable).with_name("edge")


@pytest.fixture(scope="module")
def calibrate(tmp_path_factory, model_server):
    home = tmp_path_factory.mktemp("home")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_")}
    environ = {**clean, "EDGE_HOME": str(home), "EDGE_OLLAMA_URL": model_server.url}

    def run(*options, **changes):
        command = [EDGE, "calibrate", *options]
        return subprocess.run(command, env=environ | changes, capture_output=True, text=True, timeout=200, check=False)

    return run


@pytest.fixture(scope="module")
def first(calibrate):
    done = calibrate("--json")
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_the_shipped_figures_come_out_again_and_are_stored(first):
    assert ("shipped", True) == (first["origin"], first["stored"])
    for name in ("midpoint", "scale"):
        assert first["before"][name] == pytest.approx(first["after"][name], abs=0.005)
    assert first["heldOut"]["logLoss"] > first["afterFitness"]["logLoss"] > 0


def test_the_curve_is_a_picture_with_a_tick_for_every_question(first):
    picture = ET.parse(first["curve"])
    kinds = [element.get("class") for element in picture.iter()]
    assert first["questions"] == kinds.count("right") + kinds.count("wrong")
    assert first["answered"] == kinds.count("right")
    assert 1 == kinds.count("before") == kinds.count("after")
    assert first["digest"] == Path(first["curve"]).stem


def test_the_next_time_what_was_stored_is_set_beside(calibrate, first, tmp_path):
    done = calibrate("--dry-run", "--json", "--output", str(tmp_path / "own" / "curve.svg"))
    again = json.loads(done.stdout)
    assert ("stored", False) == (again["origin"], again["stored"])
    assert first["after"] == {name: pytest.approx(value, abs=1e-6) for name, value in again["before"].items()}
    assert (tmp_path / "own" / "curve.svg").read_text().startswith("<svg ")


async def test_a_model_that_finds_badly_is_warned_of(calibrate, first, tmp_path):
    options = ("--dry-run", "--json", "--output", str(tmp_path / "curve.svg"))
    async with faulty_models() as server:
        server.digest, server.dimensions = "random", 64
        done = await asyncio.to_thread(calibrate, *options, EDGE_OLLAMA_URL=server.url)
    worth = json.loads(done.stdout)["worth"]
    assert worth < 0.45 < first["worth"]
    assert f"Warning: all-minilm finds badly: worth {worth:.3f}" in done.stderr


@pytest.mark.usefixtures("first")
def test_without_a_model_it_says_that_it_waits_and_then_one_sentence(calibrate):
    done = calibrate(EDGE_OLLAMA_URL="unix:/nowhere/model.sock", EDGE_EMBED_DEADLINE_S="0.2")
    assert (1, "") == (done.returncode, done.stdout)
    *waiting, error = done.stderr.splitlines()
    assert waiting
    assert all(line.startswith("waiting for the model: ") for line in waiting)
    assert error.startswith("Error: ")
    assert "model" in error
