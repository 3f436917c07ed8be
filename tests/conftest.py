"""Real parts for every test: each module of `tests.parts` starts one, and none is ever skipped."""

import os

import pytest
from hypothesis import settings

# How long one example takes says how busy the machine is, and not whether the code is right. What decides about a
# change looks at the same examples each time; elsewhere new ones are looked for.
settings.register_profile("any machine", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("any machine")

# Modules that take a minute or more by themselves: begun first, or one of them would run on alone at the end.
LONG = (
    "test_lifecycle",
    "test_host_upgrade",
    "test_import",
    "test_host_crash",
    "test_load",
    "test_drill",
    "test_bench",
    "test_soak",
    "test_cli_remove",
    "test_calibrate",
    "test_cli_calibrate",
    "test_reembed",
    "test_host",
    "test_cli_releases",
    "test_cli_deploy",
    "test_stack_postgres",
    "test_db_ann",
    "test_eval_chat",
)

pytest_plugins = [
    "tests.parts.postgres",
    "tests.parts.prometheus",
    "tests.parts.models",
    "tests.parts.stack",
    "tests.parts.proxy",
    "tests.parts.trees",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long modules first; the order within a module stays."""
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(LONG)))
