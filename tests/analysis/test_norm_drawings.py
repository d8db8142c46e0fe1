"""Norms against quality and over the epochs."""

import numpy as np
import pandas as pd

from facequal.analysis.norm_drawings import draw_correlations, draw_scatter, draw_trajectories
from facequal.analysis.norms import quality_correlations, trajectories


def test_pictures(samples: pd.DataFrame) -> None:
    correlations = draw_correlations(samples)
    assert len(correlations.axes[0].lines) == 4  # three qualities, and zero
    scatter = draw_scatter(samples, "drawn.resolution.size_px")
    last = samples[samples["epoch"] == 2]
    r = np.corrcoef(last["drawn.resolution.size_px"], last["norm"])[0, 1]
    assert scatter.axes[0].get_title() == f"r = {r:+.2f}, 100 samples"
    assert len(draw_trajectories(samples).axes) == 3
    assert len(draw_trajectories(samples.drop(columns="drawn.noise.applied")).axes) == 2


def test_what_is_not_finite_is_in_no_scatter(samples: pd.DataFrame) -> None:
    last = samples["epoch"] == 2
    samples.loc[last & (samples["index"] < 4), "drawn.resolution.size_px"] = np.nan
    samples.loc[last & (samples["index"] == 9), "norm"] = np.nan
    scatter = draw_scatter(samples, "drawn.resolution.size_px")
    assert [axes.get_title().split(", ")[1] for axes in scatter.axes] == ["95 samples", "96 samples"]
    assert all(np.isfinite(axes.lines[1].get_ydata()).all() for axes in scatter.axes)


def test_a_scatter_of_what_does_not_vary_has_no_line(samples: pd.DataFrame) -> None:
    scatter = draw_scatter(samples, "drawn.constant")
    assert [axes.get_title() for axes in scatter.axes] == ["r = +nan, 100 samples"] * 2
    assert [len(axes.lines) for axes in scatter.axes] == [1, 1]


def test_curves_are_the_tables(samples: pd.DataFrame) -> None:
    (norm, *_) = draw_trajectories(samples, num_groups=2).axes
    means = trajectories(samples, num_groups=2)
    for group, line in enumerate(norm.lines):
        assert line.get_ydata().tolist() == means[means["group"] == group]["norm"].tolist()
    table = quality_correlations(samples)
    for line in draw_correlations(samples).axes[0].lines[:-1]:
        part = table[(table["quality"] == line.get_label()) & (table["value"] == "norm")]
        assert line.get_ydata().tolist() == part["r"].tolist()
