from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer

from facequal.methods.qgface.contrastive import contrastive_loss
from facequal.methods.qgface.method import QGFace
from facequal.methods.qgface.options import Contrast, Partition
from facequal.methods.qgface.partition import contrastive_gate
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import AdaFaceHead
from tests.methods.qgface.tiny import fit, qgface
from tests.methods.tiny_recognition import Linear
from tests.training import Record


def expected_loss(module: QGFace, twin: Linear, classes: torch.Tensor, batch: dict[str, Any], b: float) -> float:
    """The loss of the first step of a fresh module with a proxy queue and a CosFace head, sample by sample."""
    features = twin.train().features(twin.normalise(torch.cat((batch["image"], batch["lq"]))))
    unit, norm = F.normalize(features), features.norm(dim=1)
    z = (0.333 * (norm - norm.mean()) / (norm.std() + 1e-3)).clamp(-1, 1)
    quality, labels = (z + 1) / 2, batch["label"].repeat(2)
    directions = F.normalize(classes)
    total = 0.0
    for i in range(24):
        hard = float(quality[i] > b)
        gate = hard if module.partition.gate == "hard" else torch.sigmoid(8.0 * (2 * quality[i] - 2 * b)).item()
        logits = unit[i] @ directions.T
        logits[labels[i]] -= module.head.m
        total += gate * F.cross_entropy(8.0 * logits[None], labels[i : i + 1]).item() / 24
    for i in range(12):
        if min(quality[i], quality[12 + i]) <= b:
            # The queue holds 6 rows: the newest are the first originals of the batch.
            negatives = [unit[j] for j in range(6) if labels[j] != labels[i]]
            logits = torch.stack([unit[12 + i] @ unit[i], *[unit[12 + i] @ negative for negative in negatives]])
            total += module.contrast.weight * F.cross_entropy(64.0 * logits[None], torch.tensor([0])).item() / 12
    return total


