"""The parts of the suite: each a module with one function that measures and returns figures."""
