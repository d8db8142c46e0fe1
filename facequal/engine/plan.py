"""The runs of a study: what each depends on, its folder, and whether it is finished."""

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facequal.engine.digest import experiment_digest, run_options
from facequal.engine.study_file import BASE, PLACEHOLDER, WEIGHTS_KEY, Study, StudyRow, filled_in, texts_in
from facequal.reports.layout import results_file
from facequal.reports.results import write_atomically

MARK = "study_run.json"


@dataclass(frozen=True)
class Run:
    """One experiment with one seed.

    Attributes:
        row: Name of the row or stage; "base" for the base.
        seed: Seed of everything.
        folder: Where its files go.
        arguments: Configuration and further options, as on the command line.
        overrides: What the row lays over them, by dotted key.
        digest: Of all its figures depend on.
        base: Folder of the run whose weights it starts from.
        stages: Folders of the stages that its arguments name, by their names.
        is_stage: It is a stage itself: fitted, not tested.
    """

    row: str
    seed: int
    folder: Path
    arguments: tuple[str, ...]
    digest: str
    overrides: Mapping[str, Any] = field(default_factory=dict, compare=False)
    base: Path | None = None
    stages: tuple[tuple[str, Path], ...] = ()
    is_stage: bool = False

    @property
    def name(self) -> str:
        """Row and seed in words."""
        return f"{self.row}, seed {self.seed}"

    @property
    def log(self) -> Path:
        """Where its output goes, and its error if it fails."""
        return self.folder / "log.txt"

    @property
    def needs(self) -> tuple[Path, ...]:
        """Folders of the runs that come before it."""
        return (*([] if self.base is None else [self.base]), *(folder for _, folder in self.stages))

    @property
    def files(self) -> list[Path]:
        """Files of stages that its overrides name."""
        named = [text for text in texts_in(dict(self.overrides)) if PLACEHOLDER.search(text)]
        return [Path(filled_in(text, dict(self.stages))) for text in named]

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end, and its figures are there."""
        return "seconds" in read_mark(self.folder) and (self.is_stage or results_file(self.folder).is_file())

    @property
    def is_current(self) -> bool:
        """Whether it is finished under the settings of now, from what its stages and its base hold now."""
        if not self.is_finished:
            return False
        mark = read_mark(self.folder)
        made = mark.get("needs", {})
        return mark["digest"] == self.digest and all(
            made.get(folder.parent.name) in (None, made_at(folder)) for folder in self.needs if made_at(folder)
        )

    def command_line(self) -> list[str]:
        """Return its arguments for `facequal fit`.

        Raises:
            FileNotFoundError: If the base has left no checkpoint.
        """
        weights = [] if self.base is None else [f"--{WEIGHTS_KEY}={last_checkpoint(self.base)}"]
        changes = as_arguments(filled_in(dict(self.overrides), dict(self.stages)))
        return [*self.arguments, *changes, *weights, *run_options(self.folder, self.seed), "--evaluation.folder=null"]


def plan_runs(study: Study, folder: Path, seeds: Sequence[int], options: Sequence[str]) -> list[Run]:
    """Return all runs of a study: the base with every seed, then stages and rows, seed by seed.

    Args:
        study: The study.
        folder: Where its runs go.
        seeds: The seeds.
        options: Further options of `facequal fit`, for every run. A row's own overrides win over them.

    Raises:
        FileNotFoundError: If a configuration among the options does not exist.
        ValueError: If an option names a stage, which only the study's file can.
    """
    placed = [option for option in options if PLACEHOLDER.search(option)]
    if placed:
        raise ValueError(f"{placed[0]}: stages are named in {study.path}, not in further options")
    runs, bases = [], {}
    if study.base is not None:
        for seed in seeds:
            bases[seed] = planned(StudyRow(BASE, study.base), folder / BASE, seed, options)
            runs.append(bases[seed])
    for seed in seeds:
        stages: dict[str, Run] = {}
        for stage in study.stages:
            place = folder / "stages" / stage.folder_name
            stages[stage.name] = planned(stage, place, seed, options, stages=stages, is_stage=True)
        rows = [
            planned(row, folder / "rows" / row.folder_name, seed, options, bases.get(seed), stages)
            for row in study.rows
        ]
        runs += [*stages.values(), *rows]
    return runs


def planned(
    row: StudyRow,
    folder: Path,
    seed: int,
    options: Sequence[str],
    base: Run | None = None,
    stages: Mapping[str, Run] | None = None,
    is_stage: bool = False,
) -> Run:
    """Return the run of a row, a stage or the base with one seed.

    Args:
        row: What it runs.
        folder: Of the row; the run's is in it.
        seed: Its seed.
        options: Further options, which the row's own overrides win over.
        base: Run whose weights it starts from.
        stages: Runs before it, by name; those that the row names count.
        is_stage: Whether it is a stage.
    """
    arguments = ("-c", str(row.config), *options)
    before = {name: stages[name] for name in row.stages} if stages else {}
    depends = [f"seed {seed}"]
    if row.name != BASE:
        depends.append(f"base {base.digest if base else None}")
    depends += [f"stage {name} {run.digest}" for name, run in before.items()]
    return Run(
        row.name,
        seed,
        folder / f"seed_{seed}",
        arguments,
        experiment_digest([*arguments, *as_arguments(row.overrides), *depends]),
        row.overrides,
        base.folder if base else None,
        tuple((name, run.folder) for name, run in before.items()),
        is_stage,
    )


def as_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """Return values by dotted key as options."""
    return [f"--{key}={as_argument(value)}" for key, value in overrides.items()]


def as_argument(value: object) -> str:
    """Return a value as the command line takes it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def last_checkpoint(folder: Path) -> Path:
    """Return the checkpoint that `ModelCheckpoint` with `save_last` wrote at the end of a run.

    Raises:
        FileNotFoundError: If there is none in the folder.
    """
    # A name that is taken gets a version: last.ckpt, last-v1.ckpt.
    found = sorted(folder.rglob("last*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no last.ckpt to start from: the base needs a ModelCheckpoint with save_last: true and "
            "without a dirpath of its own"
        )
    return found[-1]


def read_mark(folder: Path) -> dict[str, Any]:
    """Return what a study noted in the folder of a run: digest, row, seed, and at its end its seconds and when it was made.

    Empty where no study has made the folder.
    """
    mark = folder / MARK
    content: dict[str, Any] = json.loads(mark.read_text()) if mark.is_file() else {}
    return content


def write_mark(run: Run, seconds: float | None = None) -> None:
    """Note what the run in a folder depends on, and once it is finished its time and what it was made from."""
    content: dict[str, Any] = {"row": run.row, "seed": run.seed, "digest": run.digest}
    if seconds is not None:
        needs = {folder.parent.name: made_at(folder) for folder in run.needs}
        content |= {"seconds": seconds, "made": time.time_ns(), "needs": needs}
    write_atomically(run.folder / MARK, json.dumps(content) + "\n")


def made_at(folder: Path) -> int | None:
    """Return when the run in a folder came to its end; None if it has not."""
    made: int | None = read_mark(folder).get("made")
    return made


def remove_run(folder: Path) -> None:
    """Remove the folder of a run, if a study made it.

    Raises:
        ValueError: If it holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        if not read_mark(folder):
            raise ValueError(f"{folder} was not made by this command, which does not remove it")
        shutil.rmtree(folder)


def is_first_process() -> bool:
    """Return whether this process is not one that Lightning started beside the first, as on several GPUs."""
    given = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    return int(next(filter(None, given), "0")) == 0
