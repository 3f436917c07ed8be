"""How costs grow with passages, shops and functions."""
