"""The runs of a study: what each depends on, its folder, and whether it is finished."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facequal.cli.runs import experiment_digest, results_file, run_options
from facequal.cli.study.file import BASE, WEIGHTS_KEY, Study
from facequal.evaluation.results import write_atomically

MARK = "study_run.json"


@dataclass(frozen=True)
class Run:
    """One experiment with one seed.

    Attributes:
        row: name of the row; "base" for the base.
        seed: seed of everything.
        folder: where its files go.
        arguments: configuration and overrides, as on the command line.
        digest: of all its figures depend on.
        base: folder of the run whose weights it starts from.
    """

    row: str
    seed: int
    folder: Path
    arguments: tuple[str, ...]
    digest: str
    base: Path | None = None

    @property
    def name(self) -> str:
        """Row and seed in words."""
        return f"{self.row}, seed {self.seed}"

    @property
    def log(self) -> Path:
        """Where its output goes, and its error if it fails."""
        return self.folder / "log.txt"

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end, and its figures are there."""
        return results_file(self.folder).is_file() and "seconds" in read_mark(self.folder)

    @property
    def is_current(self) -> bool:
        """Whether it is finished under the settings of now."""
        return self.is_finished and read_mark(self.folder)["digest"] == self.digest

    def command_line(self) -> list[str]:
        """Its arguments for `facequal fit`.

        Raises:
            FileNotFoundError: the base has left no checkpoint.
        """
        weights = [] if self.base is None else [f"--{WEIGHTS_KEY}={last_checkpoint(self.base)}"]
        return [*self.arguments, *weights, *run_options(self.folder, self.seed), "--evaluation.folder=null"]


def plan_runs(study: Study, folder: Path, seeds: Sequence[int], options: Sequence[str]) -> list[Run]:
    """All runs of a study: the base with every seed, then the rows, seed by seed.

    Args:
        study: the study.
        folder: where its runs go.
        seeds: the seeds.
        options: further options of `facequal fit`, for every run. A row's own overrides win over them.

    Raises:
        FileNotFoundError: a configuration among the options does not exist.
    """
    runs, bases = [], {}
    if study.base is not None:
        arguments = ("-c", str(study.base), *options)
        for seed in seeds:
            digest = experiment_digest([*arguments, f"seed {seed}"])
            bases[seed] = Run(BASE, seed, folder / BASE / f"seed_{seed}", arguments, digest)
            runs.append(bases[seed])
    for seed in seeds:
        base = bases.get(seed)
        for row in study.rows:
            changes = [f"--{key}={as_argument(value)}" for key, value in row.overrides.items()]
            arguments = ("-c", str(row.config), *options, *changes)
            digest = experiment_digest([*arguments, f"seed {seed}", f"base {base.digest if base else None}"])
            place = folder / "rows" / row.folder_name / f"seed_{seed}"
            runs.append(Run(row.name, seed, place, arguments, digest, base.folder if base else None))
    return runs


def as_argument(value: object) -> str:
    """A value as the command line takes it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def last_checkpoint(folder: Path) -> Path:
    """The checkpoint that `ModelCheckpoint` with ``save_last`` wrote at the end of a run.

    Raises:
        FileNotFoundError: there is none in the folder.
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
    """What a study noted in the folder of a run: digest, row, seed, and the seconds it took if it came to its end.

    Empty where no study has made the folder.
    """
    mark = folder / MARK
    content: dict[str, Any] = json.loads(mark.read_text()) if mark.is_file() else {}
    return content


def write_mark(run: Run, seconds: float | None = None) -> None:
    """Note what the run in a folder depends on, and once it is finished its time."""
    content = {"row": run.row, "seed": run.seed, "digest": run.digest}
    write_atomically(run.folder / MARK, json.dumps(content | ({} if seconds is None else {"seconds": seconds})) + "\n")


def remove_run(folder: Path) -> None:
    """Remove the folder of a run, if a study made it.

    Raises:
        ValueError: it holds something else.
    """
    if folder.exists() and any(folder.iterdir()):
        if not read_mark(folder):
            raise ValueError(f"{folder} was not made by this command, which does not remove it")
        shutil.rmtree(folder)


def is_first_process() -> bool:
    """Whether this process is not one that Lightning started beside the first, as on several GPUs."""
    given = (os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))
    return int(next(filter(None, given), "0")) == 0