@pytest.mark.parametrize(("b", "gate"), [(0.0, "hard"), (0.4, "hard"), (0.5, "hard"), (1.0, "hard"), (0.5, "soft")])
def test_loss_of_a_step(b: float, gate: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, twin = qgface(partition=Partition(b, gate), contrast=Contrast(weight=0.5)), Linear()
    twin.load_state_dict(module.backbone.state_dict())
    classes = module.head.weight.detach().clone()
    _, record = fit(module, tmp_path, max_steps=1)
    assert record.losses == pytest.approx([expected_loss(module, twin, classes, record.batches[0], b)], rel=1e-4)


@pytest.mark.parametrize("negatives", ["proxy", "momentum", "batch", "none"])
@pytest.mark.parametrize("gate", ["none", "hard", "soft"])
def test_every_choice_trains(negatives: Any, gate: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = qgface(contrast=Contrast(negatives), partition=Partition(0.5, gate), head=AdaFaceHead)
    start = {name: value.clone() for name, value in module.state_dict().items()}
    trainer, record = fit(module, tmp_path, max_epochs=2)
    assert len(record.losses) == 8
    assert all(loss > 0 for loss in record.losses)
    assert not torch.equal(module.backbone.layer.weight, start["backbone.layer.weight"])
    assert ("train/contrastive_loss" in trainer.callback_metrics) == (negatives != "none")
    if gate == "none":
        assert trainer.callback_metrics["train/classified_share"] == 1
        assert trainer.callback_metrics.get("train/contrasted_share", 1) == 1
    if negatives == "momentum":
        followed = module.momentum_encoder.encoder.layer.weight
        assert (followed - start["backbone.layer.weight"]).abs().max() > 0
        assert (followed - start["backbone.layer.weight"]).abs().max() < 0.1 * (
            module.backbone.layer.weight - start["backbone.layer.weight"]
        ).abs().max()


class Shares(Callback):
    """The shares of every step, as they are logged."""

    def __init__(self) -> None:
        self.logged: dict[str, list[float]] = {}

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        log_mean = pl_module.log_mean

        def keep(name: str, value: torch.Tensor) -> None:
            self.logged.setdefault(name, []).append(value.item())
            log_mean(name, value)

        pl_module.log_mean = keep


@pytest.mark.parametrize(("partition", "contrast"), [(1.25, 0.0), (0.0, 1.25), (0.0, 0.0)])
def test_warm_up(partition: float, contrast: float, tmp_path: Path) -> None:
    """Four steps make an epoch: for five of them one part or both wait."""
    torch.manual_seed(0)
    shares, b = Shares(), 0.45
    module = qgface(
        partition=Partition(b, warmup_epochs=partition), contrast=Contrast(warmup_epochs=contrast), optimizer=slow_sgd
    )
    fit(module, tmp_path, callbacks=[shares], max_epochs=2)
    waits_to_part, waits_to_contrast = (5 if partition else 0), (5 if partition or contrast else 0)
    classified, contrasted = (shares.logged[f"train/{name}_share"] for name in ("classified", "contrasted"))
    assert [share == 1 for share in classified] == [True] * waits_to_part + [False] * (8 - waits_to_part)
    assert [share == 0 for share in contrasted] == [True] * waits_to_contrast + [False] * (8 - waits_to_contrast)
    assert module.queue.num_filled == 6


def slow_sgd(parameters: Any) -> torch.optim.Optimizer:
    """With the paper's rate norms of this network run away, and a share may be 0 or 1 by chance."""
    return torch.optim.SGD(parameters, lr=1e-3)


def test_options_reach_the_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def spy(*arguments: Any, **options: Any) -> torch.Tensor:
        asked.update(options, positional=arguments[5:])
        return contrastive_loss(*arguments, **options)

    def gate_spy(*arguments: Any) -> torch.Tensor:
        asked["gate"] = arguments[2:]
        return contrastive_gate(*arguments)

    monkeypatch.setattr("facequal.methods.qgface.method.contrastive_loss", spy)
    monkeypatch.setattr("facequal.methods.qgface.method.contrastive_gate", gate_spy)
    contrast = Contrast(scale=5.0, direction="both", same_identity="zero", normalize_keys=False, rescale=True)
    module = qgface(partition=Partition(0.4, pair_quality="mean"), contrast=contrast)
    fit(module, tmp_path, max_steps=1)
    assert asked == {"positional": (5.0, "both", "zero"), "clamp": True, "rescale": True, "gate": (0.4, "mean")}
    assert not module.queue.normalize_keys


class Poisoned(Linear):
    """Gives NaN features for images that are brighter than half."""

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return torch.where(images.mean((1, 2, 3), keepdim=True)[:, :, 0, 0] > 0, torch.nan, super().features(images))


def test_a_loss_that_is_not_finite_leaves_the_queue_alone(tmp_path: Path) -> None:
    module = QGFace(Poisoned(), num_classes=6, schedule=StepSchedule([100]))
    with pytest.raises(FloatingPointError, match="loss is not finite for"):
        fit(module, tmp_path)
    assert module.queue.num_filled == 0


def test_a_poisoned_queue_is_noticed(tmp_path: Path) -> None:
    module = qgface(contrast=Contrast(queue_size=40))
    embedding = torch.nn.functional.normalize(torch.randn(16, 8))
    embedding[3] = torch.nan
    module.queue.enqueue(embedding, torch.arange(16) % 6, module.head.weight)
    with pytest.raises(FloatingPointError, match="contrastive loss is not finite for"):
        fit(module, tmp_path)


def test_the_encoder_is_all_that_remains(tmp_path: Path) -> None:
    module = qgface(contrast=Contrast("momentum"))
    trainer, _ = fit(module, tmp_path)
    trainer.save_checkpoint(tmp_path / "qgface.ckpt")
    loaded = QGFace.load_from_checkpoint(
        tmp_path / "qgface.ckpt",
        weights_only=True,
        backbone=Linear(),
        num_classes=None,
        flip_test=False,
        contrast=Contrast("momentum"),
    )
    images = torch.rand(3, 3, 16, 16)
    torch.testing.assert_close(loaded.eval()(images), module.eval()(images))
    assert loaded.head is None
    assert loaded.queue is None
    assert loaded.momentum_encoder is None


class SaveAt(Callback):
    """Writes a checkpoint after a step."""

    def __init__(self, step: int, path: Path) -> None:
        self.step, self.path = step, path

    def on_train_batch_end(self, trainer: Trainer, *arguments: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)


@pytest.mark.parametrize("negatives", ["proxy", "momentum"])
def test_resume_in_the_middle_of_an_epoch(negatives: Any, tmp_path: Path) -> None:
    """Eight steps in one go equal five, a stop with a queue partly full, and three more, to the last bit."""
    modules, middle = [], tmp_path / "middle.ckpt"
    for ckpt_path, callbacks in ((None, [SaveAt(5, middle)]), (middle, [])):
        torch.manual_seed(len(modules))  # what a resume starts with does not matter
        module = qgface(head=AdaFaceHead, contrast=Contrast(negatives, queue_size=150), partition=Partition(0.5))
        trainer, _ = fit(module, tmp_path, ckpt_path, callbacks=callbacks, max_epochs=2)
        assert trainer.global_step == 8
        modules.append(module)
    whole, resumed = (module.state_dict() for module in modules)
    assert whole["queue.filled"] == (150 if negatives == "proxy" else 96)
    assert modules[0].queue.num_filled == modules[1].queue.num_filled
    assert whole["quality.num_updates"] == whole["head.num_updates"] == 8
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_drawn_quality_in_place_of_the_norm() -> None:
    module = qgface(partition=Partition(drawn="size_px", drawn_limit=14))
    batch = {"degradation": {"size_px": torch.tensor([7, 28, 14])}}
    assert module.quality_of(batch, torch.rand(6, 1)).tolist() == [1, 1, 1, 0, 1, 0]
    assert module.quality.num_updates.item() == 1  # the norm is followed all the same
    with pytest.raises(KeyError, match=r"partition.drawn is size_px, but data.degradation draws rescale.scale"):
        module.quality_of({"degradation": {"rescale.scale": torch.ones(3)}}, torch.rand(6, 1))


def test_logs_what_the_norm_goes_with(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, twin, shares = qgface(optimizer=slow_sgd), Linear(), Shares()
    twin.load_state_dict(module.backbone.state_dict())
    record = Record()
    trainer, _ = fit(module, tmp_path, callbacks=[record, shares], max_steps=1)
    (batch,) = record.batches
    twin.train()
    norms = twin.features(twin.normalise(torch.cat((batch["image"], batch["lq"])))).norm(dim=1).detach()
    expected = np.corrcoef(norms[12:], batch["degradation"]["size_px"])[0, 1]
    logged = trainer.callback_metrics
    assert logged["train/norm_correlation/size_px"].item() == pytest.approx(expected, abs=1e-5)
    assert 0.05 < abs(expected) < 0.95
    quality = ((0.333 * (norms - norms.mean()) / (norms.std() + 1e-3)).clamp(-1, 1) + 1) / 2
    assert shares.logged["train/quality_image"] == pytest.approx([quality[:12].mean().item()], abs=1e-5)
    assert shares.logged["train/quality_lq"] == pytest.approx([quality[12:].mean().item()], abs=1e-5)
    assert logged["train/quality_lq"].item() == pytest.approx(quality[12:].mean().item(), abs=1e-5)


def test_a_queue_smaller_than_a_batch_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        fit(qgface(), tmp_path, max_steps=1)
    assert "the queue has 6 rows, a batch has 24 views" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO"):
        fit(qgface(contrast=Contrast(queue_size=24)), tmp_path, max_steps=1)
    assert "the queue has" not in caplog.text


def test_nothing_is_drawn_without_a_degradation() -> None:
    module = qgface(partition=Partition(drawn="scale"))
    with pytest.raises(KeyError, match=r"data.degradation draws nothing"):
        module.quality_of({"degradation": {}}, torch.rand(6, 1))
