"""NASFE's three terms, its references, its modes."""

import warnings
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.data.restoration import RestorationSet
from facequal.degradations import KernelBank, MultiDegradation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.frozen import FeatureNetwork
from facequal.losses.perceptual import identity_loss, perceptual_loss
from facequal.methods.degradation_classifier import DegradationClassifier
from facequal.methods.nasfe import NASFE, warn_of_large_terms
from facequal.methods.restorer import Restorer
from facequal.models.nasfe.encoders import BLOCKS
from facequal.models.nasfe.network import NASFENetwork, SingleRestorer, identity_information
from tests.methods.test_degradation_classifier import Contrasts
from tests.methods.test_octuplet import Record
from tests.methods.test_restorer import trainer
from tests.sources import people

SIZES: dict[str, Any] = {"widths": (8, 8, 8), "channels": 8, "blocks": (1, 1, 1)}
TINY: dict[str, Any] = {**SIZES, "decoder_widths": (16, 8, 8)}
BANK = KernelBank(num_motion=8, gaussians="none", sizes_px=(3, 5))


class Shades(FeatureNetwork):
    """The picture at half its size, and its square."""

    num_channels = 6

    def forward(self, images: Tensor) -> Tensor:
        small = torch.nn.functional.avg_pool2d(images, 2)
        return torch.cat((small, small.square()), dim=1)


def network(**arguments: Any) -> NASFENetwork:
    torch.manual_seed(0)
    found = NASFENetwork(**({"class_prior": True, "identity_channels": 6} | TINY | arguments))
    torch.nn.init.normal_(found.decoder.leave[-1].weight, std=0.05)  # type: ignore[arg-type]
    return found


def datamodule(**arguments: Any) -> FaceDataModule:
    settings: dict[str, Any] = {
        "train": people(6, 8, size_px=16),
        "degradation": MultiDegradation({"NL": 1, "BNL": 1}, BANK),
        "batch_size": 12,
        "num_references": 3,
        "test": [RestorationSet(people(4, 5, size_px=16), "Test-N", num_images=4, num_references=2)],
    }
    return FaceDataModule(**(settings | arguments))


@pytest.mark.parametrize("balance", [False, True])
def test_the_loss_is_the_sum_of_three_terms(balance: bool, tmp_path: Path) -> None:
    options: dict[str, Any] = {"perceptual_weight": 0.3, "identity_weight": 0.2, "reference_dropout": 0.0}
    module, record = NASFE(network(), Shades(), loss_balance=balance, **options), Record()
    start = {name: value.clone() for name, value in module.state_dict().items()}
    run = trainer(tmp_path, max_steps=1, callbacks=[record])
    run.fit(module, datamodule=datamodule())
    module.load_state_dict(start)
    batch, features = record.batches[0], Shades()
    references = torch.stack([features(each) for each in batch["references"]])
    restored = module.network(batch["lq"], batch["classes"], identity_information(features(batch["lq"]), references))
    errors = (restored - batch["image"]).square().mean((1, 2, 3))
    if balance:
        inputs = (batch["lq"] - batch["image"]).square().mean((1, 2, 3))
        errors = errors / inputs * inputs.mean()
    l_per = perceptual_loss(features(restored), features(batch["image"]))
    l_iden = identity_loss(features(restored), references, torch.full((12,), 3))
    expected = errors.mean() + 0.3 * l_per.mean() + 0.2 * l_iden.mean()
    assert record.losses == pytest.approx([expected.item()], rel=1e-5)
    for name, value in (("l2", errors), ("perceptual", 0.3 * l_per), ("identity", 0.2 * l_iden)):
        assert float(run.callback_metrics[f"train/{name}"]) == pytest.approx(value.mean().item(), rel=1e-5)


def test_without_features_there_is_the_squared_error_alone(tmp_path: Path) -> None:
    module, record = NASFE(network(class_prior=False, identity_channels=None)), Record()
    start = {name: value.clone() for name, value in module.state_dict().items()}
    trainer(tmp_path, max_steps=1, callbacks=[record]).fit(module, datamodule=datamodule(num_references=0))
    module.load_state_dict(start)
    batch = record.batches[0]
    expected = (module(batch["lq"]) - batch["image"]).square().mean()
    assert record.losses == pytest.approx([expected.item()], rel=1e-5)


def test_references_are_dropped_at_random(tmp_path: Path) -> None:
    class Watched(NASFE):
        numbers: ClassVar[list[Tensor]] = []

        def _restore(self, images: Tensor, classes: Any, references: Any, num_references: Any) -> Tensor:
            self.numbers.append(num_references)
            return super()._restore(images, classes, references, num_references)

    module = Watched(network(), Shades(), reference_dropout=0.5)
    trainer(tmp_path, max_epochs=3).fit(module, datamodule=datamodule())
    numbers = torch.cat(module.numbers)
    assert set(numbers.tolist()) == {0, 3}
    assert 0.25 < (numbers == 0).float().mean() < 0.75


