"""`python -m ops.cli` is `edge`."""

from ops.cli import main

main(prog_name="edge")
