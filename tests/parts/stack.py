"""Fixtures: stack."""
