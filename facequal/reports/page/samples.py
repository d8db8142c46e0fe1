"""Pictures of what trainings made of their samples: histograms of norms, and gradient scaling over the norm."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from facequal.reports.page.panels import Styles, panel_figure

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_MAX_POINTS = 2000


def last_epoch(samples: "pd.DataFrame") -> "pd.DataFrame":
    """Return the rows of the last epoch."""
    last: pd.DataFrame = samples[samples["epoch"] == samples["epoch"].max()]
    return last


def draw_norm_histograms(samples: Mapping[str, "pd.DataFrame"], styles: Styles) -> "Figure":
    """Return feature norms of the last epoch, a panel per view, a line per run."""
    last = {name: last_epoch(frame) for name, frame in samples.items()}
    views = sorted({view for frame in last.values() for view in frame["view"].unique().tolist()})
    norms = np.concatenate([frame["norm"].to_numpy(float) for frame in last.values()])
    norms = norms[np.isfinite(norms)]
    bins = np.linspace(norms.min(initial=0.0), norms.max(initial=1.0), 41).tolist()
    figure, axes = panel_figure(len(views), {name: styles[name] for name in last})
    for axis, view in zip(axes, views, strict=True):
        for name, frame in last.items():
            values = frame.loc[frame["view"] == view, "norm"].to_numpy(float)
            values = values[np.isfinite(values)]
            if len(values):
                axis.hist(values, bins, density=True, histtype="step", linewidth=1.3, **styles[name])
        axis.set_title(view_name(view, len(views)), fontsize="medium")
        axis.set(xlabel="feature norm", yticks=[])
        axis.spines[["top", "right", "left"]].set_visible(False)
    return figure


def view_name(view: int, num_views: int) -> str:
    """Return what a view is called: methods with two have the original first, others only that one.

    >>> view_name(0, 1), view_name(1, 2)
    ('all samples', 'degraded copy')
    """
    if num_views == 1:
        return "all samples"
    return ("original, or the only view", "degraded copy")[view] if view < 2 else f"view {view}"


def draw_trained_scalings(samples: Mapping[str, "pd.DataFrame"]) -> "Figure":
    """Return |g| of the samples of the last epoch over their norm, a panel per run, coloured by P(y)."""
    from matplotlib.cm import ScalarMappable

    figure, axes = panel_figure(len(samples), {})
    for axis, (name, frame) in zip(axes, samples.items(), strict=True):
        last = last_epoch(frame)
        # Evenly spread over the rows, so of all views and people.
        last = last.iloc[np.linspace(0, len(last) - 1, min(len(last), _MAX_POINTS)).astype(int)]
        probability = last["probability"].to_numpy(float)
        axis.scatter(last["norm"], last["gradient_scaling"].abs(), s=3, c=probability, vmin=0, vmax=1, cmap="viridis")
        axis.set_title(name if len(name) < 30 else f"…{name[-29:]}", fontsize="medium")
        axis.set(xlabel="feature norm", ylabel="|g|")
        axis.set_ylim(bottom=0)
        axis.spines[["top", "right"]].set_visible(False)
    scale = ScalarMappable(cmap="viridis")
    scale.set_clim(0, 1)
    figure.colorbar(scale, ax=figure.axes, label="P(y)", shrink=0.8, aspect=30)
    return figure


def is_drawable(samples: "pd.DataFrame") -> bool:
    """Return whether there is a finite gradient scaling in the last epoch."""
    last = last_epoch(samples)
    return "gradient_scaling" in last and any(map(math.isfinite, last["gradient_scaling"]))
