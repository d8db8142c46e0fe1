"""A contact sheet of pictures ordered by their feature norm."""

from typing import TYPE_CHECKING

import numpy as np

from facequal.data.sources.datasets import ImageFolder
from facequal.reports.png import png

if TYPE_CHECKING:
    import pandas as pd


def contact_sheet(source: ImageFolder, scores: "pd.DataFrame", rows: int = 6, columns: int = 8) -> bytes:
    """Return a PNG of pictures at even distances from the lowest norm to the highest, each with its norm.

    Finite ones only.
    """
    from matplotlib.figure import Figure

    norms = scores["norm"].to_numpy(float)
    order = np.argsort(norms, kind="stable")[: np.isfinite(norms).sum()]  # NaN comes last
    num = min(rows * columns, len(order))
    chosen = order[np.linspace(0, len(order) - 1, num).round().astype(int)]
    rows = -(-num // columns)
    figure = Figure(figsize=(1.3 * columns, 1.5 * rows), layout="constrained")
    for axes in figure.subplots(rows, columns, squeeze=False).flat:
        axes.axis("off")
    for axes, index in zip(figure.axes, chosen.tolist(), strict=False):
        axes.imshow(source[index]["image"].permute(1, 2, 0).numpy(), interpolation="nearest")
        axes.set_title(f"{scores['norm'].iloc[index]:.2f}", fontsize=8, pad=2)
    return png(figure, dpi=110)
