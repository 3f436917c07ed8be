"""Builders of the nginx configuration: they take plain data and return text, and touch nothing."""
