"""Real parts for every test: each module of `tests.parts` starts one, and none is ever skipped."""

import pytest

pytest_plugins = [
    "tests.parts.postgres",
    "tests.parts.models",
    "tests.parts.stack",
    "tests.parts.proxy",
    "tests.parts.trees",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
