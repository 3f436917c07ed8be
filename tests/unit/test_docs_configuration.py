"""docs/configuration.md and core/settings.py say the same, both ways."""

import re
from pathlib import Path

import msgspec
import pytest

from core.errors import SettingsError
from core.settings import PREFIX, SECRET_FIELDS, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/configuration.md").read_text("utf-8")
FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
# What load tests are told stands in docs/load-tests.md.
OPTION = re.compile(r'env_var="EDGE_(LOAD_\w+)"')
LOAD = {name.lower() for name in OPTION.findall((ROOT / "loadtests/options.py").read_text("utf-8"))}
ENTRY = re.compile(
    r"^### `EDGE_(?P<name>[A-Z_]+)`\n"
    r"- Type: (?P<type>.+)\n"
    r"- Default: (?P<default>.+)\n"
    r"- Example: `(?P<example>.+)`\n\n"
    r"(?P<meaning>\S[^#]+)",
    re.MULTILINE,
)
ENTRIES = {match["name"].lower(): match for match in ENTRY.finditer(PAGE)}
RANGES = {
    name: found for name, entry in ENTRIES.items() if (found := re.search(r"([\d.]+) to ([\d.]+)", entry["type"]))
}
# The code's types as the page names them; each pattern opens the documented type.
TYPE_NAMES = {
    "int": "integer",
    "float": "number",
    "str": "text",
    "str | None": "text",
    "<class 'pathlib.Path'>": "path",
    "pathlib.Path | None": "path",
    "tuple[str, ...]": "list of",
    "tuple[str, ...] | None": "list of",
    "typing.Literal['development', 'production']": "`development` or `production`",
}


def as_documented(default):
    return "none" if default in (None, ()) else f"`{default}`"


def test_every_setting_is_documented_and_nothing_else():
    assert set(FIELDS) == set(ENTRIES)
    assert len(FIELDS) == len(re.findall(r"^### ", PAGE, re.MULTILINE))


@pytest.mark.parametrize("name", FIELDS)
def test_the_documented_default_is_the_true_one(name):
    assert as_documented(FIELDS[name].default) == ENTRIES[name]["default"]


@pytest.mark.parametrize("name", FIELDS)
def test_the_documented_type_is_the_true_one(name):
    kind = FIELDS[name].type
    shown = kind.__name__ if kind in (int, float, str) else str(kind)
    assert ENTRIES[name]["type"].startswith(TYPE_NAMES[shown])


@pytest.mark.parametrize("name", FIELDS)
def test_the_example_is_accepted_and_changes_that_setting_alone(name):
    variable, _, value = ENTRIES[name]["example"].partition("=")
    assert PREFIX + name.upper() == variable
    settings, untouched = Settings.from_environ({variable: value}), Settings()
    changed = [field for field in FIELDS if getattr(settings, field) != getattr(untouched, field)]
    assert [name] == changed


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_documented_range_are_accepted_and_what_lies_beyond_is_not(name):
    variable, (low, high) = PREFIX + name.upper(), RANGES[name].groups()
    for end in (low, high):
        Settings.from_environ({variable: end})
    step = 1 if FIELDS[name].type is int else 0.01
    for beyond in (FIELDS[name].type(low) - step, FIELDS[name].type(high) + step):
        with pytest.raises(SettingsError, match=variable):
            Settings.from_environ({variable: str(beyond)})


def test_every_number_has_its_range_documented():
    assert {name for name, field in FIELDS.items() if field.type in (int, float)} == set(RANGES)


def test_the_settings_marked_as_secret_are_those_that_are_masked():
    assert {name for name, entry in ENTRIES.items() if entry["type"].endswith(", secret")} == SECRET_FIELDS


@pytest.mark.parametrize(
    "page", [*ROOT.glob("README.md"), *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_no_page_speaks_of_a_setting_that_does_not_exist(page):
    named = {match.lower() for match in re.findall(r"\bEDGE_([A-Z]+(?:_[A-Z]+)*)\b", page.read_text("utf-8"))}
    assert set() == named - set(FIELDS) - LOAD
