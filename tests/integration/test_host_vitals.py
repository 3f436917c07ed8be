"""A host judges what its functions answer by the service levels, and leaves the colours for the health page."""

import json

from tests.parts.hosts import HELLO, RunningHost, running_host

# Well at the gate, and never again.
FAILING = HELLO.format(name="one", word="x").replace("@get", "ASKED = []\n\n\n@get", 1)
FAILING = FAILING.replace("    return", "    ASKED.append(1)\n    assert len(ASKED) == 1\n    return", 1)


def colours(host: RunningHost) -> dict:
    left = host.run / "levels.json"
    return json.loads(left.read_bytes()) if left.exists() else {}


def test_errors_that_visitors_see_are_coloured_and_of_a_function_that_few_ask_nothing_is_said():
    with running_host({"one": FAILING}) as host:
        host.wait_until(lambda: colours(host).get("errors") == "grey")
        assert [500] * 40 == [host.get("one", "/word")[0] for _ in range(40)]
        host.wait_until(lambda: colours(host)["errors"] == "red")
        assert ("red", "green", "red") == tuple(colours(host)[name] for name in ("overall", "p95", "budget"))
