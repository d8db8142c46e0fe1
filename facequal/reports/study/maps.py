"""A figure over two settings as a picture: one cell per pair of values."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from facequal.reports.png import panels, png
from facequal.reports.tables import NOT_AVAILABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Figures of which less is better; of all others more is.
LOWER_IS_BETTER = frozenset({"eer"})


class MapPanel(NamedTuple):
    """One map.

    Attributes:
        title: What the figure is.
        values: One list per value of the first setting, with one number per value of the second; NaN where there is
            none. As they are written, such as percent.
        base: The figure before; None if there is none.
        metric: Name of the figure; tells whether more of it is better.
    """

    title: str
    values: Sequence[Sequence[float]]
    base: float | None = None
    metric: str = "accuracy"


Setting = tuple[str, Sequence[str]]
"""Name of a setting, and its values."""


def map_png(maps: Sequence[MapPanel], down: Setting, across: Setting) -> bytes:
    """Return the picture of `draw_map` as a PNG file."""
    return png(draw_map(maps, down, across))


def draw_map(maps: Sequence[MapPanel], down: Setting, across: Setting) -> "Figure":
    """Return heat maps, the number in every cell, the best one framed, the base in the title.

    Each panel has colours of its own, dark for low and bright for high values.

    Args:
        maps: At least one, each with a value for each pair of values.
        down: Name of the first setting and its values, from top to bottom.
        across: Name of the second setting and its values, from left to right.

    Returns:
        A figure that belongs to no pyplot state.
    """
    size = (max(0.8 * len(across[1]) + 1.2, 3.2), max(0.42 * len(down[1]) + 1.3, 2.0))
    figure, axes = panels(len(maps), 3, size)
    for panel, axis in zip(maps, axes, strict=True):
        _draw_panel(axis, panel, down, across)
    return figure


def _draw_panel(axis: "Axes", panel: MapPanel, down: Setting, across: Setting) -> None:
    from matplotlib.patches import Rectangle

    known = [value for row in panel.values for value in row if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    best = low if panel.metric in LOWER_IS_BETTER else high
    axis.set_facecolor("0.92")  # where there is no value
    is_flat = high == low  # equal limits are not taken
    axis.imshow(panel.values, cmap="viridis", aspect="auto", vmin=low, vmax=low + 1 if is_flat else high)
    for y, row in enumerate(panel.values):
        for x, value in enumerate(row):
            is_dark = is_flat or value < low + 0.6 * (high - low)
            colour = "0.4" if math.isnan(value) else "white" if is_dark else "black"
            axis.text(
                x, y, NOT_AVAILABLE if math.isnan(value) else f"{value:.2f}", ha="center", va="center", color=colour
            )
            if value == best and known:
                frame = Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, fill=False, edgecolor="#d62728", linewidth=2.5)
                axis.add_patch(frame)
    axis.set_xticks(range(len(across[1])), across[1])
    axis.set_yticks(range(len(down[1])), down[1])
    axis.set(xlabel=across[0], ylabel=down[0])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    base = "" if panel.base is None or math.isnan(panel.base) else f"\nbase {panel.base:.2f}"
    axis.set_title(panel.title + base, fontsize="small")
