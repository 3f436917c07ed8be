"""Releases: immutable, content-addressed folders of one function and the `core/` it uses, and their journal."""
