"""How functions connect: the application's DSN with the settings that every session of theirs needs."""

import math
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import SettingsError
from core.settings import Settings

APPLICATION_ROLE = "edge_app"
SESSION = {
    # A generic plan knows no shop: over approximate indexes it dropped the smallest ones to a recall of 0.14.
    # core.db.pool.SET_SHOP_AND_KEEP_PLAN is for statements that name no such index.
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",  # statements take milliseconds; compiling one takes longer
    "search_path": "public",
    "client_min_messages": "warning",  # else each word over 2 KB is told about
    "timezone": "UTC",
    "hnsw.ef_search": "200",  # core.db.search.CANDIDATES, which tells what less costs
}


def owner_conninfo(url: str) -> str:
    """The libpq connection string of the owner; raises SettingsError."""
    return make_conninfo("", **_parsed(url, "EDGE_DATABASE_URL"))


def application_conninfo(settings: Settings) -> str:
    """The libpq connection string of the application role; raises SettingsError when no database is named.

    Without `database_app_url` it is the owner's, who becomes edge_app at the start of each session: row-level security
    then binds it as it binds a login of its own.
    """
    if settings.database_app_url:
        given = _parsed(settings.database_app_url, "EDGE_DATABASE_APP_URL")
    elif settings.database_url:
        given = _parsed(settings.database_url, "EDGE_DATABASE_URL")
    else:
        raise SettingsError("EDGE_DATABASE_URL names no database")
    session = {
        **SESSION,
        "statement_timeout": str(math.ceil(settings.database_timeout_s * 1000)),
        # A transaction that its process forgot must not hold a shop's row for ever.
        "idle_in_transaction_session_timeout": str(math.ceil(settings.database_timeout_s * 4000)),
    }
    if not settings.database_app_url:
        session["role"] = APPLICATION_ROLE
    options = " ".join([str(given.get("options") or ""), *(f"-c {name}={value}" for name, value in session.items())])
    defaults = {
        "application_name": "edge",
        "connect_timeout": str(max(2, math.ceil(settings.database_timeout_s))),  # below 2 libpq takes it for 2
        "tcp_user_timeout": str(math.ceil(settings.database_timeout_s * 1000)),
        "keepalives_idle": "30",
    }
    return make_conninfo("", **{**defaults, **given, "options": options.strip()})


def _parsed(url: str, setting: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # From None: libpq's words quote the password, and an operator's terminal or log is to show none.
        raise SettingsError(f"{setting} is not a valid URL") from None
