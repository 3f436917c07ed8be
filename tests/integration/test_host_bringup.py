"""What a host does when a release that served does not come up."""

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
