"""Scores of a folder, and what was drawn for its pictures."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from facequal.analysis.quality import drawn_values, norm_correlations, score_folder, with_drawn
from facequal.data.errors import DataError
from facequal.data.sources.datasets import ImageFolder
from facequal.data.sources.images import encode_png
from facequal.metrics.no_reference import luma, sharpness
from tests.models.linear import LinearBackbone


def test_every_picture_gets_its_norm_and_measures(tmp_path: Path) -> None:
    torch.manual_seed(0)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        encode_png(tmp_path / f"{number}.png", picture)
    network = LinearBackbone()
    further = {"red": lambda images: images[:, 0].mean(dim=(1, 2))}
    scores = score_folder(network, ImageFolder(tmp_path, size_px=16), further=further)
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    assert scores["image"].tolist() == ["0.png", "1.png", "2.png"]
    assert scores["norm"].to_numpy() == pytest.approx(network(images)[1].flatten().tolist(), rel=1e-6)
    assert scores["sharpness"].to_numpy() == pytest.approx(sharpness(luma(images)).tolist())
    assert scores["red"].to_numpy() == pytest.approx(images[:, 0].mean(dim=(1, 2)).tolist())
    assert not network.training


def manifest(folder: Path, *lines: str) -> Path:
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_numbers_with_an_order_are_read_from_the_manifest(tmp_path: Path) -> None:
    assert drawn_values(tmp_path).empty
    head = "lq,clean,source,row,r,kernel_id,applied,word"
    folder = manifest(
        tmp_path, head, "lq/a.png,clean/a.png,a.png,0,0.25,7,True,x", "lq/b.png,clean/b.png,b.png,1,,8,False,y"
    )
    drawn = drawn_values(folder)
    assert drawn.to_dict("index") == {
        "lq/a.png": {"r": 0.25, "applied": 1},
        "lq/b.png": {"r": pytest.approx(math.nan, nan_ok=True), "applied": 0},
    }


def test_broken_manifests_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"manifest\.csv: no column lq; the columns are clean, r"):
        drawn_values(manifest(tmp_path, "clean,r"))
    with pytest.raises(DataError, match=r"manifest\.csv: line 3 has fewer cells than the first; truncated\?"):
        drawn_values(manifest(tmp_path, "lq,r", "a.png,0.5", "b.png"))
    with pytest.raises(DataError, match=r"manifest\.csv: .*Expected 2 fields in line 3, saw 3"):
        drawn_values(manifest(tmp_path, "lq,r", "a.png,0.5", "b.png,0.5,1"))


def test_correlations_rest_on_the_pictures_that_have_both() -> None:
    scores = pd.DataFrame(
        {"image": list("abcd"), "norm": [1.0, 2.0, 3.0, math.nan], "flat": 5.0, "up": [1.0, 3.0, 2.0, 9.0]}
    )
    scores = with_drawn(scores, pd.DataFrame({"r": [0.3, 0.2, 0.1]}, index=list("abc")))
    assert scores["drawn.r"].isna().tolist() == [False, False, False, True]
    correlations = norm_correlations(scores)
    assert set(correlations) == {"up", "drawn.r"}
    assert correlations["up"] == (pytest.approx(np.corrcoef([1, 3, 2], [1, 2, 3])[0, 1]), 3)
    assert correlations["drawn.r"] == (pytest.approx(-1), 3)
