"""Pictures of training samples."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facequal.analysis.norms import read_samples
from facequal.reports.page.panels import line_styles
from facequal.reports.page.samples import (
    draw_norm_histograms,
    draw_trained_scalings,
    is_drawable,
    last_epoch,
    view_name,
)
from tests.reports.page.made_runs import write_samples


@pytest.fixture
def samples(tmp_path: Path) -> pd.DataFrame:
    """Two epochs of 60 samples, of one view."""
    write_samples(tmp_path)
    return read_samples(tmp_path)


def test_last_epoch(samples: pd.DataFrame) -> None:
    assert samples["epoch"].unique().tolist() == [0, 1]
    assert last_epoch(samples).equals(samples.iloc[60:])


def test_histograms_are_densities_of_the_last_epoch(samples: pd.DataFrame) -> None:
    with_two_views = pd.concat([samples, samples.assign(view=1, norm=np.nan)])
    styles = line_styles(["a", "b", "c"])
    figure = draw_norm_histograms({"a": samples, "c": with_two_views}, styles)
    original, degraded = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["original, or the only view", "degraded copy"]
    assert [len(axis.patches) for axis in figure.axes] == [2, 0]  # a view without a finite norm has no line
    norms = samples["norm"].to_numpy()[60:]
    expected, _ = np.histogram(norms, np.linspace(0, norms.max(), 41), density=True)
    heights = np.asarray(original.patches[0].get_path().vertices)[:, 1]  # type: ignore[attr-defined]
    assert heights.max() == pytest.approx(expected.max())
    assert original.patches[1].get_edgecolor()[:3] == pytest.approx((0, 158 / 255, 115 / 255))  # of the third run
    assert degraded.get_xlabel() == "feature norm"


def test_view_names() -> None:
    assert [view_name(view, 3) for view in range(3)] == ["original, or the only view", "degraded copy", "view 2"]
    assert view_name(0, 1) == "all samples"


def test_scalings_are_magnitudes_over_the_norm(samples: pd.DataFrame) -> None:
    many = pd.concat([samples.iloc[60:]] * 50)
    figure = draw_trained_scalings({"a": samples, "n" * 40: many})
    first, second, colours = figure.axes
    points = np.asarray(first.collections[0].get_offsets())
    assert points == pytest.approx(np.stack([samples["norm"][60:], samples["gradient_scaling"][60:].abs()], axis=1))
    assert len(np.asarray(second.collections[0].get_offsets())) == 2000  # no more are drawn
    assert (first.get_title(), second.get_title()) == ("a", "…" + "n" * 29)
    assert colours.get_ylabel() == "P(y)"


def test_what_can_be_drawn(samples: pd.DataFrame) -> None:
    assert is_drawable(samples)
    assert not is_drawable(samples.drop(columns="gradient_scaling"))
    assert not is_drawable(samples.assign(gradient_scaling=np.where(samples["epoch"] == 0, 1.0, np.nan)))
