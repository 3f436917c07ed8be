"""The function host: forks workers from a warmed process, gates them, flips a symlink, drains the old ones."""
