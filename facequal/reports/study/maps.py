"""A figure over two settings as a picture: one cell per pair of values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facequal.reports.png import png
from facequal.reports.tables import NOT_AVAILABLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Figures of which less is better; of all others more is.
LOWER_IS_BETTER = frozenset({"eer"})


@dataclass(frozen=True)
class MapPanel:
    """One map.

    Attributes:
        title: What the figure is.
        values: One list per value of the first setting, with one number per value of the second; NaN where there is
            none. As they are written, such as percent.
        base: The figure before; None if there is none.
        metric: Name of the figure; tells whether more of it is better.
        decimals: Digits after the point in the cells.
    """

    title: str
    values: Sequence[Sequence[float]]
    base: float | None = None
    metric: str = "accuracy"
    decimals: int = 2


def map_png(panels: Sequence[MapPanel], down: tuple[str, Sequence[str]], across: tuple[str, Sequence[str]]) -> bytes:
    """Return the picture of `draw_map` as a PNG file."""
    return png(draw_map(panels, down, across))


def draw_map(
    panels: Sequence[MapPanel], down: tuple[str, Sequence[str]], across: tuple[str, Sequence[str]]
) -> "Figure":
    """Return heat maps, the number in every cell, the best one framed, the base in the title.

    Each panel has colours of its own, dark for low and bright for high values.

    Args:
        panels: At least one.
        down: Name of the first setting and its values, from top to bottom.
        across: Name of the second setting and its values, from left to right.

    Returns:
        A figure that belongs to no pyplot state.

    Raises:
        ValueError: If there are no panels, or one has another shape than the settings.
    """
    from matplotlib.figure import Figure

    if not panels:
        raise ValueError("no maps to draw")
    shape = (len(down[1]), len(across[1]))
    for panel in panels:
        if len(panel.values) != shape[0] or any(len(row) != shape[1] for row in panel.values):
            raise ValueError(f"{panel.title}: expected {shape[0]} x {shape[1]} values, got {panel.values!r}")
    columns = min(len(panels), 3)
    lines = math.ceil(len(panels) / columns)
    width, height = max(0.8 * shape[1] + 1.2, 3.2), max(0.42 * shape[0] + 1.3, 2.0)
    figure = Figure(figsize=(width * columns, height * lines), layout="constrained", dpi=110)
    axes = list(figure.subplots(lines, columns, squeeze=False).flat)
    for panel, axis in zip(panels, axes, strict=False):
        _draw_panel(axis, panel, down, across)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    return figure


def _draw_panel(
    axis: "Axes", panel: MapPanel, down: tuple[str, Sequence[str]], across: tuple[str, Sequence[str]]
) -> None:
    known = [value for row in panel.values for value in row if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    best = low if panel.metric in LOWER_IS_BETTER else high
    axis.set_facecolor("0.92")  # where there is no value
    is_flat = high == low  # equal limits are not taken
    axis.imshow(panel.values, cmap="viridis", aspect="auto", vmin=low, vmax=low + 1 if is_flat else high)
    for y, row in enumerate(panel.values):
        for x, value in enumerate(row):
            _write_cell(axis, x, y, value, panel.decimals, is_dark=is_flat or value < low + 0.6 * (high - low))
            if value == best and known:
                _frame(axis, x, y)
    axis.set_xticks(range(len(across[1])), across[1])
    axis.set_yticks(range(len(down[1])), down[1])
    axis.set(xlabel=across[0], ylabel=down[0])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    base = "" if panel.base is None or math.isnan(panel.base) else f"\nbase {panel.base:.{panel.decimals}f}"
    axis.set_title(panel.title + base, fontsize="small")


def _write_cell(axis: "Axes", x: int, y: int, value: float, decimals: int, is_dark: bool) -> None:
    missing = math.isnan(value)
    colour = "0.4" if missing else "white" if is_dark else "black"
    axis.text(x, y, NOT_AVAILABLE if missing else f"{value:.{decimals}f}", ha="center", va="center", color=colour)


def _frame(axis: "Axes", x: int, y: int) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((x - 0.47, y - 0.46), 0.94, 0.92, fill=False, edgecolor="#d62728", linewidth=2.5))
