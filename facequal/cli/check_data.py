"""`facequal check-data`: everything that is wrong with a data set, at once, before training.

The exit status is 1 if there is an error among the problems.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from jsonargparse import ArgumentParser, Namespace
from rich.console import Console
from rich.progress import Progress

from facequal.cli.options import errors_as_messages, make_parser
from facequal.data.checking.check import DataKind, check_data
from facequal.data.errors import Problem, Severity


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("check-data", __doc__)
    parser.add_argument("path", type=Path, help="folder of identities or of train.rec, .csv list, pairs .txt, or .bin")
    parser.add_argument("--kind", choices=get_args(DataKind), help="kind of data, where the path does not tell")
    parser.add_argument("--root", type=Path, help="folder that the paths of a list or of pairs are relative to")
    parser.add_argument("--split", type=str, help="split of a list to check (default: all of it)")
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If an error was found (status 1), or the set cannot be opened.
    """
    options = build_parser().parse_args(line[1:])
    with errors_as_messages("check-data"):
        problems = check_with_progress(options)
    for problem in problems:
        print(problem)
    counts = {severity: sum(problem.severity == severity for problem in problems) for severity in get_args(Severity)}
    print(f"{options.path}: " + ", ".join(f"{count} {severity}s" for severity, count in counts.items()))
    if counts["error"]:
        sys.exit(1)


def check_with_progress(options: Namespace) -> list[Problem]:
    """Check with a progress bar on standard error, so that the list can be piped."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        return check_data(
            options.path,
            options.kind,
            options.root,
            options.split,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
