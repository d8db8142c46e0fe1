"""Pictures of feature norms: against quality, and over the epochs."""

from typing import TYPE_CHECKING

import numpy as np

from facequal.analysis.norms import VALUES, applied_to, finite_pairs, pearson, quality_correlations, trajectories

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MAX_POINTS = 2000


def draw_correlations(samples: "pd.DataFrame", view: int | None = None) -> "Figure":
    """Return correlation of norm and P(y) with every quality over the epochs, one panel each."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    found = quality_correlations(samples)
    found = found[found["view"] == (found["view"].max() if view is None else view)]
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    for axes, value in zip(figure.subplots(1, 2, sharey=True), VALUES, strict=True):
        for quality, part in found[found["value"] == value].groupby("quality"):
            axes.plot(part["epoch"], part["r"], marker="o", markersize=3, label=str(quality))
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.set_title({"norm": "feature norm", "probability": "P(y)"}[value], fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.axes[0].set_ylabel("Pearson correlation")
    figure.axes[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def draw_scatter(samples: "pd.DataFrame", quality: str, view: int | None = None) -> "Figure":
    """Return norm and P(y) of the last epoch against a quality, with the line of least squares."""
    from matplotlib.figure import Figure

    last = samples[samples["epoch"] == samples["epoch"].max()]
    last = last[last["view"] == (last["view"].max() if view is None else view)]
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
        axes.set_ylabel({"norm": "feature norm", "probability": "P(y)"}[value])
    return figure


def draw_trajectories(samples: "pd.DataFrame", num_groups: int = 5, view: int | None = None) -> "Figure":
    """Return norm, P(y) and share of augmented samples over the epochs, of groups by final norm."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    found = trajectories(samples, num_groups, view)
    titles = {"norm": "feature norm", "probability": "P(y)", "augmented": "share of augmented samples"}
    shown = [name for name in titles if found[name].notna().any()]
    figure = Figure(figsize=(4.2 * len(shown), 3.6), layout="constrained")
    for axes, value in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
        for group in range(num_groups):
            part = found[found["group"] == group]
            axes.plot(part["epoch"], part[value], color=_colour((group + 0.5) / num_groups), marker="o", markersize=3)
        axes.set_title(titles[value], fontsize=10)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.axes[0].set_ylabel(f"mean of {num_groups} groups, dark: lowest final norms")
    return figure


def _colour(place: float) -> tuple[float, float, float, float]:
    from matplotlib import colormaps

    colour: tuple[float, float, float, float] = colormaps["viridis"](place)
    return colour
