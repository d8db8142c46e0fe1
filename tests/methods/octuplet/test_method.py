import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal import load_module
from facequal.data.datamodule import FaceDataModule
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.degradations.resolution import Resolution
from facequal.engine.lightning import FaceQualCLI
from facequal.methods.octuplet.loss import OctupletLoss
from facequal.methods.octuplet.method import Octuplet, octuplet_adagrad
from facequal.methods.schedules import StepSchedule
from facequal.models.backbones import Backbone, TimmBackbone
from facequal.models.iresnet import IRTiny
from tests.methods.tiny_recognition import Linear, Poisoned
from tests.sources import ArraySource, people
from tests.training import Record
from tests.training import fit as fit_with

ROOT = Path(__file__).parents[3]


def data(source: Any = None, batch_size: int = 8, **arguments: Any) -> FaceDataModule:
    settings: dict[str, Any] = {"degradation": Resolution([4, 8]), "identity_pairs": IdentityPairs()}
    return FaceDataModule(train=source or people(6, 4), batch_size=batch_size, **(settings | arguments))


def fit(module: Octuplet, folder: Path, datamodule: FaceDataModule | None = None, **arguments: Any) -> Trainer:
    return fit_with(module, folder, datamodule or data(), **({"max_epochs": 1} | arguments))


def test_loss_is_that_of_raw_features_of_both_views_in_one_pass(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, twin, record = Octuplet(Linear(), margin=2.0), Linear(), Record()
    twin.load_state_dict(module.backbone.state_dict())
    fit(module, tmp_path, max_steps=1, callbacks=[record])
    (batch,) = record.batches
    assert not torch.equal(batch["image"], batch["lq"])
    assert sorted(np.bincount(batch["label"], minlength=6).tolist()) == [0, 0, 2, 2, 2, 2]
    both = torch.cat((batch["image"], batch["lq"]))
    hr, lr = twin.train().features(twin.normalise(both)).chunk(2)  # BatchNorm sees both
    assert record.losses == pytest.approx([OctupletLoss(2.0)(hr, lr, batch["label"]).loss.item()], rel=1e-5)
    assert hr.norm(dim=1).mean() > 1.5  # far from unit length, so that the check above can tell
    torch.testing.assert_close(module.backbone.norm.running_mean, twin.norm.running_mean)


def test_it_brings_resolutions_together(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = people(12, 8)

    def separation(module: Octuplet) -> float:
        """Mean distance to other people over mean distance to one's own low-resolution images."""
        images = source.images / 255
        small = Resolution([4]).apply(images, {"size_px": torch.full((len(images),), 4)})
        with torch.no_grad():
            hr, lr = (module.eval()(each)[0] for each in (images, small))
        distances, same = torch.cdist(hr, lr), torch.from_numpy(source.labels[:, None] == source.labels)
        return float(distances[~same].mean() / distances[same].mean())

    module = Octuplet(Linear(), margin=2.0, optimizer=lambda params: torch.optim.AdamW(params, lr=0.01))
    before = separation(module)
    fit(module.train(), tmp_path, data(source, 24), max_epochs=15)
    assert separation(module) > 1.5 * before


def test_defaults_are_the_papers() -> None:
    module = Octuplet(Linear())
    assert module.loss.margin == 25
    assert module.loss.distance == "euclidean"
    assert module.loss.normalize is False
    assert module.loss.terms == ("hhh", "hll", "lhh", "lll")
    assert [module.schedule(epoch, 0.0) for epoch in range(6)] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001])
    optimizer = octuplet_adagrad(module.parameters())
    assert optimizer.defaults["lr"] == 0.01
    assert optimizer.defaults["eps"] == 1.0


def test_metrics_are_logged(tmp_path: Path) -> None:
    # Five images of two people and four of the others: 26 images, batches of 8, what is left over depends on the draw.
    source = ArraySource([0] * 5 + [1] * 5 + [identity for identity in range(2, 6) for _ in range(4)])
    trainer = fit(Octuplet(Linear(), margin=2.0), tmp_path, data(source))
    logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert logged["train/loss"] == pytest.approx(sum(logged[f"train/{term}"] for term in ("hhh", "hll", "lhh", "lll")))
    assert 0 < logged["train/active_triplets"] <= 1
    assert logged["train/anchors"] == 8
    assert logged["train/norm_hr"] > 0 < logged["train/norm_lr"]
    assert logged["train/images_left_over"] == 26 - 8 * trainer.global_step


def test_terms_can_be_left_out(tmp_path: Path) -> None:
    trainer = fit(Octuplet(Linear(), terms=["hhh"], margin=2.0), tmp_path)
    assert "train/hhh" in trainer.callback_metrics
    assert "train/lll" not in trainer.callback_metrics


def test_what_cannot_work_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fit(Octuplet(Linear()), tmp_path, data(ArraySource(list(range(16))), identity_pairs=None), max_steps=1)
    assert "model.init_args.weights is not set" in caplog.text
    assert re.search(r"note: 0 of 8 images in the first batch .* set data.identity_pairs", caplog.text)
    caplog.clear()
    weights = saved(Linear(), tmp_path / "base.pt")
    fit(Octuplet(Linear(), weights=weights, colour_order="rgb"), tmp_path, max_steps=1)
    assert "note:" not in caplog.text


def test_the_same_view_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data.degradation is not set: octuplets need a low-resolution view"):
        fit(Octuplet(Linear()), tmp_path, data(degradation=None))


