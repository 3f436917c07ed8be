"""`python -m ops.upkeep`: what the database needs from time to time, once; `edge up` runs it every few minutes."""

import os
import sys

import psycopg

from core.db.ann import build_indexes
from core.errors import SettingsError
from core.settings import Settings


def main() -> None:
    """Build the indexes of shops that have grown large, drop those of shops that have shrunk; print what was done."""
    try:
        settings = Settings.from_environ(os.environ)
        if settings.database_url is None:
            sys.exit("EDGE_DATABASE_URL is needed: the owner's")
        for line in build_indexes(settings.database_url):
            print(line, flush=True)
    except (SettingsError, psycopg.Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
