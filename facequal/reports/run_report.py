"""The report of a run: `results.csv`, `results.json`, `report.md`, `roc.png` and `roc.npz` in one folder."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from facequal.metrics.roc import RocCurve
from facequal.reports.curves import CURVES_FILE, CurveKey, write_curves
from facequal.reports.info import RunInfo
from facequal.reports.markdown import bullets, markdown_table, plain
from facequal.reports.png import png
from facequal.reports.results import Result, column_order, write_atomically, write_results
from facequal.reports.roc import draw_roc
from facequal.reports.tables import (
    NOT_AVAILABLE,
    Rows,
    by_section,
    cell_of,
    folds_in_words,
    format_value,
    known,
    metric_label,
    rules_in_words,
    size_in_words,
)

ROC_PICTURE = "roc.png"


def write_report(
    folder: Path,
    results: Sequence[Result],
    curves: Mapping[CurveKey, RocCurve] | None,
    info: RunInfo,
    left_out: Sequence[str] = (),
) -> Path:
    """Write the report's files into `folder`, which is made if needed; files of an earlier report are replaced.

    - `results.csv`: one figure per row, see `results.read_results`.
    - `results.json`: `{"run": ..., "left_out": [...], "results": [...]}`; NaN and infinite figures are null.
    - `report.md`: tables in percent, the rules in words, the run's settings.
    - `roc.png`: shown in `report.md`; only with curves.
    - `roc.npz`: the curves themselves, see `curves.read_curves`; only with curves.

    Each file is written whole or not at all.

    Args:
        folder: Where to write.
        results: The figures; may be empty.
        curves: ROC curve of each (protocol, condition, column); None or empty for none.
        info: Where the figures come from.
        left_out: Names of test sets that were not tested as their files are missing.

    Returns:
        The path of `report.md`.

    Raises:
        ValueError: If a figure appears twice.
    """
    report = report_markdown(results, info, has_roc=bool(curves), left_out=left_out)
    if curves:
        write_atomically(folder / ROC_PICTURE, png(draw_roc(curves)))
        write_curves(folder / CURVES_FILE, curves)
    else:  # those of an earlier report would not belong to these results
        (folder / ROC_PICTURE).unlink(missing_ok=True)
        (folder / CURVES_FILE).unlink(missing_ok=True)
    rows = [{name: _finite(entry) for name, entry in asdict(result).items()} for result in results]
    content = {"run": asdict(info), "left_out": list(left_out), "results": rows}
    write_atomically(folder / "results.json", json.dumps(content, indent=2, allow_nan=False) + "\n")
    path = write_atomically(folder / "report.md", report)
    write_results(folder / "results.csv", results)  # last: where it is, the report is complete
    return path


def report_files(folder: Path) -> list[Path]:
    """Return the files of the report in `folder` that are there."""
    names = ("report.md", "results.csv", "results.json", ROC_PICTURE, CURVES_FILE)
    return [folder / name for name in names if (folder / name).is_file()]


def _finite(entry: object) -> object:
    """Return an entry of a figure as JSON can hold it: None for NaN and infinite numbers."""
    if isinstance(entry, tuple):
        return [_finite(bound) for bound in entry]
    return None if isinstance(entry, float) and not math.isfinite(entry) else entry


def report_markdown(results: Sequence[Result], info: RunInfo, has_roc: bool, left_out: Sequence[str] = ()) -> str:
    """Return the text of `report.md`.

    Args:
        results: The figures; may be empty.
        info: Where the figures come from.
        has_roc: Whether there is a picture `roc.png` beside the report.
        left_out: Names of test sets that were not tested as their files are missing.

    Raises:
        ValueError: If a figure appears twice.
    """
    parts = ["# Evaluation report"]
    columns = column_order(result.column for result in results)
    parts += [_section(heading, rows, columns) for heading, rows in by_section(results).items()] or ["No results."]
    if left_out:
        parts.append(f"Left out, files missing: {', '.join(map(plain, left_out))}.")
    if has_roc:
        parts.append(f"## ROC\n\n![TAR against FAR, one line per column]({ROC_PICTURE})")
    parts += [_how(results)] if results else []
    parts.append(_run(info))
    return "\n\n".join(parts) + "\n"


def _section(heading: tuple[str, str], rows: Rows[Result], columns: Sequence[str]) -> str:
    results = [result for cells in rows.values() for result in cells.values()]
    columns = [column for column in columns if any(column in cells for cells in rows.values())]
    lines = []
    for (metric, rule, _), cells in rows.items():
        lines.append([metric_label(metric, rule), *[cell_of(cells.get(column)).text for column in columns]])
        if any(result.interval for result in cells.values()):
            lines.append(["95 % interval", *[_interval(cells.get(column)) for column in columns]])
    table = markdown_table(["metric", *columns], lines, num_texts=1)
    return f"## {', '.join(map(plain, heading))}\n\n{size_in_words(results)}. Fractions in percent.\n\n{table}"


def _interval(result: Result | None) -> str:
    if result is None or result.interval is None:
        return NOT_AVAILABLE
    return " to ".join(format_value(bound, result.unit) for bound in result.interval)


def _how(results: Sequence[Result]) -> str:
    notes = rules_in_words(results)
    folds = folds_in_words(result.folds for result in results if result.std is not None)
    if folds:
        notes.append(f"±: population standard deviation over {folds}.")
    if any(result.interval for result in results):
        notes.append("95 % interval: Wilson score interval over all pairs, taken as independent.")
    metrics = {result.metric for result in results}
    if "eer" in metrics:
        notes.append("EER: FAR where the straight lines between the points of the ROC curve meet FAR = 1 - TAR.")
    if any(metric.startswith("tar@far") for metric in metrics):
        notes.append("TAR is given only at FARs of at least 1 / number of impostor pairs.")
    notes.append(f"{NOT_AVAILABLE}: not measured, or not defined for this set.")
    return "## How the figures are made\n\n" + bullets(notes)


def _run(info: RunInfo) -> str:
    settings = {"config hash": info.config_hash, "seed": info.seed, "date": info.date, "checkpoint": info.checkpoint}
    rows = [[name, known(value)] for name, value in {**settings, **info.versions, "hardware": info.hardware}.items()]
    text = "## Run\n\n" + markdown_table(["setting", "value"], rows, num_texts=2)
    if info.command:  # an indented block shows any command as it is
        text += "\n\nCommand:\n\n" + "\n".join(f"    {line}" for line in info.command.splitlines())
    return text
