"""Real parts for every test: each module of `tests.parts` starts one, and none is ever skipped."""

import pytest
from hypothesis import settings

# How long one example takes says how busy the machine is, and not whether the code is right.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

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
