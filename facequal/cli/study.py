"""`facequal study`: rows of experiments over seeds, against a base, as one table."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from jsonargparse import ArgumentParser

from facequal.cli.options import add_seeds, errors_as_messages, make_parser, parse_runs
from facequal.engine.interruption import GOES_ON, stops_on_ctrl_c

DESCRIPTION = """\
Fit and test the rows of a study with several seeds, each from the weights of a
base if there is one, and print mean, spread and paired differences. Goes on
where it was stopped: runs that have results are not run again.
"""

EPILOG = """\
Options of `facequal fit` may follow and apply to every run; what a row sets
itself wins over them.

FILE is YAML with these keys, of which `rows`, `grid` or both must be there.
Experiments are named by their path from the folder of FILE.
  inherit  list of studies that this one is laid over: stages and rows that both
           name are merged
  title    heading of the table (default: the file's name)
  base     experiment that is fitted first, once per seed; every row starts from
           its last checkpoint
  stages   experiments that are fitted before the rows, once per seed and not
           tested: by name the key `config` and what they change, as in rows.
           Later stages and rows name their folders: ${NAME}/checkpoints/last.ckpt
  config   experiment of the rows that name none of their own
  control  name of the row that all others are compared with (default: the base;
           without either no differences are shown)
  columns  figures of the table: lists [protocol, condition, column] for the
           accuracy, or [protocol, condition, column, metric] for another one
           (default: all accuracies of the first protocol)
  rows     what each row changes, by its name: values by dotted key, as options
           of `facequal fit`; {} changes nothing. The key `config` gives the row
           an experiment of its own
  grid     lists of values by dotted key: a row for each combination. Two keys
           give a map too

example:
  title: Margins
  base: adaface.yaml
  config: octuplet.yaml
  columns:
    - [procedural/mixed, cross-resolution, 7 px]
    - [procedural/mixed, cross-resolution, 7 px, eer]
  rows:
    octuplet: {}
    one term: {model.init_args.terms: [hhh]}
    small batches: {config: octuplet_short.yaml, data.batch_size: 32}
  grid:
    model.init_args.margin: [1, 5, 25]
"""


def build_parser() -> ArgumentParser:
    """Return the options of the command."""
    parser = make_parser("study", DESCRIPTION, EPILOG)
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
        SystemExit: With a message for wrong arguments, files and folders; with status 1 when a run failed; with
            status 130 on Ctrl-C.
    """
    with errors_as_messages("study"), stops_on_ctrl_c(GOES_ON):
        options, fit_options = parse_runs(build_parser(), line, Path("runs", "studies"))
        from facequal.engine.study import run_study
        from facequal.engine.study_file import read_study

        rest = (fit_options, options.only, options.fresh, options.jobs, shlex.join(["facequal", *line]))
        if not run_study(read_study(options.file), options.folder, options.seeds, *rest):
            sys.exit(1)
