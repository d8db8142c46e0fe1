"""Two processes equal one with the same global batch."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.trainer.states import TrainerStatus
from torch import Tensor
from torch.multiprocessing.spawn import ProcessRaisedException

from facequal.data.datamodule import FaceDataModule
from facequal.degradations.suites import AdaFaceAugmentation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.methods.base import average_batch_norm_statistics
from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.schedules import StepSchedule
from tests.ddp.own_pairs import OwnPairs
from tests.models.linear import LinearBackbone
from tests.sources import people

pytestmark = pytest.mark.ddp


def run(folder: Path, devices: int) -> dict[str, Tensor]:
    torch.manual_seed(0)
    module = Recognizer(LinearBackbone(), num_classes=6, schedule=StepSchedule([100]), flip_test=False)
    datamodule = FaceDataModule(
        train=people(6, 8),
        test=[OwnPairs()],
        batch_size=16,
        eval_batch_size=4,
        resolutions_px=(4, 16),
        degradation=AdaFaceAugmentation(0.5, 0.5, 0.5),
        seed=3,
    )
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
        callbacks=[ProtocolEvaluation(folder=str(folder / "report"), num_panel_rows=0)],
    )
    trainer.fit(module, datamodule=datamodule)
    trainer.test(module, datamodule=datamodule, verbose=False)
    return module.state_dict()


def test_two_processes_equal_one(tmp_path: Path) -> None:
    one, two = (run(tmp_path / str(devices), devices) for devices in (1, 2))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, atol=1e-5, rtol=1e-5, msg=name)
    assert one["head.batch_mean"].item() != 20  # the statistics were updated at all
    alone, together = (pd.read_csv(tmp_path / devices / "report" / "results.csv") for devices in ("1", "2"))
    assert together["num"].tolist() == alone["num"].tolist()
    assert together["value"].to_numpy() == pytest.approx(alone["value"].to_numpy(), abs=1e-6)


class Poisoned(LinearBackbone):
    """Gives a NaN feature for the image with a white corner."""

    def features(self, images: Tensor) -> Tensor:
        return torch.where(images[:, :1, 0, 0] > 0.95, torch.nan, super().features(images))


def test_a_loss_that_is_not_finite_on_one_rank_stops_both(tmp_path: Path) -> None:
    source = people(6, 8)
    source.images[:, 0, 0, 0] = 0
    source.images[17, 0, 0, 0] = 255
    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp_fork",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[ModelCheckpoint(dirpath=tmp_path / "saved", save_on_exception=True)],
    )
    module = Recognizer(Poisoned(), num_classes=6, schedule=StepSchedule([100]))
    with pytest.raises(ProcessRaisedException, match=r"loss is not finite for [01] of 8 samples"):
        trainer.fit(module, datamodule=FaceDataModule(train=source, batch_size=16))


def average_in_process(rank: int, rendezvous: str, results: Any) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=2)
    layer = torch.nn.BatchNorm2d(2)
    layer.running_mean.fill_(float(rank))
    layer.running_var.fill_(2.0 + rank)
    average_batch_norm_statistics(torch.nn.Sequential(layer))
    results[rank] = (layer.running_mean.tolist(), layer.running_var.tolist())
    torch.distributed.destroy_process_group()


def test_batch_norm_statistics_are_averaged(tmp_path: Path) -> None:
    context = torch.multiprocessing.get_context("fork")
    with context.Manager() as manager:
        results = manager.dict()
        processes = [
            context.Process(target=average_in_process, args=(rank, tmp_path / "rendezvous", results)) for rank in (0, 1)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
        assert results[0] == results[1] == ([0.5, 0.5], [2.5, 2.5])


def test_nothing_is_exchanged_on_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error the ranks may have stopped at different places: each could wait for the others for ever."""
    averaged: list[Any] = []
    monkeypatch.setattr("facequal.methods.base.average_batch_norm_statistics", averaged.append)
    module = Recognizer(LinearBackbone(), num_classes=6)
    module._trainer = SimpleNamespace(state=SimpleNamespace(status=TrainerStatus.INTERRUPTED))  # type: ignore[assignment]
    module.on_save_checkpoint({})
    assert averaged == []
    module.trainer.state.status = TrainerStatus.RUNNING
    module.on_save_checkpoint({})
    assert averaged == [module]


def test_broadcast_buffers_is_refused(tmp_path: Path) -> None:
    from lightning.pytorch.strategies import DDPStrategy

    module = Recognizer(LinearBackbone(), num_classes=6)
    strategy = DDPStrategy(start_method="fork", broadcast_buffers=True)
    module._trainer = Trainer(strategy=strategy, accelerator="cpu", devices=2, logger=False, default_root_dir=tmp_path)
    with pytest.raises(ValueError, match="broadcast_buffers=True"):
        module.setup("fit")
