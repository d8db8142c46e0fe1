"""`facequal repeat`: one experiment with several seeds, its mean and its spread.

Goes on where it was stopped: seeds that have results are not run again. Options of `facequal fit` may follow and apply
to every seed.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from facequal.cli.options import add_seeds, errors_as_messages, make_parser, parse_runs
from facequal.engine.interruption import GOES_ON, stops_on_ctrl_c


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("repeat", __doc__)
    parser.add_argument("file", type=Path, metavar="config", help="experiment file; comes first")
    add_seeds(parser)
    parser.add_argument("--fresh", action="store_true", help="remove what all seeds in the folder have left")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If arguments, files or folders are wrong (with a message), a run failed (status 1), or Ctrl-C is
            pressed (status 130).
    """
    with errors_as_messages("repeat"), stops_on_ctrl_c(GOES_ON):
        options, fit_options = parse_runs(build_parser(), line, Path("runs", "repeat"))
        from facequal.engine.repeat import repeat

        if not repeat(options.file, options.folder, options.seeds, fit_options, options.fresh):
            sys.exit(1)
