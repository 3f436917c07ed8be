import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout

from core.db.connection import is_unavailable, translated
from core.errors import DatabaseUnavailable

PASSING = {
    "08006": errors.ConnectionFailure,
    "40001": errors.SerializationFailure,
    "40P01": errors.DeadlockDetected,
    "53100": errors.DiskFull,
    "53200": errors.OutOfMemory,
    "53300": errors.TooManyConnections,
    "55P03": errors.LockNotAvailable,
    "57014": errors.QueryCanceled,
    "57P01": errors.AdminShutdown,
    "57P02": errors.CrashShutdown,
    "57P03": errors.CannotConnectNow,
    "58030": errors.IoError,
    "25006": errors.ReadOnlySqlTransaction,
    "pool timeout": PoolTimeout,
    "pool closed": PoolClosed,
    "connection": psycopg.OperationalError,
}
DEFECTS = {
    "42601": errors.SyntaxError,
    "42501": errors.InsufficientPrivilege,
    "23505": errors.UniqueViolation,
    "22P02": errors.InvalidTextRepresentation,
    "42P01": errors.UndefinedTable,
    "programming": psycopg.ProgrammingError,
    "interface": psycopg.InterfaceError,
}


@pytest.mark.parametrize("kind", PASSING.values(), ids=PASSING.keys())
def test_what_may_pass_is_unavailability(kind):
    secret = 'connection to server at "10.0.0.7", user "edge_app" failed'
    with pytest.raises(DatabaseUnavailable) as caught, translated():
        raise kind(secret)
    assert isinstance(caught.value.__cause__, kind)
    assert "10.0.0.7" not in caught.value.detail
    assert caught.value.retry_after_s >= 1


@pytest.mark.parametrize("kind", DEFECTS.values(), ids=DEFECTS.keys())
def test_a_defect_stays_a_defect(kind):
    assert not is_unavailable(kind("x"))
    with pytest.raises(kind), translated():
        raise kind("x")
