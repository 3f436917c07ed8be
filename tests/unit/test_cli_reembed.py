"""What `edge reembed` says to do afterwards."""

import pytest

from ops.cli.reembed import what_to_set
from ops.reembedding import Summary

OWN = "unix:/srv/edge/run/model.sock"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (OWN, "Leave EDGE_OLLAMA_URL and EDGE_EMBED_MODEL unset"),
        ("http://127.0.0.1:11434", "Set EDGE_OLLAMA_URL=http://127.0.0.1:11434 and EDGE_EMBED_MODEL=all-minilm"),
    ],
)
def test_who_goes_back_to_the_embedded_model_is_told_to_set_nothing(url, told):
    summary = Summary(
        model="all-minilm", digest="d", dimensions=384, url=url, embedded=0, switched=[], left=[], seconds=0.0
    )
    assert what_to_set(summary, OWN).startswith(told)
