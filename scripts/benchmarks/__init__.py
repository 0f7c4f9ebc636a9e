"""Benchmarks: one module per budget, each with `measure(large) -> list[Row]`."""
