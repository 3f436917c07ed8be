"""Who may import whom, and where SQL and each dependency may stand: read from the source, nothing is imported."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("core", "functions", "ops", "nginx", "loadtests")
SOURCES = {
    path.relative_to(ROOT).as_posix(): ast.parse(path.read_text("utf-8"))
    for package in OURS
    for path in sorted((ROOT / package).rglob("*.py"))
}

# A path on the left never imports a module on the right (`tests` is nobody's to import).
FORBIDDEN = {
    "core/": ("functions", "ops", "nginx", "loadtests", "tests"),
    "functions/": ("ops", "nginx", "loadtests", "tests"),
    "nginx/": ("core", "functions", "ops", "loadtests", "tests"),
    "ops/": ("loadtests", "tests"),
    # Workers get core and functions from their release; the host must not hold an older copy of either.
    "ops/host/": ("core", "functions", "nginx"),
    "ops/release/": ("core", "functions", "nginx"),
    # Another program that happens to live in this repository: anything that speaks Ollama's protocol may replace it.
    "ops/modelserver/": ("core", "functions", "nginx"),
    # What parses files knows neither the database nor the model, nor where they are.
    "ops/reading/": ("core.db", "core.models", "core.settings", "core.services", "functions", "nginx", "ops.importing"),
    "loadtests/": ("core", "functions", "nginx", "tests", "ops.bench", "ops.drill"),
}

# `core` from the bottom up: a module imports from its own place and from the ones before it. The longest name counts.
LAYERS = (
    ("core.errors", "core.function", "core.version"),
    ("core.settings", "core.flight"),
    ("core.observe",),
    ("core.cache",),
    ("core.outbox",),
    ("core.db", "core.models"),
    ("core.knowledge",),
    ("core.retrieval",),
    ("core.answer", "core.facts"),
    ("core.conversations", "core.handoff"),
    ("core.services",),
    ("core.recording",),
    ("core.auth",),
    ("core.http",),
    ("core.app",),
)

LONG = 150  # letters of a syntax tree: about a line

# `ops` likewise, by its packages. Drill and benchmarks run what the others are.
OPS_LAYERS = (
    ("ops.bootstrap", "ops.idle", "ops.lifeline", "ops.percentile", "ops.slo", "ops.unixhttp"),
    ("ops.modelserver", "ops.reading", "ops.release"),
    ("ops.host", "ops.importing"),
    ("ops.stack",),
    (
        "ops.doctor",
        "ops.evals",
        "ops.evaluation",
        "ops.forget",
        "ops.ollama",
        "ops.reembedding",
        "ops.upkeep",
    ),
    ("ops.cli",),
    ("ops.bench", "ops.drill"),
)
# The host is a program: others ask it on its socket, and read who works by its records.
HOST_SEEN = ("ops.host.control", "ops.host.records")

# A dependency's errors are translated where it is used, so that it is used in one place.
OWNERS = {
    "cachetools": ("core/cache/",),
    "diskcache": ("core/cache/",),
    "docx": ("ops/reading/",),
    "granian": ("ops/host/", "ops/modelserver/"),
    "holidays": ("core/facts/holidays.py",),
    "httpx": ("core/handoff/", "core/models/", "ops/"),
    "litestar": (
        "core/http/",
        "core/app.py",
        "functions/",
        "ops/host/",
        "ops/modelserver/",
    ),
    "lxml": ("ops/reading/",),
    "markdown_it": ("ops/reading/",),
    "numpy": ("ops/bench/", "ops/evaluation/", "ops/modelserver/"),
    "ollama": ("core/models/", "ops/ollama/"),
    "onnxruntime": ("ops/modelserver/",),
    "prometheus_client": ("core/observe/",),
    "psycopg": ("core/db/", "ops/"),
    "psycopg_pool": ("core/db/",),
    "pypdfium2": ("ops/reading/",),
    "tokenizers": ("ops/modelserver/",),
}

STATEMENT = re.compile(
    r"^\s*(select\s+(1|set_config|pg_\w+\()|select\b.*\bfrom\b|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s"
    r"|(create|alter|drop)\s+(unique\s+|or\s+replace\s+)?(table|index|role|user|database|extension|policy|function|schema)\s"
    r"|grant\s+\w+.*\bto\b|revoke\s+\w+.*\bfrom\b|truncate\s+\w+\s*$|with\s+\w+\s+as\s*\(|set\s+local\s|copy\s+\w+\s*\()",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
# The outbox is a file of SQLite's: it holds what the database has not got yet; so are the notes of an import.
# Roles and the database itself must exist before there is one to migrate; drill and benchmark have tables of their own.
SQL_OUTSIDE_CORE_DB = {
    "ops/bench/growth/shops.py",
    "ops/bench/pgbench.py",
    "ops/stack/postgres.py",
    "ops/drill/ledger.py",
    "ops/importing/seen.py",
    "core/outbox/store.py",
}


def imports(path: str) -> Iterator[str]:
    """Every absolute module name that a file imports, `from a import b` as both `a` and `a.b`."""
    package = path.removesuffix(".py").removesuffix("/__init__").split("/")
    for node in ast.walk(SOURCES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + path.endswith("/__init__.py")] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def strings(tree: ast.Module) -> Iterator[str]:
    """Every string literal that is not a docstring."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def layer(module: str, layers: tuple[tuple[str, ...], ...] = LAYERS) -> int | None:
    ranks = {name: rank for rank, names in enumerate(layers) for name in names if within(module, name)}
    return ranks[max(ranks, key=len)] if ranks else None


