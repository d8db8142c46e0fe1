"""What the page shows of the tests: tables, ROC curves, resolution curves."""

from collections.abc import Sequence
from typing import Any

from facequal.reports.page.figures import Group, ProtocolTable
from facequal.reports.page.panels import Styles, draw_resolution_lines, draw_roc_panels, resolution_lines, roc_panels
from facequal.reports.page.pictures import drawing
from facequal.reports.page.runs import Run
from facequal.reports.statistics import Summary
from facequal.reports.tables import NOT_AVAILABLE, cell_of, rules_in_words


def tables_section(runs: Sequence[Run], tables: Sequence[ProtocolTable]) -> dict[str, Any]:
    """Return a table per protocol and condition, groups of rows per metric, a row per run, for `results.html`."""
    if not tables:
        return {}
    num_seeds = {run.name: sum(bool(seed.results) for seed in run.seeds.values()) for run in runs}
    return {
        "has_spread": any(number > 1 for number in num_seeds.values()),
        "has_best": len(runs) > 1,
        "not_available": NOT_AVAILABLE,
        "protocols": [
            (table, [(group.label, _rows(group, table.columns, num_seeds)) for group in table.groups])
            for table in tables
        ],
        "rules": rules_in_words(result for run in runs for seed in run.seeds.values() for result in seed.results),
    }


def _rows(group: Group, columns: Sequence[str], num_seeds: dict[str, int]) -> list[list[Any]]:
    best = {column: group.best(column) for column in columns}
    return [
        [name, *[_cell(cells.get(column), best[column], num_seeds[name]) for column in columns]]
        for name, cells in group.cells.items()
    ]


def _cell(figure: Summary | None, best: float | None, num_seeds: int) -> dict[str, Any]:
    """Return mean and spread, with the mode of a method and the number of seeds where some lack it."""
    text = cell_of(figure).text
    if figure is not None and figure.num_runs < num_seeds:
        text += f" ({figure.num_runs} of {num_seeds} seeds)"
    return {"text": text, "is_best": figure is not None and figure.mean == best}


def roc_section(runs: Sequence[Run], styles: Styles) -> dict[str, Any]:
    """Return ROC curves, a picture per protocol and condition, for `roc-curves.html`; nothing without curves."""
    drawings = []
    for panels in roc_panels(runs):
        names = ", ".join(dict.fromkeys(name for curves in panels.curves.values() for name in curves))
        alt = f"ROC curves, TAR against FAR, of {names} on {panels.title}; panels: {', '.join(panels.curves)}."
        drawings.append(drawing(draw_roc_panels(panels, styles), panels.title, alt))
    return {"drawings": drawings} if drawings else {}


def resolution_section(tables: Sequence[ProtocolTable], styles: Styles) -> dict[str, Any]:
    """Return figures over the resolution, a picture per protocol and condition, for `resolution.html`.

    Nothing where one size was tested.
    """
    drawings = []
    for table in tables:
        lines = resolution_lines(table)
        if lines:
            alt = f"{', '.join(lines)} against the resolution in pixels on {table.title}; the figures are in its table."
            drawings.append(drawing(draw_resolution_lines(lines, styles), table.title, alt))
    return {"drawings": drawings} if drawings else {}
