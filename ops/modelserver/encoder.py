"""MiniLM-L6-v2 (sentence-transformers/all-MiniLM-L6-v2, int8 weights): one text in, one unit vector out."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

CONTEXT_TOKENS = 256  # what the model was trained with: sentence_bert_config.json, max_seq_length
DIMENSIONS = 384
# Goes into the digest: whatever changes a vector changes the digest, and with it every stored vector's key.
RECIPE = f"truncate {CONTEXT_TOKENS} tokens; mean over tokens; L2"

Vector = npt.NDArray[np.float32]


class InputTooLongError(Exception):
    """The text has more tokens than the model's context and may not be cut."""


class Encoded(NamedTuple):
    """A unit vector `float32[384]` and the number of tokens it was computed from."""

    vector: Vector
    tokens: int


def unit(vector: Vector) -> Vector:
    """The vector at length 1 (L2); a zero vector stays zero, as in Ollama."""
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-12))


class Encoder:
    """The loaded model. Safe to call from several threads at once, each call computes on its own thread only."""

    def __init__(self, model: bytes, tokenizer: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        # Spinning workers would take the other processes' cores while they wait for the next text.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        # The file comes with another package's length and padding.
        self._tokenizer.enable_truncation(CONTEXT_TOKENS)
        self._tokenizer.no_padding()

    def encode(self, text: str, *, truncate: bool = True) -> Encoded:
        """The text's vector; raises InputTooLongError where it is too long and `truncate` is false.

        One text a run: a batch pads every text to the longest, which costs twice the work of running them singly.
        """
        tokens = self._tokenizer.encode(text)
        if tokens.overflowing and not truncate:
            raise InputTooLongError
        ids = np.array([tokens.ids], dtype=np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        hidden: npt.NDArray[np.float32] = self._session.run(["last_hidden_state"], feed)[0]
        return Encoded(unit(hidden[0].mean(axis=0, dtype=np.float32)), len(tokens.ids))
