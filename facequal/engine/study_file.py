"""The file of a study: which experiments it runs, as rows or as a grid, and which figures its table shows.

It is YAML with these keys, of which `rows`, `grid` or both must be there.
Experiments are named by their path from its folder.
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
           (default: all accuracies of the first protocol). What no run has is
           shown as n/a, and the command ends with status 1
  rows     what each row changes, by its name: values by dotted key, as options
           of `facequal fit`; {} changes nothing. The key `config` gives the row
           an experiment of its own
  grid     lists of values by dotted key: a row for each combination. Two keys
           give a map too

Example:
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

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facequal.engine.grid import grid_points, row_name
from facequal.engine.study_inheritance import read_inherited
from facequal.moved import texts_in
from facequal.reports.study.summary import Column

BASE = "base"
# What the study sets itself, so that runs are paired by seed and found again; with a base, the weights too.
RESERVED_KEYS = ("seed_everything", "trainer.logger", "trainer.default_root_dir", "evaluation.folder", "ckpt_path")
WEIGHTS_KEY = "model.init_args.weights"
# ${search} in a value is the folder of the stage "search" with the same seed.
PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class StudyRow:
    """One row of the table: an experiment and what it changes.

    Attributes:
        name: Name in the table.
        config: The experiment file.
        overrides: Values by dotted key, laid over the experiment.
    """

    name: str
    config: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder_name(self) -> str:
        """The name with everything but letters, digits and `_.=+-` replaced by `_`.

        >>> StudyRow("6, + identity term", Path("nasfe.yaml")).folder_name
        '6_+_identity_term'
        """
        return re.sub(r"[^\w.=+-]+", "_", self.name).strip("._")

    @property
    def stages(self) -> tuple[str, ...]:
        """Names of the stages whose folders its values name, each once."""
        texts = texts_in(dict(self.overrides))
        return tuple(dict.fromkeys(name for text in texts for name in PLACEHOLDER.findall(text)))


def filled_in(value: Any, folders: Mapping[str, Path]) -> Any:
    """Return a nested value with the stages' folders in place of their names.

    >>> filled_in({"genotype": "${search}/genotype.json"}, {"search": Path("stages/search/seed_0")})
    {'genotype': 'stages/search/seed_0/genotype.json'}
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda name: str(folders[name[1]]), value)
    if isinstance(value, dict):
        return {key: filled_in(item, folders) for key, item in value.items()}
    return [filled_in(item, folders) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Study:
    """A study as its file describes it.

    Attributes:
        path: The file.
        title: Heading of the table.
        base: Experiment whose weights every row starts from; None: rows stand alone.
        rows: Those of `rows`, then those of `grid`, the last key changing fastest.
        columns: Figures of the table; empty: all accuracies of the first protocol.
        grid: Values by dotted key.
        control: Name of the row that the others are compared with; None: the base.
        stages: Experiments that are fitted before, in this order, and whose files later ones take.
    """

    path: Path
    title: str
    base: Path | None
    rows: tuple[StudyRow, ...]
    columns: tuple[Column, ...]
    grid: Mapping[str, Sequence[Any]]
    control: str | None = None
    stages: tuple[StudyRow, ...] = ()

    @property
    def grid_rows(self) -> tuple[StudyRow, ...]:
        """The rows of the grid."""
        num = math.prod(len(values) for values in self.grid.values()) if self.grid else 0
        return self.rows[len(self.rows) - num :]


def read_study(path: Path) -> Study:
    """Read and check the file of a study.

    Raises:
        FileNotFoundError: If the file or an experiment it names does not exist.
        ValueError: If something in it is not as it must be; names file, key and value.
    """
    content = read_inherited(path)
    if not content.get("rows") and not content.get("grid"):
        raise ValueError(f"{path}: needs `rows`, `grid` or both")
    has_base = content.get("base") is not None
    grid = checked_grid(path, content.get("grid") or {})
    rows = list(checked_rows(path, "rows", content.get("rows") or {}).items())
    rows += [(row_name(point), point) for point in grid_points(grid)]
    stages = checked_rows(path, "stages", content.get("stages") or {})
    study = Study(
        path=path,
        title=str(content.get("title") or path.stem),
        base=content.get("base"),
        rows=tuple(built_row(path, f"row {name}", name, row, content.get("config"), has_base) for name, row in rows),
        columns=checked_columns(path, content.get("columns")),
        grid=grid,
        control=content.get("control"),
        stages=tuple(built_row(path, f"stage {name}", name, stage, None, False) for name, stage in stages.items()),
    )
    check_names(path, study.stages)
    check_names(path, study.rows)
    check_stages(path, study)
    if study.control not in (None, *[row.name for row in study.rows]):
        raise ValueError(f"{path}: control must be the name of a row, got {study.control!r}")
    return study


def checked_rows(path: Path, key: str, rows: object) -> dict[str, dict[str, Any]]:
    """Return `rows` or `stages`: overrides by name.

    Raises:
        ValueError: If it is not a mapping of mappings.
    """
    if not isinstance(rows, dict):
        raise ValueError(f"{path}: {key} must be a mapping of names to overrides, got {rows!r}")
    for name, row in rows.items():
        if not isinstance(row, dict):
            raise ValueError(f"{path}: {key}: {name} must be a mapping of dotted keys to values, got {row!r}")
    return {str(name): row for name, row in rows.items()}


def checked_grid(path: Path, grid: object) -> dict[str, list[Any]]:
    """Return `grid`: values by dotted key.

    Raises:
        ValueError: If it is not a mapping of lists, or a list is empty.
    """
    if not isinstance(grid, dict):
        raise ValueError(f"{path}: grid must be a mapping of dotted keys to lists of values, got {grid!r}")
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{path}: grid: {key} must be a list of values, got {values!r}")
    return {str(key): values for key, values in grid.items()}


def built_row(
    path: Path, what: str, name: str, row: Mapping[str, Any], config: Path | None, has_base: bool
) -> StudyRow:
    """Return a row or a stage with the experiment it runs.

    Raises:
        ValueError: If a key is not a dotted one, or one that the study sets itself, or no experiment is named.
    """
    overrides = {key: value for key, value in row.items() if key != "config"}
    reserved = (*RESERVED_KEYS, WEIGHTS_KEY) if has_base else RESERVED_KEYS
    for key in overrides:
        if not isinstance(key, str) or not re.fullmatch(r"\w[\w.-]*\+?", key):
            raise ValueError(f"{path}: {what}: {key!r} is no dotted key such as data.batch_size")
        if any(key == prefix or key.startswith(f"{prefix}.") for prefix in reserved):
            raise ValueError(f"{path}: {what}: {key} is set by the study itself")
    file = row.get("config", config)
    if file is None:
        where = "of its own" if what.startswith("stage") else "of the study nor one of the row"
        raise ValueError(f"{path}: {what}: there is {'no' if 'own' in where else 'neither a'} `config` {where}")
    return StudyRow(name, file, overrides)


def checked_columns(path: Path, columns: object) -> tuple[Column, ...]:
    """Return `columns`: lists of protocol, condition, column and, where it is not accuracy, metric.

    Raises:
        ValueError: If it is something else.
    """
    if columns is None:
        return ()
    expected = "[protocol, condition, column] or [protocol, condition, column, metric]"
    if not isinstance(columns, list) or not columns:
        raise ValueError(f"{path}: columns must be a list of {expected}, got {columns!r}")
    for column in columns:
        is_text = isinstance(column, list) and all(isinstance(part, str) for part in column)
        if not is_text or len(column) not in (3, 4):
            raise ValueError(f"{path}: columns: expected {expected}, got {column!r}")
    if len(set(map(tuple, columns))) < len(columns):
        raise ValueError(f"{path}: columns: one appears twice")
    return tuple(Column(*column) for column in columns)


def check_names(path: Path, rows: Sequence[StudyRow]) -> None:
    """Refuse names that make no folder, or the same one as another.

    Raises:
        ValueError: If there is such a name.
    """
    taken: dict[str, str] = {}
    for row in rows:
        folder = row.folder_name.casefold()  # some file systems take a and A for one
        if not folder or len(folder) > MAX_NAME_LENGTH or folder == BASE:
            reason = "is the name of the base" if folder == BASE else f"makes no folder name of 1 to {MAX_NAME_LENGTH}"
            raise ValueError(f"{path}: row {row.name!r} {reason}{'' if folder == BASE else ' characters'}")
        if folder in taken:
            raise ValueError(f"{path}: rows {taken[folder]!r} and {row.name!r} would share the folder {folder}")
        taken[folder] = row.name


def check_stages(path: Path, study: Study) -> None:
    """Refuse values that name a stage which is not there, or is fitted only later.

    Raises:
        ValueError: If there is such a value.
    """
    names = [stage.name for stage in study.stages]
    both = sorted({row.name for row in study.rows} & set(names))
    if both:
        raise ValueError(f"{path}: {both[0]!r} is the name of a row and of a stage")
    known = {stage.name: names[:index] for index, stage in enumerate(study.stages)}
    for row in (*study.stages, *study.rows):
        before = known.get(row.name, names)
        unknown = [name for name in row.stages if name not in before]
        if unknown:
            there = f"there are {', '.join(before)}" if before else "there is none"
            raise ValueError(f"{path}: {row.name}: ${{{unknown[0]}}} is no stage before it; {there}")
