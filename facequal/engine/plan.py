"""The runs of a study: what each depends on, its folder, and whether it is finished."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facequal.engine.digest import experiment_digest
from facequal.engine.inherit import expand_inherited
from facequal.engine.marks import made_at, read_mark
from facequal.engine.study_file import BASE, PLACEHOLDER, WEIGHTS_KEY, Study, StudyRow, filled_in
from facequal.moved import refuse_moved_names, texts_in
from facequal.reports.layout import results_file


@dataclass(frozen=True)
class Run:
    """One experiment with one seed.

    Attributes:
        row: Name of the row or stage; "base" for the base.
        seed: Seed of everything.
        folder: Where its files go.
        arguments: Configuration and further options, as on the command line.
        overrides: What the row lays over its arguments, by dotted key.
        base: The run whose weights it starts from.
        stages: The runs that its overrides name, by name.
        command: Of `facequal`: "run" for rows, "fit" for stages, which are not tested.
        metric: Name of the logged figure that a sweep searches by; None outside of sweeps.
        digest: Of all its figures depend on.

    Raises:
        FileNotFoundError: If a configuration among the arguments does not exist.
        ValueError: If they name keys or classes that have another name now.
    """

    row: str
    seed: int
    folder: Path
    arguments: Sequence[str]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    base: "Run | None" = None
    stages: Mapping[str, "Run"] = field(default_factory=dict)
    command: str = "run"
    metric: str | None = None
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        try:
            refuse_moved_names(expand_inherited([*self.arguments, *as_arguments(self.overrides)]))
        except ValueError as error:
            raise ValueError(f"{self.row}: {error}") from None
        before = [f"base {self.base.digest}"] if self.base else []
        before += [f"stage {name} {run.digest}" for name, run in self.stages.items()]
        settings = [f"seed {self.seed}", f"command {self.command}", f"metric {self.metric}", *before]
        digest = experiment_digest([*self.arguments, *as_arguments(self.overrides), *settings])
        object.__setattr__(self, "digest", digest)

    @property
    def name(self) -> str:
        """Row and seed in words."""
        return f"{self.row}, seed {self.seed}"

    @property
    def log(self) -> Path:
        """Where its output goes, and its error if it fails."""
        return self.folder / "log.txt"

    @property
    def leaves_results(self) -> bool:
        """Whether it must leave the results of a test; a sweep needs its metric alone."""
        return self.command == "run" and self.metric is None

    @property
    def needs(self) -> list[Path]:
        """Folders of the runs that come before it."""
        return [run.folder for run in (self.base, *self.stages.values()) if run is not None]

    @property
    def stage_folders(self) -> dict[str, Path]:
        """Folders of the stages that its overrides name, by their names."""
        return {name: run.folder for name, run in self.stages.items()}

    @property
    def files(self) -> list[Path]:
        """Files of stages that its overrides name."""
        texts = [text for text in texts_in(dict(self.overrides)) if PLACEHOLDER.search(text)]
        return [Path(filled_in(text, self.stage_folders)) for text in texts]

    @property
    def is_finished(self) -> bool:
        """Whether it has come to its end without an error, and its figures are there."""
        mark = read_mark(self.folder)
        has_ended = "seconds" in mark and "error" not in mark
        return has_ended and (not self.leaves_results or results_file(self.folder).is_file())

    @property
    def is_current(self) -> bool:
        """Whether it is finished under the settings of now, from what its stages and its base hold now."""
        mark = read_mark(self.folder)
        if not self.is_finished or mark["digest"] != self.digest:
            return False
        made_from = mark.get("needs", {})
        return all(
            made_from.get(folder.parent.name) in (None, made_at(folder)) for folder in self.needs if made_at(folder)
        )

    @property
    def has_failed(self) -> bool:
        """Whether it ended with an error under the settings of now."""
        mark = read_mark(self.folder)
        return "error" in mark and mark["digest"] == self.digest

    def command_line(self) -> list[str]:
        """Return its arguments for `facequal fit`.

        Raises:
            FileNotFoundError: If the base has left no checkpoint.
        """
        weights = [] if self.base is None else [f"--{WEIGHTS_KEY}={last_checkpoint(self.base.folder)}"]
        changes = as_arguments(filled_in(dict(self.overrides), self.stage_folders))
        logger = [f"--trainer.logger.{key}" for key in (f"save_dir={self.folder}", "name=", "version=")]
        return [
            *(*self.arguments, *changes, *weights, f"--seed_everything={self.seed}"),
            *("--trainer.logger=lightning.pytorch.loggers.CSVLogger", *logger),
            *(f"--trainer.default_root_dir={self.folder}", "--evaluation.folder=null"),
        ]


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
    naming = [option for option in options if PLACEHOLDER.search(option)]
    if naming:
        raise ValueError(f"{naming[0]}: stages are named in {study.path}, not in further options")

    def planned(row: StudyRow, path: Path, seed: int, **before: Any) -> Run:
        return Run(row.name, seed, path / f"seed_{seed}", ["-c", str(row.config), *options], row.overrides, **before)

    bases: dict[int, Run] = {}
    if study.base is not None:
        bases = {seed: planned(StudyRow(BASE, study.base), folder / BASE, seed) for seed in seeds}
    runs = list(bases.values())
    for seed in seeds:
        stages: dict[str, Run] = {}
        for stage in study.stages:
            before = {name: stages[name] for name in stage.stages}
            path = folder / "stages" / stage.folder_name
            stages[stage.name] = planned(stage, path, seed, stages=before, command="fit")
        runs += stages.values()
        for row in study.rows:
            before = {name: stages[name] for name in row.stages}
            runs.append(planned(row, folder / "rows" / row.folder_name, seed, base=bases.get(seed), stages=before))
    return runs


def as_arguments(overrides: Mapping[str, Any]) -> list[str]:
    """Return values by dotted key as options.

    >>> as_arguments({"data.batch_size": 8, "model.init_args.terms": ["hhh", "hll"], "data.train": None})
    ['--data.batch_size=8', '--model.init_args.terms=["hhh", "hll"]', '--data.train=null']
    """
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
    checkpoints = sorted(folder.rglob("last*.ckpt"), key=lambda path: path.stat().st_mtime_ns)
    if not checkpoints:
        raise FileNotFoundError(
            f"{folder} holds no last.ckpt to start from: the base needs a ModelCheckpoint with save_last: true and "
            "without a dirpath of its own"
        )
    return checkpoints[-1]
