"""What `core.models.unix` relies on inside httpx and httpcore, which promise only some of it."""

import inspect
import ssl

import httpcore
import httpx
import pytest

from core.models.unix import UnixTransport

LIMITS = httpx.Limits(max_connections=4, max_keepalive_connections=2, keepalive_expiry=5.0)


async def test_a_transport_speaks_through_the_pool_that_ours_replaces():
    async with httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as transport:
        assert type(transport._pool) is httpcore.AsyncConnectionPool
    for method in (
        httpx.AsyncHTTPTransport.handle_async_request,
        httpx.AsyncHTTPTransport.aclose,
        httpx.AsyncHTTPTransport.__aenter__,
        httpx.AsyncHTTPTransport.__aexit__,
    ):
        assert "self._pool" in inspect.getsource(method)


async def test_a_request_goes_to_our_pool_and_our_errors_are_translated():
    transport = UnixTransport("/nowhere/model.sock", LIMITS)
    async with httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(httpx.ConnectError) as caught:
            await client.get("http://model/")
    assert isinstance(caught.value.__cause__, httpcore.ConnectError)


def test_a_pool_takes_a_socket_and_a_backend():
    expected = {"uds", "max_connections", "max_keepalive_connections", "keepalive_expiry", "network_backend"}
    assert expected <= set(inspect.signature(httpcore.AsyncConnectionPool).parameters)


def test_a_backend_and_a_stream_are_called_as_ours_expect():
    def names(function):
        return list(inspect.signature(function).parameters)[1:]

    connect = httpcore.AsyncNetworkBackend.connect_unix_socket
    assert names(connect) == ["path", "timeout", "socket_options"]
    stream = httpcore.AsyncNetworkStream
    assert (names(stream.read), names(stream.write)) == (["max_bytes", "timeout"], ["buffer", "timeout"])
    assert (names(stream.aclose), names(stream.get_extra_info)) == ([], ["info"])


def test_an_idle_connection_is_asked_whether_it_can_be_read():
    from httpcore._async import http11

    assert 'get_extra_info("is_readable")' in inspect.getsource(http11.AsyncHTTP11Connection.has_expired)
