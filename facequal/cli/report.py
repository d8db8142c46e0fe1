"""`facequal report`: runs compared on one HTML page: settings, results with spread, curves, norms, margins, pictures.

RUN is a results.csv, a report folder, a run folder, a folder of seeds (seed_*/report/results.csv, as `facequal repeat`
makes), or the folder of a study, which stands for its base and all its rows. A run without results is shown with its
configuration and its pictures.

The page needs no network and no other file. What a run lacks is told there and on stderr.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from facequal.cli.options import errors_as_messages, make_parser
from facequal.reports.notes import Notes
from facequal.reports.page.page import write_page
from facequal.reports.page.runs import read_runs


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("report", __doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="what to compare; see above")
    parser.add_argument("--out", type=Path, required=True, help="folder of report.html; replaces a page there")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If no run can be read.
    """
    options = build_parser().parse_args(line[1:])
    notes = Notes()
    with errors_as_messages("report"):
        path = write_page(options.out, read_runs(options.runs, notes), notes)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"report: {path}")
