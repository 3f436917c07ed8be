"""`python -m ops.upkeep`: what the database needs from time to time, once; `edge up` runs it every few minutes."""

import os
import sys

import psycopg

from core.db.ann import build_indexes
from core.db.reembedding import forget_old_vectors
from core.errors import SettingsError
from core.settings import Settings


def main() -> None:
    """Remove the vectors of models from before, build the indexes of shops that have grown, drop those of others.

    Prints what was done.
    """
    try:
        settings = Settings.from_environ(os.environ)
        if settings.database_url is None:
            sys.exit("EDGE_DATABASE_URL is needed: the owner's")
        for work in (forget_old_vectors, build_indexes):
            for line in work(settings.database_url):
                print(line, flush=True)
    except (SettingsError, psycopg.Error) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
