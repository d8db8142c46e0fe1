"""What is kept of the samples of a training, on one rank and on two."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch import Callback

from facequal.analysis.norms import trajectories
from facequal.callbacks.training_samples import CLASSES, TrainingSamples
from facequal.data.datamodule import FaceDataModule
from facequal.degradations.multi import MultiDegradation
from facequal.evaluation.brisque_files import load_brisque
from facequal.methods.qgface.method import QGFace
from facequal.methods.restoration.restorer import Restorer
from facequal.metrics.no_reference import luma, sharpness
from tests.callbacks.recognition import recognition_data, recognizer
from tests.evaluation.brisque_weights import regression, write_opencv
from tests.methods.tiny_restoration import restoration_data
from tests.models.linear import LinearBackbone
from tests.sources import people
from tests.training import trainer


def fit(method: Any, folder: Path, datamodule: FaceDataModule, *callbacks: Callback, **arguments: Any) -> None:
    torch.manual_seed(0)
    trainer(folder, **({"max_epochs": 2, "callbacks": list(callbacks)} | arguments)).fit(method, datamodule=datamodule)


class Keep(Callback):
    """All that the steps said, and the sharpness of what the network saw."""

    def __init__(self) -> None:
        self.frames: list[pd.DataFrame] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        values = {name: value.numpy() for name, value in outputs["samples"].items()}
        seen = [batch["lq"]] if len(values["index"]) == len(batch["lq"]) else [batch["image"], batch["lq"]]
        values["measured.sharpness"] = np.concatenate([sharpness(luma(images)).float().numpy() for images in seen])
        self.frames.append(pd.DataFrame({"epoch": trainer.current_epoch, **values}))


def test_chosen_samples_are_followed_through_the_epochs(tmp_path: Path) -> None:
    keep = Keep()
    fit(recognizer(), tmp_path, recognition_data(), TrainingSamples(num_samples=10), keep)
    files = sorted((tmp_path / "samples").glob("*.parquet"))
    assert [path.name for path in files] == ["epoch_0000.parquet", "epoch_0001.parquet"]
    found = pd.concat([pd.read_parquet(path) for path in files])
    assert found.groupby("epoch")["index"].apply(list).map(len).tolist() == [10, 10]
    assert set(found[found["epoch"] == 0]["index"]) == set(found[found["epoch"] == 1]["index"])
    said = pd.concat(keep.frames).drop_duplicates(["epoch", "index"])
    both = found.merge(said, on=["epoch", "index", "view"], suffixes=("", "_said"))
    assert len(both) == 20
    for name in ("norm", "probability", "margin", "gradient_scaling", "measured.sharpness"):
        assert both[name].tolist() == both[f"{name}_said"].tolist()
    assert (found["gradient_scaling"] < 0).all()
    assert found["norm"].gt(0).all()
    assert (found["label"] == found["index"] // 6).all()
    assert set(found["drawn.size_px"]) <= {4.0, 8.0}
    assert found["measured.contrast"].nunique() > 1


def test_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="num_samples must be at least 1, got 0"):
        TrainingSamples(0)


def test_both_views_of_qgface(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method, keep = QGFace(LinearBackbone(), num_classes=6), Keep()
    followed = TrainingSamples(num_samples=100, folder=str(tmp_path / "here"))
    fit(method, tmp_path, recognition_data(), followed, keep, max_epochs=1)
    found = pd.read_parquet(tmp_path / "here" / "epoch_0000.parquet")
    both = found.merge(pd.concat(keep.frames), on=["epoch", "index", "view"], suffixes=("", "_said"))
    assert both["measured.sharpness"].tolist() == both["measured.sharpness_said"].tolist()
    sharp = found.groupby("view")["measured.sharpness"].mean()
    assert sharp[0] > 2 * sharp[1]  # the second view is enlarged from a few pixels
    assert found.groupby("view").size().nunique() == 1
    assert set(found["view"]) == {0, 1}
    assert not found.duplicated(["view", "index"]).any()


def test_classes_say_what_reached_an_image(tmp_path: Path) -> None:
    data = FaceDataModule(train=people(6, 6), degradation=MultiDegradation({"N": 1, "L": 1}), batch_size=6)
    fit(recognizer(), tmp_path, data, TrainingSamples(num_samples=36), max_epochs=1)
    found = pd.read_parquet(tmp_path / "samples" / "epoch_0000.parquet")
    flags = found[[f"drawn.{name}.applied" for name in CLASSES]]
    assert set(flags.itertuples(index=False, name=None)) == {(0, 1, 0), (0, 0, 1)}
    assert found["measured.brightness"][flags["drawn.low_light.applied"] > 0].mean() < 0.3
    assert trajectories(found, num_groups=2)["augmented"].tolist() == [1, 1]


def test_loaders_in_place_of_a_data_module(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="TrainingSamples needs the data as a FaceDataModule"):
        TrainingSamples().on_train_epoch_start(trainer(tmp_path), recognizer())


def test_nothing_is_measured_unless_asked(tmp_path: Path) -> None:
    fit(recognizer(), tmp_path, recognition_data(), TrainingSamples(num_samples=3, measure=False), max_epochs=1)
    found = pd.read_parquet(tmp_path / "samples" / "epoch_0000.parquet")
    assert not [name for name in found.columns if name.startswith("measured.")]


def test_brisque_with_the_users_weights(tmp_path: Path) -> None:
    files = write_opencv(tmp_path, regression())
    source, keep = people(6, 6), TrainingSamples(num_samples=5, brisque=(str(files[0]), str(files[1])))
    fit(recognizer(), tmp_path, FaceDataModule(train=source, batch_size=6), keep, max_epochs=1)
    found = pd.read_parquet(tmp_path / "samples" / "epoch_0000.parquet")
    images = torch.stack([source[index]["image"] for index in found["index"]]).float() / 255
    assert found["measured.brisque"].tolist() == pytest.approx(load_brisque(*files)(images).tolist(), rel=1e-5)


@pytest.mark.ddp
def test_two_ranks_write_the_rows_of_one(tmp_path: Path) -> None:
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        strategy = "ddp_fork" if devices > 1 else "auto"
        options: dict[str, Any] = {"devices": devices, "strategy": strategy, "max_epochs": 1}
        fit(recognizer(), folder, recognition_data(), TrainingSamples(num_samples=7, folder=str(folder)), **options)
    one, two = (pd.read_parquet(tmp_path / str(devices) / "epoch_0000.parquet") for devices in (1, 2))
    pd.testing.assert_frame_equal(one, two, atol=1e-4, rtol=1e-3)


def test_methods_without_heads_are_named(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Restorer gives no values per sample"):
        fit(Restorer(torch.nn.Conv2d(3, 3, 1)), tmp_path, restoration_data(), TrainingSamples())
