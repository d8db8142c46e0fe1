"""Norms and quality from tables made by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facequal.analysis.norms import of_view, pearson, quality_columns, quality_correlations, read_samples, trajectories


def test_correlations_per_epoch(samples: pd.DataFrame) -> None:
    assert quality_columns(samples) == ["drawn.resolution.size_px", "drawn.noise.applied", "drawn.noise.sigma"]
    found = quality_correlations(samples).set_index(["epoch", "quality", "value"])
    last = samples[samples["epoch"] == 2]
    expected = np.corrcoef(last["drawn.resolution.size_px"], last["norm"])[0, 1]
    assert found.loc[(2, "drawn.resolution.size_px", "norm"), "r"] == pytest.approx(expected)
    of_size = [found.loc[(epoch, "drawn.resolution.size_px", "norm"), "r"] for epoch in range(3)]
    assert of_size == sorted(of_size)
    assert found.loc[(0, "drawn.resolution.size_px", "probability"), "r"] > 0.9
    reached = last[last["drawn.noise.applied"] > 0]
    assert found.loc[(2, "drawn.noise.sigma", "norm"), "num"] == 50
    expected = np.corrcoef(reached["drawn.noise.sigma"], reached["norm"])[0, 1]
    assert found.loc[(2, "drawn.noise.sigma", "norm"), "r"] == pytest.approx(expected)
    with pytest.raises(KeyError, match=r"there is no column 'drawn\.blur' .* are drawn\.resolution\.size_px"):
        quality_correlations(samples, ["drawn.blur"])


def test_values_of_a_composition_that_reached_some(samples: pd.DataFrame) -> None:
    """``drawn.applied`` is that of all that follows; numbers of filters have no order."""
    table = samples.drop(columns=["drawn.noise.applied"])
    table["drawn.applied"] = samples["drawn.noise.applied"]
    table["drawn.resolution.applied"] = np.arange(len(table)) % 4 // 2
    table["drawn.resolution.up_filter"] = np.arange(len(table)) % 5
    found = quality_correlations(table).set_index(["epoch", "quality", "value"])["num"]
    assert found[(2, "drawn.noise.sigma", "norm")] == 50
    assert found[(2, "drawn.resolution.size_px", "norm")] == 25
    assert found[(2, "drawn.applied", "norm")] == 100
    assert "drawn.resolution.up_filter" not in quality_columns(table)


def test_what_does_not_vary_has_no_correlation() -> None:
    assert np.isnan(pearson(np.ones(5), np.arange(5.0)))
    assert np.isnan(pearson(np.arange(2.0), np.arange(2.0)))
    assert pearson(np.array([0, 1, 2, np.nan]), np.array([0, 2, 4, 9])) == pytest.approx(1)


def test_nan_is_left_out(samples: pd.DataFrame) -> None:
    samples.loc[(samples["epoch"] == 2) & (samples["index"] < 4), "drawn.resolution.size_px"] = np.nan
    samples.loc[(samples["epoch"] == 2) & (samples["index"] == 9), "norm"] = np.nan
    found = quality_correlations(samples).set_index(["epoch", "quality", "value"])["num"]
    assert found[(1, "drawn.resolution.size_px", "norm")] == 100
    assert found[(2, "drawn.resolution.size_px", "norm")] == 95
    assert found[(2, "drawn.resolution.size_px", "probability")] == 96
    assert trajectories(samples, num_groups=3).groupby("group")["num"].first().tolist() == [33, 33, 33]


def test_groups_by_final_norm(samples: pd.DataFrame) -> None:
    found = trajectories(samples, num_groups=4)
    assert found.groupby("group")["num"].apply(list).tolist() == [[25, 25, 25]] * 4
    last = found[found["epoch"] == 2]["norm"].to_numpy()
    norms = np.sort(samples[samples["epoch"] == 2]["norm"].to_numpy())
    assert last == pytest.approx(norms.reshape(4, 25).mean(1))
    assert found["augmented"].between(0, 1).all()
    assert found[found["epoch"] == 0]["augmented"].mean() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="100 samples are too few for 101 groups"):
        trajectories(samples, 101)


def test_files_of_a_run(samples: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    for epoch, part in samples.groupby("epoch"):
        part.to_parquet(tmp_path / "samples" / f"epoch_{epoch:04d}.parquet", index=False)
    pd.testing.assert_frame_equal(read_samples(tmp_path), samples)
    pd.testing.assert_frame_equal(read_samples(tmp_path / "samples"), samples)
    with pytest.raises(FileNotFoundError, match=r"no epoch_\*\.parquet; add facequal\.callbacks\.training_samples"):
        read_samples(tmp_path / "samples" / "none")
    file = tmp_path / "samples" / "epoch_0001.parquet"
    for content in (b"", file.read_bytes()[:-100], b"no such thing"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"epoch_0001\.parquet: not a Parquet file"):
            read_samples(tmp_path)


def test_a_view_is_the_last_unless_asked_for(samples: pd.DataFrame) -> None:
    degraded = samples.assign(view=1, norm=samples["norm"] / 2)
    both = pd.concat([samples, degraded], ignore_index=True)
    assert of_view(both, None)["norm"].tolist() == degraded["norm"].tolist()
    assert of_view(both, 0)["norm"].tolist() == samples["norm"].tolist()
    assert len(of_view(both, 2)) == 0
    expected = trajectories(samples, 4)["norm"] / 2
    assert trajectories(both, 4)["norm"].to_numpy() == pytest.approx(expected.to_numpy())


def test_files_of_something_else_are_named(tmp_path: Path) -> None:
    pd.DataFrame({"epoch": [0], "index": [1], "norm": [2.0]}).to_parquet(tmp_path / "epoch_0000.parquet")
    with pytest.raises(ValueError, match=r"epoch_0000\.parquet: no column 'view', so it is not of TrainingSamples"):
        read_samples(tmp_path)