@pytest.mark.parametrize("prefix", FORBIDDEN)
def test_imports_go_downwards_only(prefix):
    broken = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.startswith(prefix)
        for name in imports(path)
        if any(within(name, module) for module in FORBIDDEN[prefix])
    ]
    assert [] == broken


def test_functions_never_import_each_other():
    broken = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.startswith("functions/") and path != "functions/__init__.py"
        for name in imports(path)
        # a function that outgrew its file is a folder, whose modules see each other
        if within(name, "functions") and not within(name, ".".join(path.removesuffix(".py").split("/")[:2]))
    ]
    assert [] == broken


def test_every_module_of_core_has_its_layer():
    modules = [path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in SOURCES]
    assert [] == [name for name in modules if name.startswith("core.") and layer(name) is None]


def test_core_imports_from_its_own_layer_and_below():
    broken = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.startswith("core/") and path != "core/__init__.py"
        for name in imports(path)
        if (theirs := layer(name)) is not None
        and theirs > (layer(path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")) or 0)
    ]
    assert [] == broken


def test_every_module_of_ops_has_its_layer():
    modules = [module_of(path) for path in SOURCES if path.startswith("ops/") and path != "ops/__init__.py"]
    assert [] == [name for name in modules if layer(name, OPS_LAYERS) is None]


def test_ops_imports_from_its_own_layer_and_below():
    broken = [
        f"{path} imports {name}"
        for path in SOURCES
        if path.startswith("ops/") and path != "ops/__init__.py"
        for name in imports(path)
        if (theirs := layer(name, OPS_LAYERS)) is not None and theirs > (layer(module_of(path), OPS_LAYERS) or 0)
    ]
    assert [] == broken


def test_the_host_is_asked_and_not_imported():
    broken = [
        f"{path} imports {name}"
        for path in SOURCES
        if not path.startswith("ops/host/")
        for name in imports(path)
        if within(name, "ops.host") and name != "ops.host" and not any(within(name, seen) for seen in HOST_SEEN)
    ]
    assert [] == broken


def test_the_database_and_the_model_know_nothing_of_each_other():
    for this, other in (("core/db/", "core.models"), ("core/models/", "core.db")):
        assert [] == [path for path in SOURCES if path.startswith(this) for n in imports(path) if within(n, other)]


@pytest.mark.parametrize("package", OWNERS)
def test_a_dependency_is_used_where_its_errors_are_translated(package):
    users = {path for path in SOURCES if any(within(name, package) for name in imports(path))}
    assert set() == {path for path in users if not path.startswith(OWNERS[package])}


@pytest.mark.parametrize("package", OWNERS)
def test_no_place_may_use_a_dependency_that_does_not(package):
    users = {path for path in SOURCES if any(within(name, package) for name in imports(path))}
    assert [] == [place for place in OWNERS[package] if not any(path.startswith(place) for path in users)]


def test_sql_stands_in_core_db_alone():
    found = {
        path
        for path, tree in SOURCES.items()
        if not path.startswith("core/db/") and any(STATEMENT.search(text) for text in strings(tree))
    }
    assert found <= SQL_OUTSIDE_CORE_DB


def test_the_search_for_sql_finds_it_where_it_stands():
    with_sql = [path for path, tree in SOURCES.items() if any(STATEMENT.search(text) for text in strings(tree))]
    assert any(path.startswith("core/db/") for path in with_sql)


def test_the_environment_is_read_once_into_settings():
    """core and nginx never look at it; all that a function does with it is to hand it to Settings."""
    readers = []
    for path, tree in SOURCES.items():
        if not path.startswith(("core/", "functions/", "nginx/")):
            continue
        handed_on = {
            id(argument)
            for node in ast.walk(tree)
            if path.startswith("functions/") and isinstance(node, ast.Call)
            if ast.unparse(node.func) == "Settings.from_environ"
            for argument in node.args
        }
        readers += [
            path
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"}
            if id(node) not in handed_on
        ]
    assert [] == readers


def test_the_service_levels_are_read_in_one_place():
    readers = [path for path, tree in SOURCES.items() if any("slo.toml" in text for text in strings(tree))]
    assert ["ops/slo/levels.py"] == readers


def stated(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that a module defines with what it is: a value or the body of a function; short ones may be alike."""
    for node in tree.body:
        if isinstance(node, ast.Assign):
            said = ast.dump(node.value)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            said = "".join(map(ast.dump, node.body))
        else:
            continue
        if len(said) > LONG:
            yield said, node.name if not isinstance(node, ast.Assign) else ast.unparse(node.targets[0])


def test_nothing_is_defined_twice_in_core_and_functions():
    found: dict[str, list[str]] = {}
    for path, tree in SOURCES.items():
        if path.startswith(("core/", "functions/")):
            for said, name in stated(tree):
                found.setdefault(said, []).append(f"{path}: {name}")
    assert [] == [places for places in found.values() if len(places) > 1]
    assert len(found) > 1000


def test_what_is_long_is_divided():
    """A function of the product that one file holds has 150 lines at most, any Python function in it 40."""
    lines = {path: (ROOT / path).read_text("utf-8").count("\n") for path in SOURCES}
    assert [] == [
        path for path, count in lines.items() if path.count("/") == 1 and path[:9] == "functions" and count > 150
    ]
    assert [] == [path for path, count in lines.items() if count > 300]
    long = [
        f"{path}: {node.name}"
        for path, tree in SOURCES.items()
        if path.startswith(("core/", "functions/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 40
    ]
    assert [] == long


def test_no_module_is_named_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "manager", "misc", "common"}
    assert [] == [path for path in SOURCES if vague & set(path.removesuffix(".py").split("/"))]
