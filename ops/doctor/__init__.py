"""`edge doctor`: looks at a box as it runs, one check a module; `checks.py` lists them."""
