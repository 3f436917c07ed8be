"""What `edge up` does to the database between its start and the functions': migrate, calibrate, load the demo."""

from core.settings import Settings
from ops.stack.instance import InstanceError


def bring_up_to_date(settings: Settings) -> str | None:
    """Check what the database must offer and apply new migrations; raises InstanceError with what is missing."""
    from core.db.migrate import MigrationError, migrate, requirements

    assert settings.database_url is not None
    if missing := requirements(settings.database_url):
        raise InstanceError("the database cannot be used:\n  - " + "\n  - ".join(missing))
    try:
        applied = migrate(settings.database_url)
    except MigrationError as error:
        raise InstanceError(str(error)) from error
    return f"applied {', '.join(applied)}" if applied else None
