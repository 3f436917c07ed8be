"""Settings as processes hand them on to each other, and as they are shown."""

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from core.errors import SettingsError
from core.models.identity import prefixes_of
from core.models.job import BULK_TEXTS
from core.models.queue import CALLS_IN_FLIGHT, INTERACTIVE_BATCH
from core.settings import Settings
from functions import chat, mcp, openai, search

NETWORKS = st.none() | st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"])).map(tuple)
WORDS = st.from_regex(r"[a-z_]{1,9}:", fullmatch=True)
GIVEN = st.builds(
    Settings,
    home=st.just(Path("/var/lib/cutting-edge")),
    environment=st.sampled_from(["development", "production"]),
    port=st.integers(1, 65535),
    embed_query_prefix=st.none() | st.just("") | WORDS,
    embed_document_prefix=st.none() | st.just("") | WORDS,
    embed_deadline_s=st.floats(0.05, 600),
    ollama_url=st.none() | st.just("http://user:word@model.internal:11434"),
    rate_limit_exempt=NETWORKS,
    tls_certificate=st.none() | st.just(Path("/etc/tls/shop.pem")),
    tls_names=st.sampled_from([(), ("shop.example", "chat.shop.example")]),
    cors_origins=st.sampled_from([(), ("https://shop.example",), ("https://shop.example", "http://127.0.0.1:5173")]),
    trusted_proxies=NETWORKS.map(lambda networks: networks or ()),
)


@given(GIVEN)
def test_a_child_process_reads_the_settings_of_its_parent(settings):
    assert Settings.from_environ(settings.to_environ()) == settings


def test_what_was_not_given_is_not_handed_on():
    """A worker of an older release refuses settings that came after it."""
    assert Settings().to_environ() == {}
    assert Settings(port=9090).to_environ() == {"EDGE_PORT": "9090"}


def test_none_exempts_nobody_in_this_process_and_in_its_children():
    settings = Settings.from_environ({"EDGE_RATE_LIMIT_EXEMPT": "none"})
    assert settings.exempt_networks == ()
    assert Settings.from_environ(settings.to_environ()).exempt_networks == ()


def test_none_switches_a_known_prefix_off():
    given = {"EDGE_EMBED_MODEL": "nomic-embed-text", "EDGE_EMBED_QUERY_PREFIX": "none"}
    settings = Settings.from_environ(given)
    prefixes = prefixes_of(settings.embed_model, settings.embed_query_prefix, settings.embed_document_prefix)
    assert (prefixes.query, prefixes.document) == ("", "search_document: ")


def test_a_piece_of_passages_fits_into_the_smallest_queue():
    assert Settings.from_environ({"EDGE_EMBED_QUEUE": str(BULK_TEXTS)}).embed_queue == BULK_TEXTS
    with pytest.raises(SettingsError, match="EDGE_EMBED_QUEUE"):
        Settings.from_environ({"EDGE_EMBED_QUEUE": str(BULK_TEXTS - 1)})


@pytest.mark.parametrize("userinfo", ["user:word@", "word@", ":word@", "us@er:word@"])
def test_the_userinfo_of_the_model_server_is_not_shown(userinfo):
    shown = repr(Settings(ollama_url=f"https://{userinfo}model.internal:11434/api"))
    assert "word" not in shown
    assert "https://***@model.internal:11434/api" in shown


def test_an_address_without_userinfo_is_shown_as_it_is():
    assert "'unix:/run/model@1.sock'" in repr(Settings(ollama_url="unix:/run/model@1.sock"))


BROKEN_URLS = (
    "postgresql://owner:pa%zzword@db/edge",
    "postgresql://owner:word%@db/edge",
    "postgresql://owner:word%00@db/edge",
    "postgresql://owner:pass word@db/edge",
    "postgresql://owner:pass@word@db/edge",
    "postgresql://owner:pass/word@db/edge",
    "postgresql://owner:12/word@db/edge",
    "postgresql://owner:12/?word@db/edge",
    "postgresql://owner@db/edge?password=word%zz",
    "postgresql://db:word/edge",
)
WHOLE_URLS = (
    "postgresql://",
    "postgresql://edge_owner@/edge?host=%2Fsrv%2Fa%20folder&port=5432",
    "postgres://owner:p%40ss%2Fword@db.example:6432/edge?sslmode=require&options=-c%20lock_timeout%3D50",
    "postgresql://owner:a:b?c#d[e@db/edge",
    "postgresql://owner:pässwörd@[::1]:5432/edge",
    "postgresql://one:5432,two:5433/edge?target_session_attrs=read-write",
    "postgresql://db/edge?user=me@server",
)


