"""Files -> documents, in a process of its own with little memory, no secrets and nothing to write to.

Parsers meet what anybody may have made. Whatever becomes of one, the import goes on with the next file.
"""
