import traceback

import pytest
from psycopg.conninfo import conninfo_to_dict

from core.db.dsn import application_conninfo
from core.db.migrate import migrate
from core.db.requirements import requirements
from core.errors import SettingsError
from core.settings import Settings

OWNER = "postgresql://owner@/edge?host=/run/pg"
APP = "postgresql://app:p%40ss@db.example:6432/edge?sslmode=require&options=-c%20lock_timeout%3D50"
BROKEN = "postgresql://owner:pa%zzword@db/edge"


def test_without_a_database_there_is_nothing_to_connect_to():
    with pytest.raises(SettingsError, match="EDGE_DATABASE_URL"):
        application_conninfo(Settings())


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (lambda url: application_conninfo(Settings(database_url=url)), "EDGE_DATABASE_URL"),
        (lambda url: application_conninfo(Settings(database_app_url=url)), "EDGE_DATABASE_APP_URL"),
        (requirements, "EDGE_DATABASE_URL"),
        (migrate, "EDGE_DATABASE_URL"),
    ],
)
def test_no_message_and_no_traceback_quotes_the_password_of_a_url_that_libpq_refuses(read, named):
    with pytest.raises(SettingsError, match=f"{named} is not a valid URL") as raised:
        read(BROKEN)
    assert "zzword" not in "".join(traceback.format_exception(raised.value))


def test_the_owners_dsn_becomes_the_application_role():
    given = conninfo_to_dict(application_conninfo(Settings(database_url=OWNER)))
    assert given["options"].endswith("-c role=edge_app")
    assert given["host"] == "/run/pg"


def test_a_dsn_of_the_applications_own_is_taken_as_it_is_with_its_options():
    given = conninfo_to_dict(application_conninfo(Settings(database_url=OWNER, database_app_url=APP)))
    assert (given["user"], given["password"], given["host"], given["port"]) == ("app", "p@ss", "db.example", "6432")
    assert given["sslmode"] == "require"
    assert given["options"].startswith("-c lock_timeout=50 -c ")
    assert "role=" not in given["options"]


def test_plans_are_custom_and_statements_bounded():
    given = conninfo_to_dict(application_conninfo(Settings(database_url=OWNER, database_timeout_s=0.25)))
    assert "-c plan_cache_mode=force_custom_plan" in given["options"]
    assert "-c statement_timeout=250" in given["options"]
    assert given["connect_timeout"] == "2"


def test_what_the_operator_put_into_the_dsn_wins():
    url = OWNER + "&application_name=shop&connect_timeout=9"
    given = conninfo_to_dict(application_conninfo(Settings(database_url=url)))
    assert (given["application_name"], given["connect_timeout"]) == ("shop", "9")
