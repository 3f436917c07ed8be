"""Settings: one frozen Struct, read once at start from `EDGE_…` variables; `docs/configuration.md` lists them."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin
from urllib.parse import unquote, urlsplit

import msgspec

from core.errors import SettingsError

PREFIX = "EDGE_"
HTTPS_PORT = 443
# What is said to the load tests (docs/load-tests.md) stands in the same shell.
LOAD_PREFIX = "EDGE_LOAD_"
SECRET_FIELDS = frozenset({"database_url", "database_app_url", "smtp_url"})
WORKERS = re.compile(r"[a-z][a-z0-9_]*=([1-9]|[1-5]\d|6[0-4])")
_USERINFO = re.compile("//[^/?#]*@")
# What libpq takes for a URL (PostgreSQL 18, 34.1.1.2), less what it takes for another one than was meant: of a password
# with an unescaped @, / or blank it makes a host, a port or a database, and its errors quote those.
_ESCAPED = "%(?!00)[0-9A-Fa-f]{2}"
_HOST = rf"(\[[0-9A-Fa-f:.]+\]|([^\s%@/?:,\[\]]|{_ESCAPED})*)(:\d*)?"
_PAIR = rf"\w+=([^\s%&=]|{_ESCAPED})*"
_DATABASE_URL = re.compile(
    rf"postgres(ql)?://(([^\s%@/]|{_ESCAPED})*@)?{_HOST}(,{_HOST})*(/([^\s%@?]|{_ESCAPED})*)?(\?({_PAIR}(&{_PAIR})*)?)?"
)
Environment = Literal["development", "production"]
LOOPBACK = ("127.0.0.0/8", "::1/128")
MAIL_ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
NONE = "none"  # for a setting that is given, and empty: an empty variable is an absent one
EMPTY_MEANS_NONE = frozenset({"embed_query_prefix", "embed_document_prefix"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, its type and its default. `EDGE_` + the upper-cased name is its variable."""

    home: Path = Path(".edge")
    environment: Environment = "development"
    host: str = "127.0.0.1"
    port: int = 8080
    database_url: str | None = None
    database_app_url: str | None = None
    database_pool: int = 4
    database_timeout_s: float = 5.0
    ollama_url: str | None = None
    embed_model: str = "all-minilm"
    embed_query_prefix: str | None = None
    embed_document_prefix: str | None = None
    embed_queue: int = 128
    embed_deadline_s: float = 2.0
    chat_model: str | None = None
    chat_concurrency: int = 1
    chat_queue: int = 8
    chat_deadline_s: float = 20.0
    cache_size_mib: int = 256
    outbox_size_mib: int = 64
    retention_days: int = 90
    smtp_url: str | None = None
    mail_from: str | None = None
    owner_email: str | None = None
    public_url: str | None = None
    handoff_patience_min: float = 10.0
    rate_limit: int = 100
    rate_limit_exempt: tuple[str, ...] | None = None
    cors_origins: tuple[str, ...] = ()
    nginx: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_names: tuple[str, ...] = ()
    tls_port: int = HTTPS_PORT
    watch_scale: float = 1.0
    workers: tuple[str, ...] = ()
    releases_kept: int = 10

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"Settings({', '.join(shown)})"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings; raises SettingsError that names every unknown or broken variable."""
        names = set(cls.__struct_fields__)
        ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(LOAD_PREFIX))
        given = {name[len(PREFIX) :].lower(): environ[name] for name in ours}
        if unknown := sorted(given.keys() - names):
            listed = ", ".join(PREFIX + name.upper() for name in unknown)
            raise SettingsError(f"unknown setting: {listed}; docs/configuration.md lists all of them")
        problems: list[str] = []
        values: dict[str, Any] = {}
        for field in msgspec.structs.fields(cls):
            if field.name in given and (text := given[field.name].strip()):
                try:
                    values[field.name] = _parse(field, text)
                except (ValueError, RuntimeError) as error:
                    problems.append(f"{PREFIX}{field.name.upper()}: {_fault(field, text) or error}")
        settings = cls(**values)
        problems.extend(_rule_violations(settings))
        if problems:
            raise SettingsError("; ".join(problems))
        return settings

    def to_environ(self) -> dict[str, str]:
        """The same settings as variables, for a process started from this one.

        Only those that differ from the defaults: a release of before a setting refuses its name.
        """
        pairs = ((field, getattr(self, field.name)) for field in msgspec.structs.fields(self))
        return {PREFIX + field.name.upper(): _text(value) for field, value in pairs if value != field.default}

    def workers_of(self, function: str, otherwise: int) -> int:
        """How many workers a function has; `otherwise` is what its manifest says."""
        given = dict(pair.split("=") for pair in self.workers)
        return int(given.get(function, otherwise))

    @property
    def base_url(self) -> str:
        """Where the world reaches the API, without a slash at the end, as far as it is known here."""
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        if self.tls_names:
            return f"https://{self.tls_names[0]}" + (f":{self.tls_port}" if self.tls_port != HTTPS_PORT else "")
        return f"http://{self.host}:{self.port}"

    @property
    def exempt_networks(self) -> tuple[str, ...]:
        """Networks without a rate limit: those named, else loopback in development and none in production."""
        if self.rate_limit_exempt is not None:
            return self.rate_limit_exempt
        return LOOPBACK if self.environment == "development" else ()


def _parse(field: msgspec.structs.FieldInfo, text: str) -> Any:
    if "tuple" in str(field.type):
        return tuple(part for part in (raw.strip() for raw in text.split(",")) if part and part != NONE)
    if field.name in EMPTY_MEANS_NONE and text == NONE:
        return ""
    if field.type in (Path, Path | None):
        return Path(text).expanduser().absolute()
    return msgspec.convert(text, field.type, strict=False)


def _fault(field: msgspec.structs.FieldInfo, text: str) -> str | None:
    """What is wrong with a text that is not of the field's type, for a person."""
    if get_origin(field.type) is Literal:
        return f"{text!r} is none of {', '.join(get_args(field.type))}"
    expected = {int: "a whole number", float: "a number"}.get(field.type)
    return expected and f"{text!r} is not {expected}"