def test_modes_are_named_in_the_results(tmp_path: Path) -> None:
    columns = {}
    for mode in ("refs", "self"):
        evaluation = ProtocolEvaluation(folder=str(tmp_path / mode))
        module = NASFE(network(), Shades(), mode=mode)  # type: ignore[arg-type]
        run = trainer(tmp_path, callbacks=[evaluation])
        run.test(module, datamodule=datamodule(), verbose=False)
        columns[mode] = {r.column: r.value for r in evaluation.results if r.metric == "psnr"}
        assert set(columns[mode]) == {"input", f"restored ({mode})"}
        assert float(run.callback_metrics["test/psnr"]) == pytest.approx(columns[mode][f"restored ({mode})"])
    assert columns["refs"]["restored (refs)"] != columns["self"]["restored (self)"]
    alone = NASFE(network(identity_channels=None), Shades())
    assert alone.mode_name == "none"
    data = datamodule(test=[RestorationSet(people(4, 5, size_px=16), "Test-N", num_images=4)])
    evaluation = ProtocolEvaluation(folder=str(tmp_path / "none"))
    trainer(tmp_path, callbacks=[evaluation]).test(alone, datamodule=data, verbose=False)
    assert "restored (none)" in {result.column for result in evaluation.results}


def test_restoring_with_references_and_without() -> None:
    module = NASFE(network(), Shades()).eval()
    images, classes, references = torch.rand(2, 3, 17, 14), torch.rand(2, 3), torch.rand(2, 4, 3, 30, 20)
    with torch.no_grad():
        alone = module(images, classes)
        assert alone.shape == images.shape
        assert torch.equal(module(images, classes, references, torch.tensor([0, 0])), alone)
        some = module(images, classes, references, torch.tensor([2, 0]))
        assert torch.equal(some[1], alone[1])
        assert not torch.allclose(some[0], alone[0])
        torch.testing.assert_close(some[:1], module(images[:1], classes[:1], references[:1, :2]))


@pytest.mark.filterwarnings("ignore:Found .* in eval mode")
def test_a_classifier_gives_the_class_prior(tmp_path: Path) -> None:
    classifier = DegradationClassifier(Contrasts(), hidden=(4,))
    module = NASFE(network(), Shades(), classifier=classifier)
    before = {name: value.clone() for name, value in module.classifier.state_dict().items()}  # type: ignore[union-attr]
    trainer(tmp_path, max_steps=2).fit(module, datamodule=datamodule())
    assert not classifier.training
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())
    images = torch.rand(2, 3, 16, 16)
    module.eval()
    with torch.no_grad():
        prior = torch.sigmoid(classifier(images))
        expected = module.network(images, prior, Shades()(images))
        torch.testing.assert_close(module(images, classes=torch.zeros(2, 3)), expected)
    with pytest.raises(ValueError, match="the network takes a class prior: give a classifier, or batches with classes"):
        NASFE(network(), Shades())(images)


def test_encoders_start_from_what_they_learnt_alone(tmp_path: Path) -> None:
    paths = {}
    for seed, name in enumerate(BLOCKS):
        torch.manual_seed(seed)
        alone = Restorer(SingleRestorer(name, **SIZES, decoder_widths=(8, 8, 8)))
        paths[name] = str(tmp_path / f"{name}.ckpt")
        torch.save({"state_dict": alone.state_dict()}, paths[name])
    module = NASFE(network(), Shades(), encoders=paths)
    for number, path in enumerate(paths.values()):
        stored = torch.load(path, weights_only=True)["state_dict"]
        for name, value in module.network.encoders[number].state_dict().items():
            if name.startswith("modulation."):
                assert not value.any()
            else:
                assert torch.equal(value, stored[f"network.encoder.{name}"])
    with pytest.raises(ValueError, match="encoders: unknown 'dust', known: blur, noise, low_light"):
        NASFE(network(), Shades(), encoders={"dust": paths["blur"]})
    with pytest.raises(ValueError, match=r"blur.ckpt does not fit the network"):
        NASFE(network(blocks=(2, 1, 1)), Shades(), encoders={"blur": paths["blur"]})


def test_it_learns(tmp_path: Path) -> None:
    module = NASFE(
        network(genotype="tiny"), Shades(), optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01)
    )
    evaluation = ProtocolEvaluation()
    data = datamodule(
        degradation=MultiDegradation({"L": 1}, BANK, r=(0.2, 0.3)),
        test=[RestorationSet(people(4, 5, size_px=16), "Test-L", num_images=4, num_references=2)],
    )
    run = trainer(tmp_path, max_epochs=15, callbacks=[evaluation])
    run.fit(module, datamodule=data)
    run.test(module, datamodule=data, verbose=False)
    psnr = {result.column: result.value for result in evaluation.results if result.metric == "psnr"}
    assert psnr["restored (refs)"] > psnr["input"] + 1.0


def test_large_terms_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="the perceptual term of the loss was 20 times the squared error"):
        warn_of_large_terms({"l2": 1.0, "perceptual": 20.0, "identity": 5.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_large_terms({"l2": 1.0, "perceptual": 9.0})


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the network takes identity features: set features"):
        NASFE(network())
    with pytest.raises(ValueError, match="identity_channels=5, but the features have 6"):
        NASFE(network(identity_channels=5), Shades())
    with pytest.raises(ValueError, match=r"mode must be one of \('refs', 'self'\), got 'none'"):
        NASFE(network(), Shades(), mode="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"reference_dropout must be in \[0, 1\], got 2"):
        NASFE(network(), Shades(), reference_dropout=2)
    with pytest.raises(ValueError, match=r"NASFE learns to undo a degradation: set data.degradation"):
        trainer(tmp_path).fit(NASFE(network(), Shades()), datamodule=datamodule(degradation=None))
    with pytest.raises(
        ValueError, match=r"mode 'refs' needs clean pictures of the same people: set data.num_references"
    ):
        trainer(tmp_path).fit(NASFE(network(), Shades()), datamodule=datamodule(num_references=0))
    with pytest.raises(ValueError, match="NASFE is evaluated on restoration sets"):
        NASFE(network(), Shades()).test_step({"image": torch.rand(1, 3, 8, 8)}, 0)
