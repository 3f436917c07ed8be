"""What a host does when a release that served does not come up."""

import pytest

from tests.parts.hosts import HELLO, RunningHost, running_host

# A host that gets no memory to ask its zygote for a worker while the file `scarce` is there.
SCARCE = """
import sys
from pathlib import Path

folder = Path(sys.argv[sys.argv.index("--run") + 1])


def refuse(event, _arguments):
    if event == "socket.sendmsg" and (folder / "scarce").exists():
        raise OSError(12, "Cannot allocate memory")


sys.addaudithook(refuse)
from ops.host.__main__ import main

main()
"""


def test_what_keeps_a_host_from_forking_condemns_no_release(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(RunningHost, "program", ("-c", SCARCE))
    with running_host({"one": HELLO.format(name="one", word="old")}) as host:
        assert host.deploy("one", HELLO.format(name="one", word="new"))["ok"]
        active = host.journal.active("one")
        host.process.terminate()
        host.process.wait(20)
        (host.run / "scarce").touch()
        host.start()
        host.wait_until(lambda: host.log().count("fork failed") > 4)  # past the third, which is to lead back
        (host.run / "scarce").unlink()
        host.wait_until(lambda: host.function("one")["state"] == "serving")
        assert (200, "new") == host.get("one", "/word")
        assert active == host.journal.active("one")
        assert ["active", "active"] == [entry.event for entry in host.journal.entries("one")]
