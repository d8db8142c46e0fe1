"""`facequal study`: rows of experiments over seeds, against a base, as one table.

Fits and tests each row with several seeds, from the weights of the base if there is one, and prints mean, spread and
paired differences. Goes on where it was stopped: runs that have results are not run again. Options of `facequal fit`
may follow and apply to every run; what a row sets itself wins over them.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from facequal.cli.options import add_seeds, errors_as_messages, make_parser, parse_runs
from facequal.engine import study_file
from facequal.engine.interruption import GOES_ON, stops_on_ctrl_c


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("study", __doc__, study_file.__doc__)
    parser.add_argument("file", type=Path, help="file of the study; comes first")
    add_seeds(parser)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, in processes of their own (default: 1)")
    parser.add_argument("--only", nargs="+", type=str, metavar="ROW", help="run these rows or stages only, or the base")
    parser.add_argument(
        "--fresh", action="store_true", help="remove what these rows and their base and stages have left"
    )
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If arguments, files or folders are wrong (with a message), a run failed or the table has a column of
            which no run has a figure (status 1), or Ctrl-C is pressed (status 130).
    """
    with errors_as_messages("study"), stops_on_ctrl_c(GOES_ON):
        options, fit_options = parse_runs(build_parser(), line, Path("runs", "studies"))
        from facequal.engine.study import run_study

        rest = (fit_options, options.only, options.fresh, options.jobs, shlex.join(["facequal", *line]))
        if not run_study(study_file.read_study(options.file), options.folder, options.seeds, *rest):
            sys.exit(1)
