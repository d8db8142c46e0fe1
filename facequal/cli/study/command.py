"""`facequal study`: rows of experiments over seeds, against a base, as one table."""

import argparse
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from facequal.cli.runs import results_file
from facequal.cli.study.file import BASE, Study, read_study
from facequal.cli.study.jobs import NOT_DONE, Outcome, one_after_another, side_by_side
from facequal.cli.study.report import duration, report_study
from facequal.cli.study.runs import (
    Run,
    is_first_process,
    last_checkpoint,
    plan_runs,
    remove_run,
)
from facequal.evaluation.results import read_results
from facequal.evaluation.study.summary import RowResults, by_place, default_columns, figures_of
from facequal.evaluation.tables import amount

# First parts of the options of `facequal fit`: a wrong one is better found here than by every run.
FIT_KEYS = (
    *("config", "inherit", "seed_everything", "ckpt_path", "weights_only"),
    *("trainer", "model", "data", "evaluation", "embeddings", "restored"),
)
INTERRUPTED = 130  # what shells report for a command stopped by Ctrl-C

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
    """The options of the command."""
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
        SystemExit: with a message for wrong arguments, files and folders; with status 1 when a run failed; with
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
    """What an option such as ``--data.batch_size=8`` begins with: ``data``."""
    return option.removeprefix("--").partition("=")[0].partition(".")[0]


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn errors in what was given into a message.

    Raises:
        SystemExit: instead of FileNotFoundError and ValueError.
    """
    try:
        yield
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"facequal study: {error}")


def choose(study: Study, runs: Sequence[Run], only: Sequence[str] | None) -> list[Run]:
    """The runs of the rows that `only` names; all without it.

    Raises:
        ValueError: there is no such row.
    """
    if only is None:
        return list(runs)
    names = [*([BASE] if study.base else []), *(row.name for row in (*study.stages, *study.rows))]
    unknown = [name for name in only if name not in names]
    if unknown:
        raise ValueError(f"--only: there is no row {unknown[0]!r} in {study.path}; there are {'; '.join(names)}")
    return [run for run in runs if run.row in only]


def prepare(runs: Sequence[Run], chosen: Sequence[Run], fresh: bool) -> list[Run]:
    """The runs that are to be done: those of the chosen ones that are not finished, and what they need.

    Raises:
        FileNotFoundError: a finished base has no checkpoint, or a finished stage lacks a file that is needed.
        ValueError: a folder holds results of other settings, or was not made by a study.
    """
    by_folder = {run.folder: run for run in runs}
    if fresh and is_first_process():
        for run in with_needs(chosen, by_folder):
            remove_run(run.folder)
    needed = {run.folder for run in chosen}
    needed |= {run.folder for run in with_needs([run for run in chosen if not run.is_finished], by_folder)}
    to_do = []
    for run in runs:
        if run.folder not in needed:
            continue
        if not run.is_finished:
            to_do.append(run)
        elif not run.is_current:
            raise ValueError(
                f"{run.folder} holds results of {run.name} under other settings; use --fresh, or another --folder"
            )
        elif any(row.base == run.folder and not row.is_finished for row in chosen):
            last_checkpoint(run.folder)
    for run in to_do:
        finished = {folder for folder in run.needs if by_folder[folder].is_finished}
        gone = [file for file in run.files if not file.exists() and finished & set(file.parents)]
        if gone:
            raise FileNotFoundError(f"{gone[0]}, which {run.name} needs, is gone; --fresh makes it again")
    if is_first_process():
        for run in to_do:
            remove_run(run.folder)  # what an earlier attempt has left
    return to_do


def with_needs(runs: Sequence[Run], by_folder: Mapping[Path, Run]) -> list[Run]:
    """Runs, and all that come before them."""
    found: dict[Path, Run] = {}
    waiting = list(runs)
    while waiting:
        run = waiting.pop()
        found[run.folder] = run
        waiting += [by_folder[folder] for folder in run.needs if folder not in found]
    return list(found.values())


def carry_out(study: Study, to_do: Sequence[Run], jobs: int) -> list[str]:
    """Do the runs and print a line as each ends; what failed comes back in words.

    Raises:
        SystemExit: on Ctrl-C.
    """
    problems = []
    if is_first_process():
        print(f"{study.title}: {len(to_do)} runs to go", flush=True)
    try:
        outcomes = one_after_another(to_do) if jobs == 1 or len(to_do) < 2 else side_by_side(to_do, jobs)
        for number, outcome in enumerate(outcomes, start=1):
            if outcome.error not in (None, NOT_DONE):
                problems.append(f"{outcome.run.name}: {outcome.error}; see {outcome.run.log}")
            if is_first_process():
                print(f"{told(study, outcome)}; {len(to_do) - number} to go", flush=True)
    except BrokenProcessPool:
        problems.append("a worker was stopped from outside, as by a lack of memory: run it again, with fewer --jobs")
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
    return problems


def told(study: Study, outcome: Outcome) -> str:
    """How a run ended, in one line: its time and the figure of the first column."""
    if outcome.error is not None:
        return f"{outcome.run.name}: {outcome.error}"
    if outcome.run.is_stage:
        return f"{outcome.run.name}: {duration(outcome.seconds)}"
    results = read_results(results_file(outcome.run.folder))
    text = f"{outcome.run.name}: {duration(outcome.seconds)}"
    for column in (study.columns or default_columns(results))[:1]:
        figure = by_place(figures_of(RowResults("", {outcome.run.seed: results}, "", {}))).get(("", column))
        text += f", {amount(figure.mean, figure.std, figure.unit) if figure else 'n/a'} ({column})"
    return text
