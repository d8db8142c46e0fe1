"""ROC curves as a picture."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch

from facequal.metrics.roc import RocCurve
from facequal.reports.comparison.changes import ComparisonTable
from facequal.reports.curves import CurveKey
from facequal.reports.results import column_order
from facequal.reports.statistics import Change
from facequal.reports.tables import NOT_AVAILABLE, format_value

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_roc(curves: Mapping[CurveKey, RocCurve]) -> "Figure":
    """Return ROC curves, one panel per (protocol, condition), one line per column, FAR on a logarithmic axis.

    A line shows at each FAR the TAR of the largest acceptance set that keeps to it, so it rises in steps. The axis
    starts at 1 / number of impostor pairs, the smallest FAR other than 0.

    Args:
        curves: The curve of each (protocol, condition, column); at least one.

    Returns:
        A figure that belongs to no pyplot state.

    Raises:
        ValueError: If there are no curves.
    """
    from matplotlib.figure import Figure

    if not curves:
        raise ValueError("no curves to draw")
    panels = list(dict.fromkeys((protocol, condition) for protocol, condition, _ in curves))
    across = min(len(panels), 2)
    down = math.ceil(len(panels) / across)
    figure = Figure(figsize=(4.4 * across + 1.2, 3.8 * down), layout="constrained", dpi=110)
    axes = list(figure.subplots(down, across, squeeze=False).flat)
    shades = shades_of(column_order(column for _, _, column in curves))
    handles: dict[str, Artist] = {}
    for panel, axis in zip(panels, axes, strict=False):
        lines = {column: curves[*panel, column] for column in shades if (*panel, column) in curves}
        handles |= _draw_panel(axis, f"{panel[0]}, {panel[1]}", lines, shades)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    names = [name for name in (*shades, "chance") if name in handles]
    figure.legend([handles[name] for name in names], names, loc="outside right upper", frameon=False)
    return figure


def shades_of(columns: list[str]) -> dict[str, tuple[float, ...]]:
    """Return a colour per column, from dark to light; the yellow end of the scale is too pale on white."""
    from matplotlib import colormaps

    return {column: colormaps["viridis"](0.87 * i / max(len(columns) - 1, 1)) for i, column in enumerate(columns)}


def _draw_panel(
    axis: "Axes", title: str, curves: Mapping[str, RocCurve], shades: Mapping[str, tuple[float, ...]]
) -> dict[str, "Artist"]:
    left = min(1 / max(curve.num_impostor for curve in curves.values()), 0.1)
    handles: dict[str, Artist] = {}
    for column, curve in curves.items():
        far, tar = _steps(curve, left)
        (handles[column],) = axis.plot(far, tar, drawstyle="steps-post", color=shades[column], linewidth=1.6)
    handles["chance"] = style_roc_axis(axis, title, left)
    return handles


def style_roc_axis(axis: "Axes", title: str, left: float) -> "Artist":
    """Show FAR from `left` to 1 on a logarithmic axis, TAR in percent, and chance as a dotted line; give that line."""
    chance = torch.logspace(math.log10(left), 0, 100).tolist()
    (line,) = axis.plot(chance, chance, color="0.6", linewidth=1, linestyle=":")
    axis.set(xscale="log", xlim=(left, 1), ylim=(0, 1.01), xlabel="FAR", ylabel="TAR")
    axis.set_title(title, fontsize="medium")
    axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axis.grid(which="major", color="0.9", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    return line


def _steps(curve: RocCurve, left: float) -> tuple[list[float], list[float]]:
    """Return points where the highest TAR changes as FAR grows, from `left` to 1; millions of pairs leave thousands."""
    far, tar = curve.far, curve.tar
    is_highest = torch.ones_like(far, dtype=torch.bool)
    is_highest[:-1] = far[1:] != far[:-1]
    far, tar = far[is_highest].clamp_min(left), tar[is_highest]
    changes = torch.ones_like(far, dtype=torch.bool)
    changes[1:-1] = tar[1:-1] != tar[:-2]
    return far[changes].tolist(), tar[changes].tolist()


STYLES: dict[str, Literal["--", "-"]] = {"before": "--", "after": "-"}
CurvesOfSeeds = Sequence[Mapping[CurveKey, RocCurve]]


def draw_compared_roc(before: CurvesOfSeeds, after: CurvesOfSeeds, eers: ComparisonTable) -> "Figure":
    """Return ROC curves before (dashed) and after (solid), one panel per set and condition, one colour per resolution.

    FAR is on a logarithmic axis from 1 / number of impostor pairs. Of several seeds the mean TAR at each FAR is drawn.
    Below each panel stand the EERs.

    Args:
        before: The curves of each seed.
        after: The curves of each seed.
        eers: The EERs; each of its sections gives a panel, with the columns that all seeds hold a curve of.

    Returns:
        A figure that belongs to no pyplot state.

    Raises:
        ValueError: If a section has no curve.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D

    sections = eers.sections
    across = min(len(sections), 2 if len(sections) <= 6 else 4)
    down = math.ceil(len(sections) / across)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.12)
    figure = Figure(figsize=(4.8 * across, 5.0 * down + 0.4), layout=layout, dpi=110)
    axes = list(figure.subplots(down, across, squeeze=False).flat)
    shades = shades_of(column_order(eers.columns))
    for (panel, changes), axis in zip(sections.items(), axes, strict=False):
        _draw_roc_panel(axis, panel, changes, {"before": before, "after": after}, shades)
    for axis in axes[len(sections) :]:
        axis.set_axis_off()
    lines = [Line2D([], [], color="0.2", linestyle=style) for style in STYLES.values()]
    lines.append(Line2D([], [], color="0.6", linestyle=":"))
    figure.legend(lines, [*STYLES, "chance"], loc="outside upper center", ncols=3, frameon=False)
    return figure


