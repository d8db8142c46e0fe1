"""Sections of the page with figures: tables, ROC curves, resolution curves."""

from collections.abc import Sequence

from facequal.reports.page.curves import Styles, draw_resolution_lines, draw_roc_panels, resolution_lines, roc_panels
from facequal.reports.page.drawings import drawing, drawings
from facequal.reports.page.figures import Group, ProtocolTable
from facequal.reports.page.html import Html, bullets, details, element, joined, table
from facequal.reports.page.reading import Run
from facequal.reports.statistics import Summary
from facequal.reports.tables import NOT_AVAILABLE, amount, rules_in_words

_MAX_TOGETHER = 12  # rows that are printed on one page


def tables_section(runs: Sequence[Run], tables: Sequence[ProtocolTable]) -> Html:
    """Return a table per protocol and condition: groups of rows per metric, a row per run."""
    num_seeds = {run.name: sum(bool(seed.results) for seed in run.seeds.values()) for run in runs}
    legend = ["Fractions in percent."]
    if any(number > 1 for number in num_seeds.values()):
        legend.append("Mean ± sample standard deviation over the seeds of a run.")
    if len(runs) > 1:
        legend.append("Bold: the best mean of a column; whether that is more than chance it does not tell.")
    parts: list[str] = [element("p", " ".join([*legend, f"{NOT_AVAILABLE}: not measured."]))]
    blocks = []
    for own in tables:
        bodies = [(group.label, _rows(group, own.columns, num_seeds)) for group in own.groups]
        absent = [element("p", f"Not tested on it: {', '.join(own.absent)}.")] if own.absent else []
        figures = table(f"Results on {own.title}", ["run", *own.columns], bodies)
        num_rows = sum(1 + len(rows) for _, rows in bodies)
        kind = "together" if num_rows <= _MAX_TOGETHER else None
        blocks.append(element("div", element("h3", own.title), figures, *absent, class_=kind))
    parts.append(element("div", *blocks, class_="tables"))
    words = rules_in_words(result for run in runs for seed in run.seeds.values() for result in seed.results)
    if words:
        parts.append(details("How the figures are made", bullets(words)))
    return joined(parts)


def _rows(group: Group, columns: Sequence[str], num_seeds: dict[str, int]) -> list[list[str]]:
    best = {column: group.best(column) for column in columns}
    return [
        [name, *[_cell(cells.get(column), best[column], num_seeds[name]) for column in columns]]
        for name, cells in group.cells.items()
    ]


def _cell(figure: Summary | None, best: float | None, num_seeds: int) -> str:
    """Return mean and spread, the best one bold, with the mode of a method and the number of seeds where some lack it."""
    if figure is None:
        return NOT_AVAILABLE
    text = amount(figure.mean, figure.std, figure.unit)
    text += f" [{figure.mode}]" if figure.mode else ""
    text += f" ({figure.num_runs} of {num_seeds} seeds)" if figure.num_runs < num_seeds else ""
    return element("strong", text) if best is not None and figure.mean == best else text


def roc_section(runs: Sequence[Run], styles: Styles) -> Html:
    """Return ROC curves, a picture per protocol and condition; nothing without curves."""
    shown = []
    for panels in roc_panels(runs):
        names = dict.fromkeys(name for own in panels.curves.values() for name in own)
        alt = (
            f"ROC curves, TAR against FAR, of {', '.join(names)} on {panels.title}; panels: {', '.join(panels.curves)}."
        )
        shown.append(drawing(draw_roc_panels(panels, styles), panels.title, alt))
    if not shown:
        return Html("")
    text = "TAR against FAR; dotted: chance. Runs of several seeds: the mean TAR at each FAR."
    return joined([element("p", text), drawings(shown)])


def resolution_section(tables: Sequence[ProtocolTable], styles: Styles) -> Html:
    """Return figures over the resolution, a picture per protocol and condition; nothing where one size was tested."""
    shown = []
    for own in tables:
        lines = resolution_lines(own)
        if lines:
            alt = f"{', '.join(lines)} against the resolution in pixels on {own.title}; the figures are in its table."
            shown.append(drawing(draw_resolution_lines(lines, styles), own.title, alt))
    if not shown:
        return Html("")
    return joined(
        [element("p", "In percent, over the resolution in pixels; bars: ± one standard deviation."), drawings(shown)]
    )
