"""Benchmarks: what a part does beside what its floor allows, measured in one run."""