def _draw_roc_panel(
    axis: "Axes",
    panel: tuple[str, str],
    eers: Mapping[str, Change],
    sides: Mapping[str, CurvesOfSeeds],
    shades: Mapping[str, tuple[float, ...]],
) -> None:
    columns = [
        column for column in shades if all((*panel, column) in seed for seeds in sides.values() for seed in seeds)
    ]
    if not columns:
        raise ValueError(f"{', '.join(panel)}: no resolution has a curve in all reports")
    curves = {(name, column): [seed[*panel, column] for seed in sides[name]] for name in sides for column in columns}
    left = min(1 / min(curve.num_impostor for seeds in curves.values() for curve in seeds), 0.1)
    for (name, column), seeds in curves.items():
        far, tar = mean_steps(seeds, left)
        label = f"{column}: {_eers(eers.get(column))}" if name == "after" else None
        axis.plot(
            far, tar, drawstyle="steps-post", color=shades[column], linestyle=STYLES[name], linewidth=1.6, label=label
        )
    style_roc_axis(axis, ", ".join(panel), left)
    axis.legend(
        title="EER in percent, before → after",
        title_fontsize="small",
        fontsize="small",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),
        ncols=2,
        frameon=False,
    )


def _eers(eer: Change | None) -> str:
    if eer is None:
        return NOT_AVAILABLE
    return f"{format_value(eer.before.mean, 'fraction')} → {format_value(eer.after.mean, 'fraction')}"


def mean_steps(curves: Sequence[RocCurve], left: float) -> tuple[list[float], list[float]]:
    """Return the mean TAR of several curves as steps: the points where it changes as FAR grows from `left` to 1.

    At each FAR a curve has the TAR of the largest acceptance set that keeps to it.

    Args:
        curves: At least one.
        left: Smallest FAR drawn, above 0.
    """
    edges = torch.tensor([left, 1.0], dtype=torch.float64)
    fars = torch.cat([edges, *(curve.far[curve.far > left] for curve in curves)])
    far = torch.tensor(sorted(set(fars.tolist())), dtype=torch.float64)
    tar = torch.stack([curve.tar[torch.searchsorted(curve.far, far, right=True) - 1] for curve in curves]).mean(0)
    changes = torch.ones_like(far, dtype=torch.bool)
    changes[1:-1] = tar[1:-1] != tar[:-2]
    return far[changes].tolist(), tar[changes].tolist()
