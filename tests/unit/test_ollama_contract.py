"""What `core.models.client` relies on inside the official client, which promises only some of it."""

import inspect

import ollama


def test_the_methods_of_the_client_share_one_way_to_ask():
    assert "self._request_raw(" in inspect.getsource(ollama.AsyncClient._request)
    assert "'/api/embed'" in inspect.getsource(ollama.AsyncClient.embed)
    assert "'/api/tags'" in inspect.getsource(ollama.AsyncClient.list)
