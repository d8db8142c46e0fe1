"""Figures of panels and their files. Apart from what is drawn, so that what needs no torch need not import it."""

from io import BytesIO
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import LayoutEngine


def png(figure: "Figure", dpi: int | None = None) -> bytes:
    """Return a figure as a PNG file, at its own resolution or that many dots per inch."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi or "figure")
    return buffer.getvalue()


def panels(
    num: int,
    across: int,
    panel_in: tuple[float, float],
    around_in: tuple[float, float] = (0.0, 0.0),
    layout: "LayoutEngine | str | None" = "constrained",
    dpi: int = 110,
) -> tuple["Figure", list["Axes"]]:
    """Return an empty figure that belongs to no pyplot state, and its panels row by row.

    >>> figure, axes = panels(3, across=2, panel_in=(4.0, 3.0), around_in=(1.0, 0.0))
    >>> figure.get_size_inches().tolist(), len(axes)
    ([9.0, 6.0], 3)

    Args:
        num: Number of panels.
        across: The most in a row.
        panel_in: Width and height of the room of a panel in inches.
        around_in: What the figure is wider and higher than its panels in inches.
        layout: As `matplotlib.figure.Figure` takes it.
        dpi: Dots per inch.

    Raises:
        ValueError: If there is no panel.
    """
    from matplotlib.figure import Figure

    if not num:
        raise ValueError("nothing to draw")
    across = min(num, across)
    down = -(-num // across)
    size = (panel_in[0] * across + around_in[0], panel_in[1] * down + around_in[1])
    figure = Figure(figsize=size, layout=layout, dpi=dpi)  # type: ignore[arg-type]
    axes = list(figure.subplots(down, across, squeeze=False).flat)
    for axis in axes[num:]:
        axis.set_axis_off()
    return figure, axes[:num]


def with_grid(axis: "Axes", which: Literal["both", "x", "y"] = "both") -> None:
    """Draw a pale grid below the lines of a panel, and a frame at the left and the bottom alone."""
    axis.grid(axis=which, color="0.9", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
