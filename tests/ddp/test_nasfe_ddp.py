"""NASFE over two processes: architecture and weights are equal on both, and those of one."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.restoration import RestorationSet
from facequal.methods.base import FaceMethod
from facequal.methods.nasfe.method import NASFE
from tests.ddp.restoration_runs import assert_lines_agree, evaluate, rows
from tests.methods.nasfe.tiny import Shades, nasfe_data, network, search, search_data
from tests.sources import people

pytestmark = pytest.mark.ddp


class KeepState(Callback):
    """Every rank's parameters at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        torch.save(dict(pl_module.named_parameters()), self.folder / f"rank_{trainer.global_rank}.pt")


def trained(folder: Path, devices: int, method: FaceMethod, data: FaceDataModule, **arguments: Any) -> list[Any]:
    folder.mkdir()
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        callbacks=[KeepState(folder)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        **arguments,
    )
    trainer.fit(method, datamodule=data)
    return [torch.load(folder / f"rank_{rank}.pt", weights_only=True) for rank in range(devices)]


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in after.items() if not torch.equal(value, before[name])}


def test_the_architecture_is_the_same_on_all_ranks(tmp_path: Path) -> None:
    before = {name: value.detach().clone() for name, value in search().named_parameters()}
    options: dict[str, Any] = {"max_epochs": 1, "limit_train_batches": 4}
    (one,) = trained(tmp_path / "1", 1, search(warmup=0.0), search_data(batch_size=6), **options)
    first, second = trained(tmp_path / "2", 2, search(warmup=0.0), search_data(batch_size=6), **options)
    searched = {f"network.fusion.{name}" for name in ("alpha", "edge_weights", "beta")}
    assert searched <= changed(before, first)
    assert changed(first, second) == set()
    for name, value in one.items():
        torch.testing.assert_close(first[name], value, atol=2e-4, rtol=1e-3, msg=name)


def test_training_with_references(tmp_path: Path) -> None:
    def method() -> NASFE:
        return NASFE(network(), Shades(), reference_dropout=0.0)

    before = {name: value.detach().clone() for name, value in method().named_parameters()}
    (one,) = trained(tmp_path / "1", 1, method(), nasfe_data(batch_size=12), max_steps=3)
    first, second = trained(tmp_path / "2", 2, method(), nasfe_data(batch_size=12), max_steps=3)
    assert len(changed(before, first)) == len(before)
    assert changed(first, second) == set()
    for name, value in one.items():
        torch.testing.assert_close(first[name], value, atol=2e-4, rtol=1e-3, msg=name)


def test_evaluation_with_references(tmp_path: Path) -> None:
    protocol = RestorationSet(people(4, 3, size_px=16), "Test-N", num_images=3, num_references=2)  # 18 pictures
    for devices in (1, 2):
        evaluate(tmp_path / str(devices), devices, NASFE(network(), Shades()), [protocol])
    one, two = (rows(tmp_path / str(devices) / "results.csv") for devices in (1, 2))
    assert any("restored (refs),psnr" in line for line in one)
    assert_lines_agree(one, two)
