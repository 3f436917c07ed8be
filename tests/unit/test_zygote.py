"""What the zygote loads before it forks, beside what the functions of this tree import."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").iterdir() if not path.name.startswith(("_", ".")))
LOADED_LATE = """
import importlib, json, os, sys
from ops.host import zygote
zygote._warm()
known = {"core", "functions", *sys.stdlib_module_names}
before = set(sys.modules)
for function in sys.argv[1:]:
    if os.fork() == 0:
        importlib.import_module("functions." + function).create_app()
        late = sorted(name for name in set(sys.modules) - before if name.partition(".")[0] not in known)
        print(json.dumps([function, late]), flush=True)
        os._exit(0)
    os.wait()
"""


def test_a_worker_loads_no_library_that_the_zygote_could_have_loaded() -> None:
    loading = subprocess.run(
        [sys.executable, "-c", LOADED_LATE, *FUNCTIONS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    late = dict(json.loads(line) for line in loading.stdout.splitlines())
    assert late == {function: [] for function in FUNCTIONS}


def test_a_function_that_answers_nobody_loads_no_answering() -> None:
    code = "import sys, functions.health; print(*sorted(name for name in sys.modules if name.startswith('core.facts')))"
    loading = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [] == loading.stdout.split()
