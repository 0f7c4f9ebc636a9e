"""Run the benchmarks and print one table."""

from __future__ import annotations

import argparse
import importlib
import sys

from scripts.benchmarks.row import Row

BENCHMARKS = ("startup", "decode", "ingest", "catalog", "tree", "health", "fits", "science", "site", "dashboards")


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHMARKS, []], help="which ones; default all")
    parser.add_argument("--large", action="store_true", help="also the long ones: the 1 GB capture, 1e6 catalog rows")
    arguments = parser.parse_args()
    print("| work | measured | budget | baseline (same run) | ratio |")
    print("|---|---:|---|---:|---:|")
    for name in arguments.names or BENCHMARKS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        for row in importlib.import_module(f"scripts.benchmarks.{name}").measure(arguments.large):
            print(line(row), flush=True)


def line(row: Row) -> str:
    """Return a row of the table in Markdown."""
    baseline = f"{row.baseline:,.4g} {row.unit} ({row.baseline_name})" if row.baseline else "-"
    note = f" {row.note}" if row.note else ""
    return f"| {row.work}{note} | {row.measured:,.4g} {row.unit} | {row.budget} | {baseline} | {row.ratio} |"


if __name__ == "__main__":
    main()
