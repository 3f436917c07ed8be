"""What a host does when a release that served does not come up, or is to be left, and the machine stands in the way."""

from pathlib import Path

import pytest

from tests.parts.hosts import HELLO, RunningHost, running_host

# A host that may make no socket for a function while the file `full` is there.
FULL = """
import sys
from pathlib import Path

folder = Path(sys.argv[sys.argv.index("--run") + 1])


def refuse(event, arguments):
    if event == "socket.bind" and "/one." in str(arguments[1]) and (folder / "full").exists():
        raise OSError(28, "No space left on device")


sys.addaudithook(refuse)
from ops.host.__main__ import main

main()
"""


def test_what_the_machine_keeps_from_coming_up_is_not_condemned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RunningHost, "program", ("-c", FULL))
    with running_host({"one": HELLO.format(name="one", word="old")}) as host:
        assert host.deploy("one", HELLO.format(name="one", word="new"))["ok"]
        active = host.journal.active("one")
        host.process.terminate()
        host.process.wait(20)
        (host.run / "full").touch()
        host.start()
        host.wait_until(lambda: host.log().count("No space left") > 4)  # past the third, which is to lead back
        (host.run / "full").unlink()
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        assert (200, "new") == host.get("one", "/word")
        assert active == host.journal.active("one")
        assert ["active", "active"] == [entry.event for entry in host.journal.entries("one")]


# A host that may not write into its journal while the file `full` is there.
READ_ONLY = FULL.replace(
    'event == "socket.bind" and "/one." in str(arguments[1])',
    'event == "open" and str(arguments[0]).endswith("one.jsonl") and arguments[2] & 2',
)
RAISING = """    assert not __import__("os").path.exists({path!r})
    return"""


def test_a_release_is_taken_back_once_the_journal_can_be_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RunningHost, "program", ("-c", READ_ONLY))
    broken = tmp_path / "broken"
    bad = HELLO.format(name="one", word="bad").replace("    return", RAISING.format(path=str(broken)))
    with running_host({"one": HELLO.format(name="one", word="good")}, "--watch-scale", "0.005") as host:
        good = host.function("one")["release"]
        assert host.deploy("one", bad)["ok"]
        (host.run / "full").touch()
        broken.touch()

        def is_visited_until(condition):
            def visited() -> bool:
                host.get("one", "/word")
                return condition()

            return visited

        host.wait_until(is_visited_until(lambda: host.log().count("is tried again") > 1))
        assert "nothing to go back to" not in host.log()
        (host.run / "full").unlink()
        host.wait_until(is_visited_until(lambda: host.function("one")["release"] == good))
        assert ["active", "active", "active", "failed"] == [entry.event for entry in host.journal.entries("one")]
