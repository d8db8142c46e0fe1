"""Mining sees the global batch: two processes equal one."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.degradations.resolution import Resolution
from facequal.methods.octuplet.method import Octuplet
from tests.models.linear import LinearBackbone
from tests.sources import people

pytestmark = pytest.mark.ddp


def run(folder: Path, devices: int) -> tuple[dict[str, Tensor], dict[str, float]]:
    torch.manual_seed(0)
    # A pair of images stands alone on a rank as often as not: without the other rank's there would be few negatives.
    module = Octuplet(LinearBackbone(), margin=2.0, optimizer=lambda params: torch.optim.SGD(params, lr=0.01))
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        max_epochs=2,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
    )
    datamodule = FaceDataModule(
        train=people(6, 8), batch_size=4, degradation=Resolution([4, 8]), identity_pairs=IdentityPairs(), seed=3
    )
    trainer.fit(module, datamodule=datamodule)
    return module.state_dict(), {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_two_processes_equal_one(tmp_path: Path) -> None:
    (one, logged), (two, logged_by_two) = (run(tmp_path / str(devices), devices) for devices in (1, 2))
    start = Octuplet(LinearBackbone()).state_dict()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-5, rtol=1e-5, msg=name)
        assert value.shape == start[name].shape
    assert logged["train/anchors"] == 4
    for name in ("train/loss", "train/hhh", "train/lll", "train/active_triplets", "train/anchors"):
        assert logged_by_two[name] == pytest.approx(logged[name], rel=1e-4), name
