"""`facequal sweep`: run the points of a W&B sweep one after the other, and keep their figures in a table."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from facequal.engine.sweep import Table, chosen_points, on_one_device, run_point, settings_digest, shown
from facequal.engine.sweep_file import read_sweep

DESCRIPTION = """\
Run the points of a W&B sweep on this machine, without an account: grid and random search, and Bayesian search with
the extra `facequal[sweeps]` (Optuna). Each point runs on one device. Results go to sweep.csv; points that are in it
are not run again, but for those of a grid or at random that failed.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(prog="facequal sweep", allow_abbrev=False, description=DESCRIPTION)
    parser.add_argument("file", type=Path, help="file of the sweep, as `wandb sweep` takes it")
    parser.add_argument("--points", type=int, help="how many (default: run_cap of the file, or all of a grid)")
    parser.add_argument("--folder", type=Path, help="where runs and table go (default: runs/sweeps/NAME)")
    parser.add_argument("--seed", type=int, default=0, help="of random points, and of every run (default: 0)")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command; further options apply to every run, and what a point sets wins over them.

    Raises:
        SystemExit: With a message for wrong arguments and files; with status 1 when a point failed.
    """
    options, further = build_parser().parse_known_args(list(arguments))
    try:
        sweep = read_sweep(options.file)
        further = on_one_device(sweep, further)
        folder = options.folder or Path("runs") / "sweeps" / options.file.stem
        table = Table(folder / "sweep.csv", sweep, settings_digest(sweep, options.seed, further))
        for number, point in chosen_points(sweep, options.points, options.seed, table):
            value, seconds, error = run_point(sweep, point, folder / f"point_{number:04d}", options.seed, further)
            table.add(number, point, value, seconds, error)
            print(f"point {number}: {error or f'{sweep.metric} {value:.4f}'}, {shown(point)}", flush=True)
    except (FileNotFoundError, ValueError, ModuleNotFoundError) as error:
        sys.exit(f"facequal sweep: {error}")
    best = table.best()
    if best is not None:
        print(f"best: point {best['point']}, {sweep.metric} {float(best['value']):.4f}")
    print(f"table: {table.path}")
    if any(row["error"] for row in table.rows):
        sys.exit(1)
