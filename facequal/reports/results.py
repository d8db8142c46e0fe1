"""The rows every protocol reports, their CSV file, and the summary of several runs."""

import csv
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path

from facequal.reports.seeds import statistic


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
        rule: How the figure was made where there is a choice, e.g. `grid`; see `report.RULES`.
        unit: `fraction` is shown in percent; anything else (`dB`, or nothing) is shown after the plain number.
        folds: Number of folds behind `std`.
        seed: Seed of the run.
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


@dataclass(frozen=True)
class Summary:
    """One figure over several runs that differ in their seed.

    Attributes:
        protocol, condition, column, metric, rule, unit: As in `Result`.
        mean: Mean over the runs.
        std: Sample standard deviation over the runs (divided by runs - 1); NaN for one run.
        minimum: Smallest value of a run.
        maximum: Largest value of a run.
        num_runs: Number of runs that have this figure; those where it is missing or NaN do not count.
    """

    protocol: str
    condition: str
    column: str
    metric: str
    rule: str
    unit: str
    mean: float
    std: float
    minimum: float
    maximum: float
    num_runs: int


_Key = tuple[str, str, str, str, str, str]

RESULT_COLUMNS = [
    *("protocol", "condition", "column", "metric", "value", "std", "interval_low", "interval_high"),
    *("num", "rule", "unit", "folds", "seed"),
]


def column_order(columns: Iterable[str]) -> list[str]:
    """Return distinct columns: those that start with a number by that number ("7 px", "14 px"), the others after, as met."""

    def number(column: str) -> float:
        match = re.match(r"\s*(\d+(?:\.\d+)?)", column)
        return float(match[1]) if match else math.inf

    return sorted(dict.fromkeys(columns), key=number)


def write_atomically(path: Path, content: str | bytes) -> Path:
    """Write a whole file or nothing: under another name in the same folder first, then renamed.

    Text is UTF-8 with line feeds. The folder is made if needed. Gives `path`.
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
    """Write `results` as CSV, one figure per row, floats with all their digits, missing entries empty; gives `path`."""
    return write_atomically(path, _csv_text(RESULT_COLUMNS, result_rows(results)))


def result_rows(results: Sequence[Result]) -> list[list[object]]:
    """Return the figures as rows with a cell for each of `RESULT_COLUMNS`, None where there is nothing."""
    rows = []
    for result in results:
        row = {field.name: getattr(result, field.name) for field in fields(result)}
        row["interval_low"], row["interval_high"] = row.pop("interval") or (None, None)
        rows.append([row[name] for name in RESULT_COLUMNS])
    return rows


def write_summary(path: Path, summaries: Sequence[Summary]) -> Path:
    """Write `summaries` as CSV, one figure per row, floats with all their digits; gives `path`."""
    names = [field.name for field in fields(Summary)]
    return write_atomically(path, _csv_text(names, [[getattr(row, name) for name in names] for row in summaries]))


def _csv_text(header: list[str], rows: list[list[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)  # floats by repr, None as an empty field
    return text.getvalue()


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


def _parsed_row(row: dict[str, str | None], where: str) -> Result:
    if None in row or None in row.values():
        raise ValueError(f"{where}: {len(RESULT_COLUMNS)} entries expected")
    text = {name: entry or "" for name, entry in row.items()}
    low, high = _number(text, "interval_low", where), _number(text, "interval_high", where)
    if (low is None) != (high is None):
        raise ValueError(f"{where}: interval_low and interval_high must both be given or both be empty")
    value = _number(text, "value", where)
    return Result(
        protocol=text["protocol"],
        condition=text["condition"],
        column=text["column"],
        metric=text["metric"],
        value=math.nan if value is None else value,
        std=_number(text, "std", where),
        interval=None if low is None or high is None else (low, high),
        num=_whole_number(text, "num", where) or 0,
        rule=text["rule"],
        unit=text["unit"],
        folds=_whole_number(text, "folds", where),
        seed=_whole_number(text, "seed", where),
    )


def _number(row: dict[str, str], name: str, where: str) -> float | None:
    try:
        return float(row[name]) if row[name] else None
    except ValueError:
        raise ValueError(f"{where}: {name} is {row[name]!r}, expected a number") from None


def _whole_number(row: dict[str, str], name: str, where: str) -> int | None:
    try:
        return int(row[name]) if row[name] else None
    except ValueError:
        raise ValueError(f"{where}: {name} is {row[name]!r}, expected a whole number") from None


def summarise(results_per_seed: Sequence[Sequence[Result]]) -> list[Summary]:
    """Return mean and spread of each figure over several runs, in the order in which the figures first appear.

    Args:
        results_per_seed: The results of each run. A figure may be missing in some of them.

    Raises:
        ValueError: If one run holds the same figure twice.
    """
    values: dict[_Key, list[float]] = {}
    for run, results in enumerate(results_per_seed):
        seen = set()
        for result in results:
            key = (result.protocol, result.condition, result.column, result.metric, result.rule, result.unit)
            if key in seen:
                raise ValueError(
                    f"run {run} (seed {result.seed}) holds this figure twice: {', '.join(filter(None, key))}"
                )
            seen.add(key)
            values.setdefault(key, []).append(result.value)
    return [_summary(key, [value for value in row if not math.isnan(value)]) for key, row in values.items()]


def _summary(key: _Key, values: list[float]) -> Summary:
    mean, std, num = statistic(values)
    return Summary(*key, mean, std, min(values, default=math.nan), max(values, default=math.nan), num_runs=num)
