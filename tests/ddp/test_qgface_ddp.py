"""QGFace and AdaFace on two processes: losses, gradients, statistics and queue of one with the same global batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.degradations.suites import AdaFaceAugmentation
from facequal.methods.base import FaceMethod
from facequal.methods.qgface.method import QGFace
from facequal.methods.qgface.options import Contrast, Partition
from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import AdaFaceHead
from tests.ddp.own_pairs import OwnPairs
from tests.methods.tiny_recognition import head_of
from tests.models.linear import LinearBackbone
from tests.sources import people

pytestmark = pytest.mark.ddp

STEPS = 5
SETTINGS: dict[str, Any] = {
    "head": head_of(AdaFaceHead, s=8.0, init_stats="first_batch"),
    "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=0.02, momentum=0.9),
    "schedule": StepSchedule([100]),
    "num_classes": 6,
}


def qgface(negatives: Any, gate: Any = "hard", **options: Any) -> Callable[[], QGFace]:
    # Fewer rows than two batches: the ring goes round. About half of the images are on either side of the threshold.
    contrast = Contrast(negatives, queue_size=50, scale=8.0, momentum=0.9, **options)
    return lambda: QGFace(LinearBackbone(), partition=Partition(0.5, gate), contrast=contrast, **SETTINGS)


METHODS: dict[str, Callable[[], FaceMethod]] = {
    "AdaFace": lambda: Recognizer(LinearBackbone(), **SETTINGS),
    "proxy": qgface("proxy"),
    "momentum": qgface("momentum"),
    "batch": qgface("batch"),
    "as released": qgface("proxy", "soft", direction="both", same_identity="zero", normalize_keys=False, rescale=True),
}


class Keep(Callback):
    """What every step did on a rank, written into a file of its own when the training ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[dict[str, Any]] = []
        self.degraded: dict[tuple[int, int], tuple[Tensor, float]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.shares: list[float] = []
        pl_module.log_mean = lambda name, value: self.shares.append(value.item()) if name.endswith("share") else None

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        heights = batch["degradation"]["zero_pad_crop.height"]
        for index, lq, height in zip(batch["index"].tolist(), batch["lq"], heights.tolist(), strict=True):
            self.degraded[trainer.current_epoch, index] = (lq.clone(), height)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
        gradients = {name: p.grad.clone() for name, p in pl_module.named_parameters() if p.grad is not None}
        self.steps.append({"gradients": gradients})

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        logged = trainer.callback_metrics
        shares = [
            float(logged[name]) for name in ("train/classified_share", "train/contrasted_share") if name in logged
        ]
        self.steps[-1].update(loss=outputs["loss"].item(), shares=shares)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        content = {"steps": self.steps, "state": pl_module.state_dict(), "degraded": self.degraded}
        torch.save(content, self.folder / f"rank_{trainer.global_rank}.pt")


def run(method: FaceMethod, folder: Path, devices: int, **arguments: Any) -> list[dict[str, Any]]:
    """What every rank kept of a training."""
    folder.mkdir()
    settings: dict[str, Any] = {"max_steps": STEPS, "enable_checkpointing": False, "callbacks": [Keep(folder)]}
    trainer = Trainer(
        accelerator="cpu",
        devices=devices,
        strategy="ddp_fork" if devices > 1 else "auto",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **(settings | arguments),
    )
    datamodule = FaceDataModule(
        train=people(6, 8),
        val=[OwnPairs()] if "val_check_interval" in arguments else None,
        val_resolutions_px=(4, 16),
        batch_size=16,
        degradation=AdaFaceAugmentation(0.5, 0.5, 0.5),
        seed=3,
    )
    trainer.fit(method, datamodule=datamodule)
    return [torch.load(folder / f"rank_{rank}.pt", weights_only=True) for rank in range(devices)]


@pytest.mark.parametrize("name", METHODS)
def test_two_processes_equal_one(name: str, tmp_path: Path) -> None:
    runs = []
    for devices in (1, 2):
        torch.manual_seed(0)
        runs.append(run(METHODS[name](), tmp_path / str(devices), devices))
    (one,), ranks = runs
    for rank in ranks:
        for step, alone in zip(rank["steps"], one["steps"], strict=True):
            torch.testing.assert_close(step["gradients"], alone["gradients"], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(rank["state"], one["state"], atol=1e-5, rtol=1e-5)
    losses = [[step["loss"] for step in rank["steps"]] for rank in ranks]
    together = torch.tensor(losses).mean(0)
    torch.testing.assert_close(together, torch.tensor([step["loss"] for step in one["steps"]]), atol=1e-5, rtol=1e-5)
    assert one["state"]["head.num_updates"] == STEPS
    for shares in zip(*(step["shares"] for step in one["steps"]), strict=True):
        assert any(0 < share < 1 for share in shares)
    if name in ("proxy", "momentum"):
        assert one["state"]["queue.filled"] == 50
        assert torch.equal(ranks[0]["state"]["queue.labels"], ranks[1]["state"]["queue.labels"])
    # Every image was degraded on one rank or the other as it was alone, and no two drew alike.
    first, second = (rank["degraded"] for rank in ranks)
    assert not first.keys() & second.keys()
    torch.testing.assert_close(first | second, one["degraded"], atol=1e-6, rtol=0)
    heights = [height for _, height in (first | second).values()]
    assert len(set(heights)) == len(heights) == 16 * STEPS


class Normalised(LinearBackbone):
    """A BatchNorm behind the linear layer: each rank normalises with its own share of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(8)

    def features(self, images: Tensor) -> Tensor:
        return self.norm(super().features(images))


class Statistics(Callback):
    """BatchNorm's statistics of a rank at the end of a step, and when a validation runs."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name

    @property
    def state_key(self) -> str:
        return self.name

    def keep(self, trainer: Trainer, pl_module: Any, when: str) -> None:
        path = self.folder / f"{self.name}_{when}_{trainer.global_step}_{trainer.global_rank}.pt"
        torch.save(pl_module.backbone.norm.state_dict(), path)

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *arguments: Any) -> None:
        self.keep(trainer, pl_module, "step")

    def on_validation_batch_start(self, trainer: Trainer, pl_module: Any, *arguments: Any) -> None:
        self.keep(trainer, pl_module, "validation")


class Saving(Statistics):
    """Writes a checkpoint at the end of the second step, and keeps the statistics afterwards."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *arguments: Any) -> None:
        if trainer.global_step == 2:
            trainer.save_checkpoint(self.folder / "2.ckpt")
            self.keep(trainer, pl_module, "saved")


def test_batch_norm_statistics_are_equal_on_all_ranks(tmp_path: Path) -> None:
    """Both ranks validate with the mean of both; a checkpoint within an epoch holds it too, and both go on with it."""
    torch.manual_seed(0)
    folder = tmp_path / "run"
    method = QGFace(Normalised(), partition=Partition(0.5), **SETTINGS)
    callbacks = [Keep(folder), Statistics(folder, "before"), Saving(folder, "after")]
    run(method, folder, 2, max_steps=2, callbacks=callbacks, val_check_interval=1, num_sanity_val_steps=0)

    def kept(name: str) -> list[dict[str, Tensor]]:
        return [torch.load(folder / f"{name}_{rank}.pt", weights_only=True) for rank in (0, 1)]

    saved = torch.load(folder / "2.ckpt", weights_only=True)["state_dict"]
    in_file = {name: saved[f"backbone.norm.{name}"] for name in ("running_mean", "running_var")}
    for step, found in ((1, kept("before_validation_1")), (2, [*kept("after_saved_2"), in_file])):
        before = kept(f"before_step_{step}")
        assert not torch.equal(before[0]["running_mean"], before[1]["running_mean"])
        for name in ("running_mean", "running_var"):
            mean = (before[0][name] + before[1][name]) / 2
            for statistics in found:
                torch.testing.assert_close(statistics[name], mean)
