"""Building the real Ollama: what is missing is named, and half a build is never taken for a whole one."""

from pathlib import Path

import pytest

from ops.ollama.build import appearing_whole
from ops.ollama.layout import Layout
from ops.ollama.needs import GO_MINIMUM, BuildError, go_version, missing_packages, provide


@pytest.mark.parametrize(
    ("text", "version"),
    [("go1.26.8", (1, 26, 8)), ("go1.25", (1, 25, 0)), ("go1.25rc1", (1, 25, 0)), ("devel", (0, 0, 0))],
)
def test_the_version_of_go_is_read_from_its_name(text, version):
    assert go_version(text) == version


def test_debians_go_is_too_old():
    assert go_version("go1.19.8") < GO_MINIMUM


def test_a_machine_without_tools_is_told_which_packages_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {"cmake", "g++", "nlohmann-json3-dev", "libstb-dev"} <= set(missing_packages())
    with pytest.raises(BuildError, match=r"missing: Go .* https://go\.dev"):
        provide({})


def test_the_cache_lies_where_the_user_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Layout.of_user({}).root.is_relative_to(tmp_path / ".cache")
    assert Layout.of_user({"XDG_CACHE_HOME": "/elsewhere"}).root.is_relative_to("/elsewhere")


def test_a_part_that_fails_leaves_nothing_that_looks_finished(tmp_path):
    layout = Layout(tmp_path)

    def fail() -> None:
        with appearing_whole(layout, layout.kernels) as unfinished:
            (unfinished / "half").touch()
            raise BuildError

    with pytest.raises(BuildError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_succeeds_appears_whole(tmp_path):
    layout = Layout(tmp_path)
    with appearing_whole(layout, layout.kernels) as unfinished:
        Path(unfinished, "kernel.so").touch()
    assert [path.name for path in layout.kernels.iterdir()] == ["kernel.so"]
