"""`facequal sweep`: the points of a W&B sweep, run on this machine one after the other, and their figures in a table.

No account is needed. Random and Bayesian search need the extra `facequal[sweeps]` (Optuna), a grid does not. Each point
runs on one device. Results go to sweep.csv. Goes on where it was stopped: points that have results are not run again;
what failed is, but for a Bayesian search, whose later points follow from that. Options of `facequal fit` may follow and
apply to every run; what a point sets wins over them.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from facequal.cli.options import errors_as_messages, make_parser, parse_runs
from facequal.engine.interruption import GOES_ON, stops_on_ctrl_c


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("sweep", __doc__)
    parser.add_argument("file", type=Path, help="file of the sweep, as `wandb sweep` takes it; comes first")
    parser.add_argument("--points", type=int, help="how many (default: run_cap of the file, or all of a grid)")
    parser.add_argument("--seed", type=int, default=0, help="of random points, and of every run (default: 0)")
    parser.add_argument("--fresh", action="store_true", help="remove what all points in the folder have left")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If arguments, files or folders are wrong (with a message), a run failed (status 1), or Ctrl-C is
            pressed (status 130).
    """
    with errors_as_messages("sweep"), stops_on_ctrl_c(GOES_ON):
        options, fit_options = parse_runs(build_parser(), line, Path("runs", "sweeps"))
        from facequal.engine.sweep import run_sweep
        from facequal.engine.sweep_file import read_sweep

        rest = (options.points, options.seed, fit_options, options.fresh)
        if not run_sweep(read_sweep(options.file), options.folder, *rest):
            sys.exit(1)
