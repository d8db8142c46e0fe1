"""`facequal compare`: the reports of two models, such as a base and its fine-tuned version, as tables and pictures.

BEFORE and AFTER are each a results.csv, a report folder, a run folder, or a folder of seeds (seed_*/report/results.csv,
as `facequal repeat` makes). Of two folders of seeds those seeds are paired that both hold; mean and spread are given.

products:
  cross-resolution  mean accuracy of the sets at 7 to 112 px, the second image degraded; LFW and XQLFW
  same-resolution   the same, both images degraded
  lfw               accuracy on LFW, or on each of --sets, at all resolutions of the reports
  roc               ROC curves at each resolution and their EERs
  bars              accuracy of each set at each resolution

Without --sets the means take the seven sets of the InsightFace packages (all sets, if both hold none of these), and roc
and bars all sets that both hold.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from jsonargparse import ArgumentParser

from facequal.cli.options import errors_as_messages, make_parser
from facequal.reports.comparison.changes import render_changes
from facequal.reports.comparison.pairing import read_comparison
from facequal.reports.comparison.report import (
    ProductName,
    make_products,
    missing_sets,
    tables_shown_once,
    write_comparison,
)
from facequal.reports.tables import print_table

PRODUCTS = list(get_args(ProductName))


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("compare", __doc__)
    parser.add_argument("before", type=Path, help="results of the first model")
    parser.add_argument("after", type=Path, help="results of the second model")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files; replaces a comparison there")
    parser.add_argument("--only", nargs="+", choices=PRODUCTS, default=PRODUCTS, help="products (default: all)")
    parser.add_argument(
        "--sets", nargs="+", type=str, metavar="NAME", help="test sets of all products (default: see above)"
    )
    return parser


def main(line: Sequence[str]) -> None:
    """Run the command.

    Args:
        line: The command line after the program's name.

    Raises:
        SystemExit: If the reports cannot be read or compared.
    """
    options = build_parser().parse_args(line[1:])
    with errors_as_messages("compare"):
        comparison = read_comparison(options.before, options.after)
        products, left_out = make_products(comparison, options.only, options.sets)
        path = write_comparison(options.out, comparison, products, left_out)
    for table in tables_shown_once(products):
        if table is not None:
            print_table(render_changes(table))
    for sentence in (*left_out, *comparison.notes, *missing_sets(comparison)):
        print(f"note: {sentence}")
    print(f"comparison: {path}")
