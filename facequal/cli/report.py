"""`facequal report`: runs compared on one HTML page."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from facequal.reports.notes import Notes
from facequal.reports.page.page import write_page
from facequal.reports.page.runs import read_runs

EPILOG = """\
RUN is a results.csv, a report folder, a run folder, a folder of seeds (seed_*/report/results.csv, as `facequal repeat`
makes), or the folder of a study, which stands for its base and all its rows. A run without results is shown with its
configuration and its pictures.

The page needs no network and no other file. What a run lacks is told there and on stderr.
"""


def build_parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(
        prog="facequal report",
        allow_abbrev=False,
        description="Compare runs on one HTML page: settings, results with spread, curves, norms, margins, pictures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="what to compare; see below")
    parser.add_argument("--out", type=Path, required=True, help="folder of report.html; replaces a page there")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        SystemExit: With a message when no run can be read.
    """
    options = build_parser().parse_args(list(arguments))
    notes = Notes()
    try:
        runs = read_runs(options.runs, notes)
    except ValueError as error:
        sys.exit(f"facequal report: {error}")
    try:
        path = write_page(options.out, runs, notes)
    except OSError as error:
        sys.exit(f"facequal report: --out {options.out}: {error}")
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"report: {path}")
