"""`facequal study`: rows of experiments over seeds, against a base, as one table."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from facequal.engine.plan import is_first_process, plan_runs
from facequal.engine.study import carry_out, choose, prepare
from facequal.engine.study_file import read_study
from facequal.engine.study_report import duration, report_study

# First parts of the options of `facequal fit`: a wrong one is better found here than by every run.
FIT_KEYS = (
    *("config", "inherit", "seed_everything", "ckpt_path", "weights_only"),
    *("trainer", "model", "data", "evaluation", "embeddings", "restored"),
)

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


def build_parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(
        prog="facequal study",
        allow_abbrev=False,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="file of the study; comes first")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, in processes of their own (default: 1)")
    parser.add_argument("--folder", type=Path, help="where runs and summary go (default: runs/studies/NAME)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="run these rows or stages only, or the base")
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="remove earlier results of these rows, of their base and of their stages first",
    )
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command.

    Raises:
        SystemExit: With a message for wrong arguments, files and folders; with status 1 when a run failed; with
            status 130 on Ctrl-C.
    """
    options, further = build_parser().parse_known_args(list(arguments))
    for name in ("seeds", "jobs"):
        if getattr(options, name) < 1:
            sys.exit(f"facequal study: --{name} must be at least 1, got {getattr(options, name)}")
    unknown = [option for option in further if option.startswith("--") and top_key(option) not in FIT_KEYS]
    if unknown:
        sys.exit(f"facequal study: {unknown[0]} is an option neither of this command nor of facequal fit")
    started = time.monotonic()
    with errors_as_messages():
        study = read_study(options.file)
        folder = options.folder or Path("runs") / "studies" / options.file.stem
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        runs = plan_runs(study, folder, seeds, further)
        chosen = choose(study, runs, options.only)
        to_do = prepare(runs, chosen, options.fresh)
    problems = carry_out(study, to_do, options.jobs)
    if is_first_process():
        facts = {
            "seeds": ", ".join(map(str, seeds)),
            "command": shlex.join(["facequal", "study", *arguments]),
            "wall time": f"{duration(time.monotonic() - started)} for {len(to_do)} runs, {options.jobs} at a time",
        }
        with errors_as_messages():
            report_study(study, folder, runs, {run.row for run in chosen}, facts, problems)
    if problems:
        sys.exit(1)


def top_key(option: str) -> str:
    """Return what an option such as `--data.batch_size=8` begins with: `data`."""
    return option.removeprefix("--").partition("=")[0].partition(".")[0]


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn errors in what was given into a message.

    Raises:
        SystemExit: Instead of FileNotFoundError and ValueError.
    """
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"facequal study: {error}")
