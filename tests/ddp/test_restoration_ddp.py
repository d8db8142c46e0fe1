"""Restoration sets, photos and classes over two processes: the figures and pictures of one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from PIL import Image
from torch import Tensor, nn

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.photos import RealPhotos
from facequal.data.protocols.restoration import MixtureSet, RestorationSet
from facequal.degradations import KernelBank, MultiDegradation
from facequal.evaluation.baselines import GainNormalisation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.evaluation.settings import RestorationSettings
from facequal.methods.base import FaceMethod
from facequal.methods.restoration.degradation_classifier import DegradationClassifier
from facequal.methods.restoration.restorer import Restorer
from facequal.reports.results import Result
from tests.evaluation.thumbnail import Thumbnail
from tests.methods.restoration.test_degradation_classifier import Contrasts
from tests.sources import people

pytestmark = pytest.mark.ddp

MIXTURE = MultiDegradation({"clean": 1, "N": 1, "L": 1}, KernelBank(8, "none", sizes_px=(3,)))


class Brighter(nn.Module):
    """Something that changes a picture and has a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(1.5))

    def forward(self, images: Tensor) -> Tensor:
        return images * self.gain


def photos(folder: Path) -> RealPhotos:
    generator = np.random.default_rng(0)
    for kind, number in (("photos", 3), ("clean", 2)):
        for person in ("ann", "bob", "cid"):
            (folder / kind / person).mkdir(parents=True)
            for place in range(number):
                pixels = generator.integers(0, 256, (24, 24, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / kind / person / f"{place}.png")
    return RealPhotos("album", str(folder / "photos"), str(folder / "clean"), size_px=24)


def evaluate(folder: Path, devices: int, method: FaceMethod, protocols: list[Any], **settings: Any) -> list[Result]:
    evaluation = ProtocolEvaluation(folder=str(folder), restoration=RestorationSettings(**settings))
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        callbacks=[evaluation],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    datamodule = FaceDataModule(train=people(4, 2), test=protocols, batch_size=4, eval_batch_size=5)
    trainer.test(method, datamodule=datamodule, verbose=False)
    return evaluation.results


def rows(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines())


def test_restorations_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    torch.save(Thumbnail().state_dict(), tmp_path / "thumbnail.pt")
    judged = {"recognizer_weights": str(tmp_path / "thumbnail.pt"), "colour_order": "rgb"}
    # 3 images of 6 rows and 9 photos: no multiple of 2 x 5, so samples are repeated to fill up
    protocols = [RestorationSet(people(4, 2, size_px=24), "Test-N", num_images=3), photos(tmp_path)]
    for devices in (1, 2):
        folder = tmp_path / str(devices)
        settings = {**judged, "recognizer": Thumbnail(), "baselines": [GainNormalisation()]}
        evaluate(folder, devices, Restorer(Brighter()), protocols, **settings)
    for name in ("results.csv", "Test-N.csv", "album.csv"):
        one, two = (np.array(rows(tmp_path / str(devices) / name)) for devices in (1, 2))
        assert len(one) > 10
        assert_lines_agree(one.tolist(), two.tolist())
    for name in ("Test-N.png", "album.png"):  # pictures of both ranks are shown
        one, two = (np.asarray(Image.open(tmp_path / str(devices) / name), dtype=float) for devices in (1, 2))
        assert np.abs(one - two).mean() < 0.5


def test_classes_of_two_processes_are_those_of_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = DegradationClassifier(Contrasts(), hidden=(4,))
    protocols = [MixtureSet(people(4, 2, size_px=16), MIXTURE, num_images=7, num_draws=3)]
    for devices in (1, 2):
        evaluate(tmp_path / str(devices), devices, method, protocols)
    one, two = (rows(tmp_path / str(devices) / "results.csv") for devices in (1, 2))
    assert one == two
    assert any(",21," in line for line in one)


def assert_lines_agree(one: list[str], two: list[str]) -> None:
    """Equal text, numbers to 1e-5."""
    assert len(one) == len(two)
    for line, other in zip(one, two, strict=True):
        for field, found in zip(line.split(","), other.split(","), strict=True):
            try:
                assert float(found) == pytest.approx(float(field), rel=1e-5, abs=1e-6, nan_ok=True)
            except ValueError:
                assert found == field
