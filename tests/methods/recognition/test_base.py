"""What methods that embed faces share: groups, schedule, flip test, ramp, checkpoints, values of samples."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch import Trainer

from facequal.data.datamodule import FaceDataModule
from facequal.methods.recognition.base import sample_values
from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import AdaFaceHead
from facequal.models.iresnet import IRTiny
from tests.methods.tiny_recognition import recognizer
from tests.sources import people
from tests.training import fit


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


def test_values_of_samples_view_by_view() -> None:
    torch.manual_seed(0)
    embedding, norm = torch.nn.functional.normalize(torch.randn(6, 8)), torch.rand(6, 1) + 1
    output = AdaFaceHead(8, 4).loss(embedding.requires_grad_(), norm, torch.tensor([0, 1, 2] * 2))
    values = sample_values(output, norm, torch.tensor([7, 5, 9]))
    assert values["index"].tolist() == [7, 5, 9, 7, 5, 9]
    assert values["view"].tolist() == [0, 0, 0, 1, 1, 1]
    assert torch.equal(values["norm"], norm[:, 0])
    assert all(value.shape == (6,) and not value.requires_grad for value in values.values())
    assert torch.equal(values["probability"], output.target_probability)


def test_a_batch_is_embedded_with_what_tells_its_rows_apart() -> None:
    module = recognizer().eval()
    batch = {"image": torch.rand(2, 3, 16, 16), "index": torch.tensor([4, 2]), "lq": torch.rand(2, 3, 16, 16)}
    for step in (module.validation_step, module.test_step, module.predict_step):
        outputs = step(batch, 0)
        assert set(outputs) == {"embedding", "norm", "index"}
        torch.testing.assert_close(outputs["embedding"], module(batch["image"])[0])
