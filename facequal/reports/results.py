"""The figures of a test, their file `results.csv`, and the long table of the figures of many runs."""

import csv
import math
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Result:
    """One figure of one protocol.

    Attributes:
        protocol: Name of the test set, e.g. `lfw`.
        condition: How the images were shown, e.g. `cross-resolution`.
        column: The column of the table, e.g. `7 px`.
        metric: E.g. `accuracy`, `auc`, `eer`, `tar@far=1e-3`.
        value: The figure; NaN if it cannot be computed, shown as "n/a".
        std: Population standard deviation over the folds, in the unit of `value`.
        interval: Bounds of the 95 % confidence interval, in the unit of `value`.
        num: Number of pairs, probes or images the figure rests on.
        rule: How the figure was made where there is a choice, e.g. `grid`; see `tables.RULES`.
        unit: `fraction` is shown in percent; anything else (`dB`, or nothing) is shown after the plain number.
        folds: Number of folds behind `std`.
        seed: Seed of the run.

    >>> result = Result("lfw", "cross-resolution", "7 px", "accuracy", 0.914, num=6000, rule="grid")
    >>> result.unit, result.std
    ('fraction', None)
    """

    protocol: str
    condition: str
    column: str
    metric: str
    value: float
    std: float | None = None
    interval: tuple[float, float] | None = None
    num: int = 0
    rule: str = ""
    unit: str = "fraction"
    folds: int | None = None
    seed: int | None = None


RESULT_COLUMNS = [
    *("protocol", "condition", "column", "metric", "value", "std", "interval_low", "interval_high"),
    *("num", "rule", "unit", "folds", "seed"),
]
FIGURE = ["protocol", "condition", "column", "metric", "rule", "unit"]
"""What names a figure in a long table."""
_NUMBERS: dict[str, Callable[[str], float]] = {
    **dict.fromkeys(("value", "std", "interval_low", "interval_high"), float),
    **dict.fromkeys(("num", "folds", "seed"), int),
}


def column_order(columns: Iterable[str]) -> list[str]:
    """Return distinct columns, those that start with a number by that number, then the others as they come.

    >>> column_order(["112 px", "input", "7 px", "112 px"])
    ['7 px', '112 px', 'input']
    """

    def number(column: str) -> float:
        match = re.match(r"\s*(\d+(?:\.\d+)?)", column)
        return float(match[1]) if match else math.inf

    return sorted(dict.fromkeys(columns), key=number)


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a whole file or nothing: under another name in the same folder first, then renamed.

    Args:
        path: The file; its folder is made if needed.
        content: Text is written as UTF-8 with line feeds.

    Returns:
        `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def write_results(path: Path, results: Sequence[Result]) -> Path:
    """Write `results` as CSV, one figure per row, floats with all their digits, missing entries empty.

    Returns:
        `path`.
    """
    import pandas as pd

    # A figure that is NaN was looked for, an empty entry is one that there is not.
    rows = [["nan" if cell != cell else cell for cell in row] for row in result_rows(results)]
    return write_table(path, pd.DataFrame(rows, columns=RESULT_COLUMNS, dtype=object))


def write_table(path: Path, table: "pd.DataFrame", missing: str = "") -> Path:
    """Write a table as CSV, floats with all their digits.

    Args:
        path: The file; its folder is made if needed.
        table: Anything; the index is left out.
        missing: What stands for None and NaN.

    Returns:
        `path`.
    """
    # As objects, floats are written by `repr`.
    return write_atomically(path, table.astype(object).to_csv(index=False, na_rep=missing, lineterminator="\n"))


def result_rows(results: Iterable[Result]) -> list[list[Any]]:
    """Return the figures as rows with a cell for each of `RESULT_COLUMNS`, None where there is nothing."""
    rows = []
    for result in results:
        low, high = result.interval or (None, None)
        cells = vars(result) | {"interval_low": low, "interval_high": high}
        rows.append([cells[name] for name in RESULT_COLUMNS])
    return rows


def results_table(runs: Mapping[str, Mapping[Any, Iterable[Result]]]) -> "pd.DataFrame":
    """Return the figures of many runs as one long table: a row per run, seed and figure.

    >>> lfw = [Result("lfw", "cross-resolution", "7 px", "accuracy", value) for value in (0.5, 0.75)]
    >>> table = results_table({"base": {0: lfw[:1]}, "octuplet": {0: lfw[1:]}})
    >>> print(table[["run", "seed", "protocol", "column", "metric", "value"]].to_string(index=False))
         run seed protocol column   metric  value
        base    0      lfw   7 px accuracy   0.50
    octuplet    0      lfw   7 px accuracy   0.75

    Args:
        runs: The figures by run and by what pairs its seeds with those of other runs: their numbers, or any names.

    Returns:
        Columns `run`, `seed`, and those of `results.csv`; None where there is nothing.

    Raises:
        ValueError: If a figure appears twice in one seed of a run.
    """
    import pandas as pd

    rows = [
        [run, seed, *row[:-1]]
        for run, seeds in runs.items()
        for seed, results in seeds.items()
        for row in result_rows(results)
    ]
    table = pd.DataFrame(rows, columns=["run", "seed", *RESULT_COLUMNS[:-1]], dtype=object).astype({"value": float})
    require_unique(table)
    return table


def require_unique(table: "pd.DataFrame") -> None:
    """Refuse a long table in which a figure appears twice.

    Raises:
        ValueError: If there is one; names the run, the seed and the figure.
    """
    repeated = table[table.duplicated(["run", "seed", *FIGURE])]
    for run, seed, *figure in repeated[["run", "seed", *FIGURE]].values.tolist():
        where = f"{run}, seed {seed}".removeprefix(", ")
        raise ValueError(f"{where}: this figure appears twice: {', '.join(filter(None, figure))}")


def read_results(path: Path) -> list[Result]:
    """Read a `results.csv` back; the opposite of `write_results`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no CSV file, columns are missing or unknown or an entry is not a number; names file, line,
            column and value.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        try:
            header = reader.fieldnames or []
            if sorted(header) != sorted(RESULT_COLUMNS):
                raise ValueError(f"{path}: columns are {list(header)}, expected {RESULT_COLUMNS}")
            return [_parsed_row(row, f"{path}, line {reader.line_num}") for row in reader]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not a CSV file: {error}") from error


def _parsed_row(row: dict[str, str], where: str) -> Result:
    if None in row or None in row.values():
        raise ValueError(f"{where}: {len(RESULT_COLUMNS)} entries expected")
    cells: dict[str, Any] = {name: _parsed(name, entry, where) for name, entry in row.items()}
    interval = (cells.pop("interval_low"), cells.pop("interval_high"))
    if (interval[0] is None) != (interval[1] is None):
        raise ValueError(f"{where}: interval_low and interval_high must both be given or both be empty")
    cells["interval"] = None if interval[0] is None else interval
    cells["value"] = math.nan if cells["value"] is None else cells["value"]
    return Result(**cells | {"num": cells["num"] or 0})


def _parsed(name: str, entry: str, where: str) -> str | float | None:
    kind = _NUMBERS.get(name)
    if kind is None:
        return entry
    try:
        return kind(entry) if entry else None
    except ValueError:
        number = "a whole number" if kind is int else "a number"
        raise ValueError(f"{where}: {name} is {entry!r}, expected {number}") from None
