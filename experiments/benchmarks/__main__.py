"""Measure speed and memory against what one would use otherwise: `python -m experiments.benchmarks`."""

import argparse
import importlib
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from experiments.benchmarks.rows import Row

NAMES = (
    *("heads", "octuplet", "queue", "qgface", "verification", "decoding"),
    *("augmentation", "degradation", "nasfe", "analysis", "pipeline", "gpu"),
)
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks, print their rows and write the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.benchmarks", description=__doc__)
    parser.add_argument("--only", choices=NAMES, action="append", help="run this one; may be given several times")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: to see whether it runs")
    parser.add_argument(
        "--output", type=Path, help="the table; default: RESULTS.md beside this file for a full run, none otherwise"
    )
    options = parser.parse_args(arguments)
    names = options.only or list(NAMES)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    use_one_thread()
    start, rows = time.monotonic(), []
    for name in names:
        rows += run(name, options.quick)
    output = options.output or (None if options.only or options.quick else RESULTS)
    if output is not None:
        from experiments.benchmarks.table import write_table

        command = ["python -m experiments.benchmarks", *(f"--only {name}" for name in options.only or ())]
        command += ["--quick"] if options.quick else []
        write_table(output, rows, " ".join(command), load, time.monotonic() - start)


def run(name: str, quick: bool) -> list[Row]:
    """Run one benchmark and print its rows."""
    rows: list[Row] = importlib.import_module(f"experiments.benchmarks.{name}").benchmark(quick)
    if quick:  # the targets are those of the full sizes
        rows = [replace(row, target=None) for row in rows]
    for row in rows:
        print(" | ".join(row.cells()), flush=True)
    return rows


def use_one_thread() -> None:
    """Keep all libraries to one core; NumPy's reads the environment when it is imported."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
    import cv2
    import torch

    cv2.setNumThreads(0)
    torch.set_num_threads(1)


if __name__ == "__main__":
    main()
