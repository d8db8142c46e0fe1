"""What `facequal study` and `facequal repeat` print of their runs, and the tables they write at the end."""

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from facequal.engine.grid import in_words, short_names
from facequal.engine.jobs import Outcome
from facequal.engine.marks import read_mark
from facequal.engine.plan import Run
from facequal.engine.study_file import BASE, Study, StudyRow
from facequal.reports.layout import results_file
from facequal.reports.results import Result, read_results, results_table, write_atomically
from facequal.reports.statistics import Summary, summarise, write_summary
from facequal.reports.study.maps import MapPanel, map_png
from facequal.reports.study.study_tables import render_study, study_markdown
from facequal.reports.study.summary import (
    Column,
    RowResults,
    by_row_and_column,
    default_columns,
    missing_columns,
    study_figures,
    write_study,
)
from facequal.reports.tables import NOT_AVAILABLE, amount, print_table, render_summary


def report_study(
    study: Study,
    folder: Path,
    runs: Sequence[Run],
    chosen: Collection[str],
    facts: Mapping[str, str],
    problems: Sequence[str],
) -> bool:
    """Print the table of what there is and write `summary.csv`, `summary.md` and, for two settings, `map.png`.

    Figures that no run has are `n/a` in the table; a note names the columns of which that is all there is.

    Args:
        study: The study.
        folder: Where the files go.
        runs: All its runs.
        chosen: Names of the rows that were asked for; others are shown if they have results.
        facts: What else to say, name and value.
        problems: What failed, in words.

    Returns:
        Whether some run has a figure for each column of the table, or none has results.
    """
    rows = [row for row in finished_rows(study, runs) if row.results or row.name in chosen]
    reference = next((row for row in rows if row.name == (study.control or BASE)), None)
    figures = study_figures(rows, reference.name if reference else None)
    for problem in problems:
        print(f"failed: {problem}")
    if study.control is not None and reference is None:
        print(f"no differences are shown: the control {study.control!r} has no results")
    if not figures:
        print("no run has results")
        return True
    path = write_study(folder / "summary.csv", rows, figures)
    columns = list(study.columns) or default_columns(figures)
    note = missing_columns(columns, figures)
    compared_with = reference.name if reference else None
    print_table(render_study(figures, [row.name for row in rows], columns, study.title, compared_with))
    if note:
        print(f"{study.path}: columns: {note}")
    pictures = []
    if len(study.grid) == 2:
        pictures.append(write_map(folder / "map.png", study, figures, columns).name)
    facts = {**facts, **stages_in_words(study, runs), **environment(runs)}
    text = study_markdown(rows, figures, columns, study.title, compared_with, facts, pictures, problems, note)
    write_atomically(folder / "summary.md", text)
    print("summary: " + ", ".join(str(folder / name) for name in (path.name, "summary.md", *pictures)))
    return not note


def report_seeds(folder: Path, runs: Sequence[Run], problems: Sequence[str]) -> None:
    """Print mean and spread of an experiment over its seeds, and write them to `summary.csv`.

    Args:
        folder: Where the file goes.
        runs: The runs of the seeds; those without results are left out.
        problems: What failed, in words.
    """
    for problem in problems:
        print(f"failed: {problem}")
    summaries = summarise(
        results_table({"": {run.seed: read_results(results_file(run.folder)) for run in runs if run.is_current}})
    )
    print_table(render_summary(summaries))
    print(f"summary: {write_summary(folder / 'summary.csv', summaries)}")


def progress_line(outcome: Outcome, columns: Sequence[Column] = ()) -> str:
    """Return how a run ended, in one line: its time and its figure of the first column.

    Args:
        outcome: How it ended.
        columns: Columns of the table; empty takes the first accuracy of the run.
    """
    run = outcome.run
    if outcome.error is not None:
        return f"{run.name}: {outcome.error}"
    line = f"{run.name}: {duration(outcome.seconds)}"
    if not run.leaves_results:
        return line
    results = read_results(results_file(run.folder))
    for column in (columns or default_columns(results))[:1]:
        figure = by_row_and_column(study_figures([RowResults("", {run.seed: results}, "", {})])).get(("", column))
        line += f", {amount(figure.mean, figure.std, figure.unit) if figure else NOT_AVAILABLE} ({column})"
    return line


def finished_rows(study: Study, runs: Sequence[Run]) -> list[RowResults]:
    """Return the results of every row under the settings of now, the base first; a row may have none yet."""
    rows = list(study.rows) if study.base is None else [StudyRow(BASE, study.base), *study.rows]
    results: dict[str, dict[int, list[Result]]] = {row.name: {} for row in rows}
    for run in runs:
        if run.is_current and run.leaves_results:
            results[run.row][run.seed] = read_results(results_file(run.folder))
    return [RowResults(row.name, results[row.name], str(row.config), row.overrides) for row in rows]


def stages_in_words(study: Study, runs: Sequence[Run]) -> dict[str, str]:
    """Return each stage's experiment, changes and times, for the table of how a study was made."""
    facts = {}
    for stage in study.stages:
        seconds = [read_mark(run.folder)["seconds"] for run in runs if run.row == stage.name and run.is_current]
        changes = "".join(f", {key}: {in_words(value)}" for key, value in stage.overrides.items())
        facts[f"stage {stage.name}"] = f"{stage.config}{changes}; {', '.join(map(duration, seconds)) or 'not run'}"
    return facts


def write_map(path: Path, study: Study, figures: Sequence[Summary], columns: Sequence[Column]) -> Path:
    """Draw the grid of two settings, one panel per column; gives `path`."""
    by_column = by_row_and_column(figures)
    names = short_names(study.grid)
    _, across = study.grid.values()
    panels = []
    for column in columns:
        cells = [by_column.get((row.name, column)) for row in study.grid_rows]
        scale = 100 if any(cell and cell.unit == "fraction" for cell in cells) else 1
        means = [scale * cell.mean if cell else math.nan for cell in cells]
        values = [means[start : start + len(across)] for start in range(0, len(means), len(across))]
        base = by_column.get((BASE, column))
        panels.append(MapPanel(str(column), values, scale * base.mean if base else None, column.metric))
    down, right = ((names[key], list(map(in_words, values))) for key, values in study.grid.items())
    return write_atomically(path, map_png(panels, down, right))


def environment(runs: Sequence[Run]) -> dict[str, str]:
    """Return time of all finished runs, date and versions."""
    from facequal.reports.info import RunInfo

    info = RunInfo.collect()
    seconds = [read_mark(run.folder)["seconds"] for run in runs if run.is_current]
    total = f"{duration(sum(seconds))} for {len(seconds)} runs, added up"
    return {"time of all runs": total, "date": info.date, **info.versions}


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(42.3), duration(185), duration(3725)
    ('42 s', '3 min 5 s', '1 h 2 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
