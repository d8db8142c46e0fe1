"""Pictures of feature norms: against quality, and over the epochs."""

from typing import TYPE_CHECKING

import numpy as np

from facequal.analysis.norms import (
    VALUES,
    applied_to,
    finite_pairs,
    of_view,
    pearson,
    quality_correlations,
    trajectories,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TITLES = {"norm": "feature norm", "probability": "P(y)", "augmented": "share of augmented samples"}
_MAX_POINTS = 2000


def draw_correlations(samples: "pd.DataFrame", view: int | None = None) -> "Figure":
    """Draw the correlation of norm and P(y) with every quality over the epochs, one panel each.

    Args:
        samples: See `read_samples`.
        view: Which view; None takes the last one, which is the degraded one.
    """
    from matplotlib.figure import Figure

    correlations = of_view(quality_correlations(samples), view)
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    for axes, value in zip(figure.subplots(1, 2, sharey=True), VALUES, strict=True):
        for quality, part in correlations[correlations["value"] == value].groupby("quality"):
            axes.plot(part["epoch"], part["r"], marker="o", markersize=3, label=str(quality))
        axes.axhline(0, color="0.7", linewidth=0.8)
        _over_epochs(axes, value)
    figure.axes[0].set_ylabel("Pearson correlation")
    figure.axes[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def draw_scatter(samples: "pd.DataFrame", quality: str, view: int | None = None) -> "Figure":
    """Draw norm and P(y) of the last epoch against a quality, with the line of least squares.

    Args:
        samples: See `read_samples`.
        quality: One of `quality_columns`.
        view: Which view; None takes the last one, which is the degraded one.
    """
    from matplotlib.figure import Figure

    last = of_view(samples[samples["epoch"] == samples["epoch"].max()], view)
    last = last[applied_to(last, quality)]
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    for axes, value in zip(figure.subplots(1, 2), VALUES, strict=True):
        x, y = finite_pairs(last[quality].to_numpy(float), last[value].to_numpy(float))
        some = np.linspace(0, len(x) - 1, min(len(x), _MAX_POINTS)).astype(int)  # of all people
        axes.plot(x[some], y[some], ".", markersize=3, alpha=0.5)
        r = pearson(x, y)
        if np.isfinite(r):
            slope, intercept = np.polyfit(x, y, 1)
            ends = np.array([x.min(), x.max()])
            axes.plot(ends, slope * ends + intercept, color="tab:red")
        axes.set_title(f"r = {r:+.2f}, {len(x)} samples", fontsize=10)
        axes.set_xlabel(quality)
        axes.set_ylabel(_TITLES[value])
    return figure


def draw_trajectories(samples: "pd.DataFrame", num_groups: int = 5, view: int | None = None) -> "Figure":
    """Draw norm, P(y) and share of augmented samples over the epochs, of groups by final norm.

    Args:
        samples: See `read_samples`.
        num_groups: Groups of equal size, as in `trajectories`.
        view: Which view; None takes the last one, which is the degraded one.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    means = trajectories(samples, num_groups, view)
    shown = [name for name in _TITLES if means[name].notna().any()]
    figure = Figure(figsize=(4.2 * len(shown), 3.6), layout="constrained")
    for axes, value in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for group in range(num_groups):
            part, colour = means[means["group"] == group], colormaps["viridis"]((group + 0.5) / num_groups)
            axes.plot(part["epoch"], part[value], color=colour, marker="o", markersize=3)
        _over_epochs(axes, value)
    figure.axes[0].set_ylabel(f"mean of {num_groups} groups, dark: lowest final norms")
    return figure


def _over_epochs(axes: "Axes", value: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(_TITLES[value], fontsize=10)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
