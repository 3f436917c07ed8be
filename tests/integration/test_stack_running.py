"""A stack to be measured: what is said when it does not come up."""

import socket

import pytest

from ops.stack.listener import free_port
from ops.stack.running import NotUp, home


def test_a_stack_that_cannot_start_says_why():
    with home() as made:
        made.environ["EDGE_RATE_LIMIT"] = "many"
        with pytest.raises(NotUp, match="EDGE_RATE_LIMIT"):
            made.start()
    assert not made.folder.exists()


def test_a_free_port_is_another_each_time_that_somebody_holds_it():
    with socket.create_server(("127.0.0.1", free_port())) as held:
        assert held.getsockname()[1] != free_port()