@pytest.mark.parametrize("variable", ["EDGE_DATABASE_URL", "EDGE_DATABASE_APP_URL"])
@pytest.mark.parametrize("url", BROKEN_URLS)
def test_a_database_url_that_means_something_else_is_refused_without_its_password(variable, url):
    with pytest.raises(SettingsError) as raised:
        Settings.from_environ({variable: url})
    assert f"{variable} is not a valid URL" in str(raised.value)
    assert "word@" not in str(raised.value).replace("user:password@host", "")
    assert url not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("url", WHOLE_URLS)
def test_a_database_url_that_libpq_reads_as_it_is_meant_is_accepted(url):
    assert Settings.from_environ({"EDGE_DATABASE_URL": url}).database_url == url
    conninfo_to_dict(url)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("EDGE_PORT", "abc", "'abc' is not a whole number"),
        ("EDGE_PORT", "80.5", "'80.5' is not a whole number"),
        ("EDGE_EMBED_DEADLINE_S", "soon", "'soon' is not a number"),
        ("EDGE_ENVIRONMENT", "prod", "'prod' is none of development, production"),
        ("EDGE_RATE_LIMIT_EXEMPT", "10.0.0.0/8,foo", "'foo' is not a network such as 10.0.0.0/8"),
        ("EDGE_TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' is not a network such as 10.0.0.0/8"),
        ("EDGE_HOME", "~nobody-of-this-name/edge", "home directory"),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_its_variable_in_words(variable, value, told):
    with pytest.raises(SettingsError) as caught:
        Settings.from_environ({variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert told in str(caught.value)


def test_every_value_that_does_not_fit_is_told_at_once():
    with pytest.raises(SettingsError, match=r"EDGE_PORT.*EDGE_RATE_LIMIT: 'many'.*EDGE_TRUSTED_PROXIES"):
        Settings.from_environ({"EDGE_PORT": "abc", "EDGE_RATE_LIMIT": "many", "EDGE_TRUSTED_PROXIES": "foo"})


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8080"),
        (
            {"public_url": "https://chat.shop.example/edge/", "tls_names": ("a.example",)},
            "https://chat.shop.example/edge",
        ),
        ({"tls_names": ("a.example", "b.example")}, "https://a.example"),
        ({"tls_names": ("a.example",), "tls_port": 8443}, "https://a.example:8443"),
    ],
)
def test_the_address_of_the_api_is_the_one_that_is_stated_or_else_the_one_that_is_known(given, address):
    assert address == Settings(**given).base_url


def test_a_password_that_no_mail_server_can_be_told_is_refused_without_showing_it():
    with pytest.raises(SettingsError, match="ASCII characters alone") as raised:
        Settings.from_environ({"EDGE_SMTP_URL": "smtp://edge:p%C3%A4ss@mail.example"})
    assert "p%C3%A4ss" not in str(raised.value)


def test_what_is_said_to_the_load_tests_is_not_the_instances_to_judge():
    assert Settings.from_environ({"EDGE_LOAD_SCALE": "0.05", "EDGE_LOAD_KEY": "edge_x"}) == Settings()
    with pytest.raises(SettingsError, match="EDGE_LOADS"):
        Settings.from_environ({"EDGE_LOADS": "1"})


@pytest.mark.parametrize("function", [chat, mcp, openai, search])
def test_the_longest_line_for_the_model_leaves_places_in_a_function_that_asks_it(function):
    longest = 192
    with pytest.raises(SettingsError, match="EDGE_EMBED_QUEUE"):
        Settings.from_environ({"EDGE_EMBED_QUEUE": str(longest + 1)})
    assert function.FUNCTION.concurrency - longest - CALLS_IN_FLIGHT * INTERACTIVE_BATCH >= 32
