"""Bars of two models' accuracies side by side, grouped by set and resolution."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from facequal.reports.comparison.changes import ComparisonTable, NotMeasuredError
from facequal.reports.png import panels, with_grid
from facequal.reports.statistics import Change, Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"before": "#b3bcc6", "after": "#2166ac"}
CHANCE = 0.5
PAIRS_ACROSS = 36
"""More pairs of bars than this begin a new row."""

_BAR_WIDTH = 0.4
_GAP = 0.6  # between sets, in units of a pair


class BarRow(NamedTuple):
    """A panel: the changes of some sets in one condition, by set and resolution."""

    condition: str
    sets: dict[str, dict[str, Change]]

    @property
    def changes(self) -> list[Change]:
        """One per pair of bars, from left to right."""
        return [change for changes in self.sets.values() for change in changes.values()]


def draw_bars(table: ComparisonTable) -> "Figure":
    """Return accuracy before and after as pairs of bars in groups of one set, a panel per condition or several.

    The axis starts at chance (50 %), or lower where a figure is lower. Above each pair stands the delta in percentage
    points; whiskers are the standard deviations over seeds. Figures that one side lacks are left out.

    Returns:
        A figure that belongs to no pyplot state.

    Raises:
        NotMeasuredError: If no accuracy is there on both sides.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    rows = list(bar_rows(table))
    if not rows:
        raise NotMeasuredError("no accuracy is there both before and after")
    measured = [figure for row in rows for change in row.changes for figure in change[:2]]
    lowest = min(figure.mean - _whisker(figure) for figure in measured)
    bottom = min(CHANCE, math.floor(20 * lowest) / 20)
    widest = max(len(row.changes) + _GAP * len(row.sets) for row in rows)
    size = (max(0.46 * widest + 0.9, 5.0), 3.2)
    figure, axes = panels(len(rows), 1, size, (0.0, 0.4), ConstrainedLayoutEngine(h_pad=0.12))
    for row, axis in zip(rows, axes, strict=True):
        _draw_row(axis, row)
        _style(axis, row.condition, bottom, widest)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
    return figure


def bar_rows(table: ComparisonTable) -> Iterator[BarRow]:
    """Yield the panels of a table: each condition in turn, its sets shared out evenly over as few rows as suffice."""
    conditions: dict[str, dict[str, dict[str, Change]]] = {}
    for (protocol, condition), changes in table.sections.items():
        drawn = {column: changes[column] for column in table.columns if column in changes}
        drawn = {column: change for column, change in drawn.items() if math.isfinite(change.delta.mean)}
        if drawn:
            conditions.setdefault(condition, {})[protocol] = drawn
    for condition, sets in conditions.items():
        num_rows = math.ceil(sum(map(len, sets.values())) / PAIRS_ACROSS)
        per_row = math.ceil(len(sets) / num_rows)
        for start in range(0, len(sets), per_row):
            yield BarRow(condition, dict(list(sets.items())[start : start + per_row]))


def _draw_row(axis: "Axes", row: BarRow) -> None:
    positions: list[float] = []
    start = 0.0
    for name, changes in row.sets.items():
        positions += [start + number for number in range(len(changes))]
        middle = ((start + positions[-1]) / 2, 0)
        where = axis.get_xaxis_transform()
        axis.annotate(name, middle, (0, -18), xycoords=where, textcoords="offset points", ha="center", va="top")
        start += len(changes) + _GAP
    for side, name in ((-0.5, "before"), (0.5, "after")):
        measured: list[Summary] = [getattr(change, name) for change in row.changes]
        middles = [position + side * _BAR_WIDTH for position in positions]
        heights = [100 * figure.mean for figure in measured]
        whiskers = [100 * _whisker(figure) for figure in measured]
        axis.bar(middles, heights, _BAR_WIDTH, color=COLOURS[name], label=name)
        if any(whiskers):
            axis.errorbar(middles, heights, whiskers, fmt="none", elinewidth=0.9, ecolor="0.25")
    for position, change in zip(positions, row.changes, strict=True):
        top = max(figure.mean + _whisker(figure) for figure in change[:2])
        text = f"{100 * change.delta.mean:+z.1f}"  # z: no minus before a zero
        axis.annotate(text, (position, 100 * top), (0, 2), textcoords="offset points", ha="center", fontsize=6.5)
    axis.set_xticks(positions, [change.before.column.removesuffix(" px") for change in row.changes])


def _whisker(figure: Summary) -> float:
    return figure.std if figure.has_spread else 0.0


def _style(axis: "Axes", condition: str, bottom: float, widest: float) -> None:
    # The same width for all rows, and room above 100 % for the deltas.
    ticks = [tick for tick in range(0, 101, 10) if tick >= 100 * bottom]
    axis.set(ylabel="accuracy in percent", yticks=ticks)
    axis.set(xlim=(-0.8, widest - _GAP - 0.2), ylim=(100 * bottom, 100 + 12 * (1 - bottom)))
    axis.set_title(f"{condition}, resolutions in px", fontsize="medium")
    if bottom < CHANCE:
        axis.axhline(100 * CHANCE, color="0.4", linewidth=1, linestyle=":", label="chance")
    axis.tick_params(axis="x", length=0)
    with_grid(axis, "y")
