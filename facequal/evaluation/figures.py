"""ROC curves as a picture."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from facequal.evaluation.curves import CurveKey
from facequal.evaluation.pictures import png
from facequal.evaluation.results import column_order
from facequal.metrics.roc import RocCurve

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def roc_png(curves: Mapping[CurveKey, RocCurve]) -> bytes:
    """The picture of :func:`draw_roc` as a PNG file."""
    return png(draw_roc(curves))


def draw_roc(curves: Mapping[CurveKey, RocCurve]) -> "Figure":
    """ROC curves, one panel per (protocol, condition), one line per column, FAR on a logarithmic axis.

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
    """A colour per column, from dark to light; the yellow end of the scale is too pale on white."""
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
    """FAR from `left` to 1 on a logarithmic axis, TAR in percent, and the dotted line of chance, which is returned."""
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
    """The points where the highest TAR changes as FAR grows, from `left` to 1; millions of pairs leave thousands."""
    far, tar = curve.far, curve.tar
    is_highest = torch.ones_like(far, dtype=torch.bool)
    is_highest[:-1] = far[1:] != far[:-1]
    far, tar = far[is_highest].clamp_min(left), tar[is_highest]
    changes = torch.ones_like(far, dtype=torch.bool)
    changes[1:-1] = tar[1:-1] != tar[:-2]
    return far[changes].tolist(), tar[changes].tolist()
