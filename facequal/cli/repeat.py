"""`facequal repeat`: one experiment with several seeds, its mean and its spread."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only
from rich.console import Console

from facequal.engine.digest import experiment_digest, run_options
from facequal.engine.fit_and_test import fit_and_test
from facequal.reports.layout import results_file
from facequal.reports.results import Result, read_results, results_table
from facequal.reports.statistics import summarise, write_summary
from facequal.reports.tables import render_summary

MARK = "experiment.sha256"


def build_parser() -> argparse.ArgumentParser:
    """Return the options of the command."""
    parser = argparse.ArgumentParser(
        prog="facequal repeat",
        allow_abbrev=False,
        description="Fit and test with several seeds and report mean and spread. Goes on where it was stopped: seeds "
        "that have results are not run again.",
        epilog="Options of `facequal fit` may follow and apply to every seed.",
    )
    parser.add_argument("config", type=Path, help="experiment file; comes first")
    parser.add_argument("--seeds", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--folder", type=Path, help="where runs and summary go (default: runs/repeat/NAME)")
    parser.add_argument("--fresh", action="store_true", help="remove earlier results of this folder first")
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    options, overrides = build_parser().parse_known_args(list(arguments))
    if options.seeds < 1:
        sys.exit(f"facequal repeat: --seeds must be at least 1, got {options.seeds}")
    if not options.config.is_file():
        sys.exit(f"facequal repeat: there is no file {options.config}")
    folder = options.folder or Path("runs") / "repeat" / options.config.stem
    if options.fresh and folder.exists():
        if not (folder / MARK).is_file():
            sys.exit(f"facequal repeat: {folder} was not made by this command, --fresh does not remove it")
        shutil.rmtree(folder)
    require_same_experiment(folder, options.config, overrides)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    per_seed = [run_seed(folder / f"seed_{seed}", options.config, seed, overrides) for seed in seeds]
    print_summary(folder, per_seed)


@rank_zero_only
def print_summary(folder: Path, per_seed: Sequence[Sequence[Result]]) -> None:
    """Print mean and spread and write them."""
    figures = summarise(results_table({"": dict(enumerate(per_seed))}))
    Console().print(render_summary(figures))
    write_summary(folder / "summary.csv", figures)
    print(f"summary: {folder / 'summary.csv'}")


def run_seed(folder: Path, config: Path, seed: int, overrides: Sequence[str]) -> list[Result]:
    """Return results of one seed: read if they are there, else made."""
    finished = results_file(folder)
    if finished.is_file():
        print(f"seed {seed}: {finished} is there")
        return read_results(finished)
    results, _ = fit_and_test(["-c", str(config), *run_options(folder, seed), *overrides])
    return results


def require_same_experiment(folder: Path, config: Path, overrides: Sequence[str]) -> None:
    """Refuse to mix the results of two experiments in one folder.

    Raises:
        SystemExit: If the folder holds results of other settings.
    """
    try:
        digest = experiment_digest(["-c", str(config), *overrides])
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"facequal repeat: {error}")
    mark = folder / MARK
    if mark.is_file() and mark.read_text().strip() != digest:
        sys.exit(f"facequal repeat: {folder} holds results of other settings; use --fresh, or another --folder")
    folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(digest + "\n")
