"""ROC and resolution curves of several runs: small panels in two columns, so that they can be read on a phone."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from facequal.metrics.roc import RocCurve
from facequal.reports.page.figures import ProtocolTable
from facequal.reports.page.runs import Run
from facequal.reports.png import panels, with_grid
from facequal.reports.results import column_order
from facequal.reports.roc import mean_steps, style_roc_axis
from facequal.reports.statistics import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 5.0
_PANEL_IN, _LEFT_IN, _ABOVE_IN, _BELOW_IN = 1.35, 0.5, 0.27, 0.48
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d1f")
_DASHES = ("-", "--", ":", "-.")
# Where a report has several, these have a line per run over the resolution.
_DRAWN = ("accuracy", "tar@far=", "rank-", "top-")


Styles = Mapping[str, Mapping[str, Any]]
"""How the lines of each run look: colour and dash, as matplotlib takes them."""


class RocPanels(NamedTuple):
    """ROC curves that can be compared: of one protocol and condition, over as many pairs.

    Attributes:
        title: Protocol, condition and number of pairs.
        curves: Those of all seeds by column and run.
    """

    title: str
    curves: Mapping[str, Mapping[str, Sequence[RocCurve]]]


def line_styles(names: Sequence[str]) -> Styles:
    """Return a colour and a dash for each run: colours that all eyes can tell apart, repeated with other dashes.

    >>> line_styles(["adaface", "qgface"])["qgface"]
    {'color': '#d55e00', 'linestyle': '-'}
    """
    styles = [{"color": colour, "linestyle": dash} for dash in _DASHES for colour in _COLOURS]
    return {name: styles[number % len(styles)] for number, name in enumerate(names)}


def roc_panels(runs: Sequence[Run]) -> list[RocPanels]:
    """Return the ROC curves of all runs by protocol and condition; those over other numbers of pairs are kept apart."""
    curves: dict[tuple[str, str, int, int], dict[str, dict[str, list[RocCurve]]]] = {}
    for run in runs:
        for seed in run.seeds.values():
            for (protocol, condition, column), curve in seed.curves.items():
                key = (protocol, condition, curve.num_genuine, curve.num_impostor)
                curves.setdefault(key, {}).setdefault(column, {}).setdefault(run.name, []).append(curve)
    return [
        RocPanels(
            f"{protocol}, {condition}: {genuine:,} genuine and {impostor:,} impostor pairs",
            {column: columns[column] for column in column_order(columns)},
        )
        for (protocol, condition, genuine, impostor), columns in curves.items()
    ]


def draw_roc_panels(roc: RocPanels, styles: Styles) -> "Figure":
    """Return a panel per column, a line per run; of several seeds the mean TAR at each FAR."""
    drawn = {name for runs in roc.curves.values() for name in runs}
    figure, axes = panel_figure(len(roc.curves), {name: styles[name] for name in styles if name in drawn})
    for axis, (column, runs) in zip(axes, roc.curves.items(), strict=True):
        left = min(1 / min(curve.num_impostor for curves in runs.values() for curve in curves), 0.1)
        for name, curves in runs.items():
            far, tar = mean_steps(curves, left)
            axis.plot(far, tar, drawstyle="steps-post", linewidth=1.3, **styles[name])
        style_roc_axis(axis, column, left)
        axis.minorticks_off()
        axis.set_ylabel("")
    return figure


def resolution_lines(table: ProtocolTable, metrics: Sequence[str] = _DRAWN) -> dict[str, dict[str, dict[int, Summary]]]:
    """Return figures that were measured at several sizes, by metric, run and size in pixels.

    Args:
        table: Of one protocol and condition.
        metrics: What the metrics to be drawn begin with.
    """
    lines: dict[str, dict[str, dict[int, Summary]]] = {}
    for group in table.groups:
        if not group.metric.startswith(tuple(metrics)):
            continue
        runs = {name: dict(_sizes(cells)) for name, cells in group.cells.items()}
        if any(len(cells) > 1 for cells in runs.values()):
            is_only = [other.metric for other in table.groups].count(group.metric) == 1
            lines[group.metric if is_only else group.label] = runs
    return lines


def _sizes(cells: Mapping[str, Summary]) -> Iterator[tuple[int, Summary]]:
    for column in column_order(cells):
        number, _, unit = column.partition(" ")
        if unit == "px" and number.isdecimal() and not math.isnan(cells[column].mean):
            yield int(number), cells[column]


def draw_resolution_lines(lines: Mapping[str, Mapping[str, Mapping[int, Summary]]], styles: Styles) -> "Figure":
    """Return a panel per metric over the resolution, a line per run; bars are standard deviations over seeds."""
    names = [name for name in styles if any(name in runs for runs in lines.values())]
    figure, axes = panel_figure(len(lines), {name: styles[name] for name in names})
    for axis, (label, runs) in zip(axes, lines.items(), strict=True):
        for name, cells in runs.items():
            scale = 100 if any(cell.unit == "fraction" for cell in cells.values()) else 1
            means = [scale * cell.mean for cell in cells.values()]
            spreads = [0.0 if math.isnan(cell.std) else scale * cell.std for cell in cells.values()]
            bars = spreads if any(spreads) else None
            axis.errorbar(list(cells), means, bars, linewidth=1.3, elinewidth=0.8, marker="o", ms=3, **styles[name])
        sizes = sorted({size for cells in runs.values() for size in cells})
        axis.set_xscale("log", base=2)
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        axis.set_title(label, fontsize="medium")
        axis.set_xlabel("px")
        with_grid(axis)
    return figure


def panel_figure(num: int, legend: Styles) -> tuple["Figure", list["Axes"]]:
    """Return an empty figure with panels in two columns (one, if there is one), and a legend below.

    Margins are fixed: to find them by the size of all labels takes matplotlib as long as to draw.

    Args:
        num: Panels.
        legend: How the lines of each name look.
    """
    from matplotlib.lines import Line2D

    across = min(num, 2)
    longest = max((len(name) for name in legend), default=0)
    columns = 1 if longest > 34 else 2 if longest > 16 else 3
    legend_in = 0.19 * math.ceil(len(legend) / columns) + 0.1 if legend else 0.0
    panel_in = _PANEL_IN if across > 1 else 1.6 * _PANEL_IN
    size = (WIDTH_IN / across, _ABOVE_IN + panel_in + _BELOW_IN)
    figure, axes = panels(num, across, size, (0.0, legend_in), layout=None, dpi=150)
    height_in = figure.get_figheight()
    width_in = (WIDTH_IN - across * _LEFT_IN - 0.1) / across
    figure.subplots_adjust(
        left=_LEFT_IN / WIDTH_IN,
        right=1 - 0.1 / WIDTH_IN,
        top=1 - _ABOVE_IN / height_in,
        bottom=(legend_in + _BELOW_IN) / height_in,
        wspace=_LEFT_IN / width_in,
        hspace=(_ABOVE_IN + _BELOW_IN) / panel_in,
    )
    for axis in axes:
        axis.tick_params(labelsize="small")
    if legend:
        lines = [Line2D([], [], **style) for style in legend.values()]
        figure.legend(lines, list(legend), loc="lower center", ncols=columns, frameon=False, fontsize="small")
    return figure, axes