def test_a_batch_of_one_identity_changes_nothing(tmp_path: Path) -> None:
    module = Octuplet(Linear(), optimizer=lambda params: torch.optim.SGD(params, lr=0.1))
    before = [parameter.clone() for parameter in module.parameters()]
    # Two people, but batches in the order of one: the loss is 0 and the step does nothing.
    source = ArraySource([0, 0, 0, 0, 0, 0, 0, 0, 1])
    datamodule = data(source, batch_size=8, identity_pairs=None)
    datamodule.train_dataloader = lambda: datamodule._eval_loader(source, 8)  # type: ignore[method-assign]
    datamodule.eval_batch_size = 8
    record = Record()
    fit(module, tmp_path, datamodule, max_steps=1, callbacks=[record])
    assert record.losses == [0.0]
    assert set(record.batches[0]["label"].tolist()) == {0}
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))


def test_an_embedding_that_is_not_finite_names_the_sample(tmp_path: Path) -> None:
    source = people(6, 4)
    source.images[:, 0, 0, 0] = 0
    source.images[17, 0, :, :] = 255
    module = Octuplet(Poisoned())
    message = r"embedding is not finite for 1 of 12 samples in epoch 0, batch \d: sample indices 17$"
    with pytest.raises(FloatingPointError, match=message):
        fit(module, tmp_path, data(source, 12))


def saved(backbone: Backbone, path: Path, prefix: str = "") -> str:
    torch.save({prefix + key: value for key, value in backbone.state_dict().items()}, path)
    return str(path)


BACKBONES = {
    "ir_tiny": lambda: IRTiny(input_size_px=32, embedding_dim=16),
    "resnet": lambda: TimmBackbone("resnet10t", 16, size_px=32),
    "mobilenet": lambda: TimmBackbone("mobilenetv2_035", 16, size_px=32),
    "vit": lambda: TimmBackbone("vit_tiny_patch16_224", 16, size_px=32, timm_kwargs={"patch_size": 8, "depth": 2}),
}


@pytest.mark.parametrize("build", BACKBONES.values(), ids=BACKBONES.keys())
def test_fine_tunes_what_can_be_loaded(build: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = build()
    weights = saved(trained, tmp_path / "base.pt")
    torch.manual_seed(1)
    module = Octuplet(build(), weights=weights, colour_order="rgb")
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(module.backbone.eval()(images)[0], trained.eval()(images)[0])
    fit(module.train(), tmp_path, data(people(6, 4, 32)), max_steps=1)
    assert not torch.allclose(module.backbone.eval()(images)[0], trained(images)[0])


def test_published_adaface_weights_are_converted(tmp_path: Path) -> None:
    trained = IRTiny(input_size_px=32)
    content = {f"model.{key}": value for key, value in trained.state_dict().items()}
    torch.save(
        {"state_dict": content | {"head.kernel": torch.rand(trained.embedding_dim, 7)}}, tmp_path / "adaface.ckpt"
    )
    module = Octuplet(IRTiny(input_size_px=32), weights=str(tmp_path / "adaface.ckpt"), colour_order="bgr").eval()
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(module(images)[0], _fused(trained.eval(), images.flip(1)), rtol=1e-4, atol=1e-5)


def _fused(backbone: Backbone, images: Tensor) -> Tensor:
    features = [embedding * norm for embedding, norm in (backbone(images), backbone(images.flip(-1)))]
    return torch.nn.functional.normalize(features[0] + features[1])


def test_another_embedding_size_is_an_error(tmp_path: Path) -> None:
    weights = saved(IRTiny(input_size_px=32, embedding_dim=24), tmp_path / "base.pt")
    with pytest.raises(ValueError, match=r"(?s)base.pt does not fit the network.*of another shape.*24.*instead of.*16"):
        Octuplet(IRTiny(input_size_px=32, embedding_dim=16), weights=weights, colour_order="rgb")


def test_from_a_recogniser_of_ours_on_the_command_line(tmp_path: Path) -> None:
    demo, tiny = ROOT / "experiments" / "demo", ROOT / "tests" / "conf" / "tiny.yaml"
    folder = [f"--trainer.logger.init_args.save_dir={tmp_path}", "--trainer.logger.init_args.version=0"]
    FaceQualCLI(["fit", "-c", str(demo / "adaface.yaml"), "-c", str(tiny), *folder])
    base = tmp_path / "demo" / "version_0" / "checkpoints" / "last.ckpt"
    overlay = ["-c", str(tiny), "--data.batch_size=6", "--trainer.limit_train_batches=2", *folder]
    run = FaceQualCLI(["fit", "-c", str(demo / "octuplet.yaml"), *overlay, f"--model.init_args.weights={base}"])
    tuned = tmp_path / "demo_octuplet" / "version_0" / "checkpoints" / "last.ckpt"
    loaded = load_module(tuned)
    assert isinstance(loaded, Octuplet)
    for key, value in run.model.backbone.state_dict().items():
        assert torch.equal(loaded.backbone.state_dict()[key], value), key
    before = torch.load(base, weights_only=True)["state_dict"]["backbone.output_layer.3.weight"]
    after = loaded.state_dict()["backbone.output_layer.3.weight"]
    assert 0 < (after - before).abs().max() < 0.1  # it went on from there


def test_schedule_of_ours_can_be_given() -> None:
    assert Octuplet(Linear(), schedule=StepSchedule([1])).schedule(1.0, 0.5) == pytest.approx(0.1)