def _text(value: Any) -> str:
    return (",".join(value) if isinstance(value, tuple) else str(value)) or NONE


def _shown(name: str, value: Any) -> str:
    if name in SECRET_FIELDS and value:
        return "***"
    if name == "ollama_url" and value:
        # Whom and where is of use to whoever reads a traceback; with which password is not.
        return repr(without_userinfo(value))
    return repr(value)


def without_userinfo(url: str) -> str:
    """The URL as it may be shown: without user and password."""
    return _USERINFO.sub("//***@", url)


def _network_violations(settings: Settings) -> Iterator[str]:
    for name in ("rate_limit_exempt", "trusted_proxies"):
        for network in getattr(settings, name) or ():
            try:
                ipaddress.ip_network(network)
            except ValueError:
                yield f"{PREFIX}{name.upper()}: {network!r} is not a network such as 10.0.0.0/8 or fd00::/8"


def _rule_violations(settings: Settings) -> list[str]:
    found: list[str] = []
    for name, low, high in (
        ("port", 1, 65535),
        ("tls_port", 1, 65535),
        ("database_pool", 1, 64),
        ("database_timeout_s", 0.05, 600),
        ("embed_queue", 8, 192),  # a bulk piece of core.models.job must fit, and the line into a function's concurrency
        ("embed_deadline_s", 0.05, 600),
        ("chat_concurrency", 1, 64),
        ("chat_queue", 0, 1000),
        ("chat_deadline_s", 0.05, 50),  # within the time of a request to the chat function
        ("cache_size_mib", 1, 1_000_000),
        ("outbox_size_mib", 1, 100_000),
        ("retention_days", 1, 36_500),
        ("handoff_patience_min", 0.01, 10_080),
        ("rate_limit", 1, 1_000_000),
        ("watch_scale", 0.0001, 1000),
        ("releases_kept", 1, 1000),
    ):
        value = getattr(settings, name)
        if not low <= value <= high:
            found.append(f"{PREFIX}{name.upper()}: {value} is not within {low}..{high}")
    found.extend(_network_violations(settings))
    for origin in settings.cors_origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            found.append(f"{PREFIX}CORS_ORIGINS: {origin!r} is not an origin such as https://shop.example")
    found += [
        f"{PREFIX}WORKERS: {pair!r} is not FUNCTION=NUMBER, such as search=2, with at most 64"
        for pair in settings.workers
        if not WORKERS.fullmatch(pair)
    ]
    return [*found, *_url_violations(settings), *_delivery_violations(settings)]


def _url_violations(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "database_app_url"):
        value, variable = getattr(settings, name), PREFIX + name.upper()
        if value and not value.startswith(("postgresql://", "postgres://")):
            yield f"{variable}: give a postgresql:// URL"
        elif value and not _DATABASE_URL.fullmatch(value):
            example = "postgresql://user:password@host:5432/database"
            yield f"{variable} is not a valid URL such as {example}: write special characters percent-encoded, @ as %40"
    if settings.ollama_url and not settings.ollama_url.startswith(("http://", "https://", "unix:/")):
        yield f"{PREFIX}OLLAMA_URL: give http://host:11434 or unix:/path/to.sock"


def _delivery_violations(settings: Settings) -> Iterator[str]:
    if settings.smtp_url and not re.fullmatch(r"smtps?://[^\s/]+/?", settings.smtp_url):
        yield f"{PREFIX}SMTP_URL: give smtp://user:password@host:587 or smtps://user:password@host:465"
    elif settings.smtp_url and not unquote(settings.smtp_url).isascii():
        # smtplib cannot say others, though RFC 4616 has them in UTF-8.
        yield f"{PREFIX}SMTP_URL: user, password and host may have ASCII characters alone"
    if settings.public_url and not re.fullmatch(r"https?://[^\s/]+(/[^\s?#]*)?", settings.public_url):
        yield f"{PREFIX}PUBLIC_URL: give https://chat.shop.example"
    for name in ("mail_from", "owner_email"):
        value = getattr(settings, name)
        if value and not MAIL_ADDRESS.fullmatch(value):
            yield f"{PREFIX}{name.upper()}: {value!r} is not an address such as owner@shop.example"
