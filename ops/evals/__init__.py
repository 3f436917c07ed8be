"""How good answers are, measured on questions whose facts are known."""
