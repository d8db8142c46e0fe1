"""Pictures as files. Apart from the figures, so that what draws without torch need not import it."""

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png(figure: "Figure", dpi: int | None = None) -> bytes:
    """Return a figure as a PNG file, at its own resolution or that many dots per inch."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi or "figure")
    return buffer.getvalue()
