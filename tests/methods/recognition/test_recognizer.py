from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch import Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import AdaFaceHead, CosFaceHead, MagFaceHead
from facequal.models.iresnet import IRTiny
from tests.methods.tiny_recognition import Linear, Poisoned, head_of
from tests.methods.training import fit
from tests.sources import people


def recognizer(**arguments: Any) -> Recognizer:
    settings: dict[str, Any] = {"num_classes": 6, "flip_test": False, "schedule": StepSchedule([100])}
    return Recognizer(Linear(), **(settings | arguments))


@pytest.mark.parametrize("kind", [AdaFaceHead, CosFaceHead, MagFaceHead])
def test_it_learns_colours(kind: Any, tmp_path: Path) -> None:
    pl.seed_everything(0)
    module = recognizer(head=head_of(kind, s=16.0))
    fit(module, tmp_path, FaceDataModule(train=people(6, 16), batch_size=48), max_epochs=20)
    source = people(6, 16)
    with torch.no_grad():
        embedding, norm = module.eval()(source.images / 255)
        logits = module.training_head()(embedding, norm, torch.from_numpy(source.labels))
    assert (logits.argmax(1).numpy() == source.labels).mean() > 0.6  # chance is 0.17


def test_groups_get_the_published_weight_decay(tmp_path: Path) -> None:
    module = recognizer(weight_decay=0.01)
    trainer = fit(module, tmp_path, max_epochs=1)
    decayed, undecayed = trainer.optimizers[0].param_groups
    assert decayed["weight_decay"] == 0.01
    assert undecayed["weight_decay"] == 0
    assert {id(p) for p in undecayed["params"]} == {id(p) for p in module.backbone.norm.parameters()}
    grouped = [id(p) for group in (decayed, undecayed) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in module.parameters())


def test_schedule_is_applied_at_every_step(tmp_path: Path) -> None:
    module = recognizer(schedule=StepSchedule([1, 2]))
    rates: list[float] = []

    class Watch(pl.Callback):
        def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    fit(module, tmp_path, max_epochs=3, callbacks=[Watch()])
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_flip_fusion_is_the_normalised_sum_of_features() -> None:
    module = recognizer(flip_test=True).eval()
    images = torch.rand(5, 3, 16, 16)
    embedding, norm = module(images)
    features = module.backbone.features(module.backbone.normalise(images))
    mirrored = module.backbone.features(module.backbone.normalise(images.flip(-1)))
    expected = torch.nn.functional.normalize(features + mirrored, dim=1)
    torch.testing.assert_close(embedding, expected)
    torch.testing.assert_close(norm, (features + mirrored).norm(dim=1, keepdim=True) / 2)
    assert torch.equal(*(module(each)[0].argmax(1) for each in (images, images.flip(-1))))


def test_loss_that_is_not_finite_names_the_samples(tmp_path: Path) -> None:
    source = people(6, 4)
    source.images[:, 0, 0, 0] = 0
    source.images[17, 0, 0, 0] = 255
    module = Recognizer(Poisoned(), num_classes=6)
    with pytest.raises(FloatingPointError, match=r"1 of 24 samples in epoch 0, batch 0: sample indices 17$"):
        fit(module, tmp_path, FaceDataModule(train=source, batch_size=24))


def test_ramp_raises_the_margin(tmp_path: Path) -> None:
    scales: list[float] = []

    class Watch(pl.Callback):
        def on_train_batch_end(self, trainer: Trainer, pl_module: Any, *_: Any) -> None:
            scales.append(float(pl_module.head.margin_scale))

    fit(recognizer(ramp=(0.25, 0.75)), tmp_path, max_epochs=4, callbacks=[Watch()])
    assert scales[:3] == [0, 0, 0]
    assert scales == sorted(scales)
    assert scales[-1] == 1


def test_margin_is_full_without_a_ramp(tmp_path: Path) -> None:
    module = recognizer()
    fit(module, tmp_path, max_epochs=1)
    assert float(module.training_head().margin_scale) == 1


def test_note_on_a_rate_that_does_not_fit(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        fit(recognizer(), tmp_path, max_epochs=1)
    assert "learning rate 0.1 with batch 12 is 43 times AdaFace's .1 at 512" in caplog.text


def test_statistics_follow_the_epoch(tmp_path: Path) -> None:
    module = recognizer(optimizer=lambda groups: torch.optim.SGD(groups, lr=0.0))
    trainer = fit(module, tmp_path, FaceDataModule(train=people(6, 4), batch_size=24), max_epochs=1)
    module.train()
    norm = module.backbone(people(6, 4).images / 255)[1]
    logged = trainer.callback_metrics
    assert logged["train/norm_mean"].item() == pytest.approx(norm.mean().item(), rel=1e-4)
    assert logged["train/norm_std"].item() == pytest.approx(norm.std().item(), rel=1e-3)


def test_no_head_without_classes(tmp_path: Path) -> None:
    module = recognizer(num_classes=None)
    assert module.head is None
    with pytest.raises(RuntimeError, match="num_classes is not set"):
        fit(module, tmp_path)


def test_built_in_python_its_checkpoint_holds_no_objects(tmp_path: Path) -> None:
    module = Recognizer(IRTiny(input_size_px=32), num_classes=4)
    trainer = fit(module, tmp_path, FaceDataModule(train=people(4, 2, 32), batch_size=8), max_epochs=1)
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    content = torch.load(tmp_path / "own.ckpt", weights_only=True)
    assert "hyper_parameters" not in content or not content["hyper_parameters"]
    loaded = Recognizer.load_from_checkpoint(tmp_path / "own.ckpt", backbone=IRTiny(input_size_px=32), num_classes=4)
    for name, value in module.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


def test_colour_order_survives_a_checkpoint_without_head(tmp_path: Path) -> None:
    module = Recognizer(IRTiny(input_size_px=32, colour_order="bgr"), num_classes=4)
    trainer = fit(module, tmp_path, FaceDataModule(train=people(4, 2, 32), batch_size=8), max_epochs=1)
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    loaded = Recognizer.load_from_checkpoint(tmp_path / "own.ckpt", backbone=IRTiny(input_size_px=32))
    assert loaded.backbone.colour_order == "bgr"
