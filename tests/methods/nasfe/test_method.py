"""NASFE's three terms, its references, its modes."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facequal.callbacks.restored_pictures import RestoredPictures, picture_paths
from facequal.data.datamodule import FaceDataModule
from facequal.data.errors import DatasetError
from facequal.data.protocols.photos import RealPhotos, ReferencedPhotos
from facequal.data.protocols.restoration import RestorationSet
from facequal.data.sources.images import encode_png, read_image
from facequal.degradations import MultiDegradation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.methods.nasfe.losses import identity_loss, perceptual_loss
from facequal.methods.nasfe.method import NASFE
from facequal.methods.nasfe.network.network import NASFENetwork, identity_information
from facequal.methods.restoration.degradation_classifier import DegradationClassifier
from tests.methods.nasfe.tiny import BANK, TINY, Shades, nasfe_data, network
from tests.methods.tiny_restoration import Contrasts
from tests.sources import people
from tests.training import Record, trainer


@pytest.mark.parametrize("balance", [False, True])
def test_the_loss_is_the_sum_of_three_terms(balance: bool, tmp_path: Path) -> None:
    options: dict[str, Any] = {"perceptual_weight": 0.3, "identity_weight": 0.2, "reference_dropout": 0.0}
    module, record = NASFE(network(), Shades(), loss_balance=balance, **options), Record()
    start = {name: value.clone() for name, value in module.state_dict().items()}
    run = trainer(tmp_path, max_steps=1, callbacks=[record])
    run.fit(module, datamodule=nasfe_data())
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
    trainer(tmp_path, max_steps=1, callbacks=[record]).fit(module, datamodule=nasfe_data(num_references=0))
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
    trainer(tmp_path, max_epochs=3).fit(module, datamodule=nasfe_data())
    numbers = torch.cat(module.numbers)
    assert set(numbers.tolist()) == {0, 3}
    assert 0.25 < (numbers == 0).float().mean() < 0.75


def test_modes_are_named_in_the_results(tmp_path: Path) -> None:
    columns = {}
    for mode in ("refs", "self"):
        evaluation = ProtocolEvaluation(folder=str(tmp_path / mode))
        module = NASFE(network(), Shades(), mode=mode)  # type: ignore[arg-type]
        run = trainer(tmp_path, callbacks=[evaluation])
        run.test(module, datamodule=nasfe_data(), verbose=False)
        columns[mode] = {r.column: r.value for r in evaluation.results if r.metric == "psnr"}
        assert set(columns[mode]) == {"input", f"restored ({mode})"}
        assert float(run.callback_metrics["test/psnr"]) == pytest.approx(columns[mode][f"restored ({mode})"])
    assert columns["refs"]["restored (refs)"] != columns["self"]["restored (self)"]
    alone = NASFE(network(identity_channels=None), Shades())
    assert alone.mode_of({"references": None}) == "none"
    data = nasfe_data(test=[RestorationSet(people(4, 5, size_px=16), "Test-N", num_images=4)])
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
    trainer(tmp_path, max_steps=2).fit(module, datamodule=nasfe_data())
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


def test_it_learns(tmp_path: Path) -> None:
    torch.manual_seed(0)  # over seeds 0 to 4 of weights and data the gain is 1.8 to 3.5 dB
    fresh = NASFENetwork(genotype="tiny", class_prior=True, identity_channels=6, **TINY)  # begins with its input
    module = NASFE(fresh, Shades(), optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.01))
    evaluation = ProtocolEvaluation()
    data = nasfe_data(
        degradation=MultiDegradation({"L": 1}, BANK, r=(0.2, 0.3)),
        test=[RestorationSet(people(4, 5, size_px=16), "Test-L", num_images=4, num_references=2)],
        seed=0,
    )
    run = trainer(tmp_path, max_epochs=12, callbacks=[evaluation])
    run.fit(module, datamodule=data)
    run.test(module, datamodule=data, verbose=False)
    psnr = {result.column: result.value for result in evaluation.results if result.metric == "psnr"}
    assert psnr["restored (refs)"] > psnr["input"] + 1.0


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"NASFE learns to undo a degradation: set data.degradation"):
        trainer(tmp_path).fit(NASFE(network(), Shades()), datamodule=nasfe_data(degradation=None))
    with pytest.raises(ValueError, match=r"clean pictures of the same people are missing: set data.num_references"):
        trainer(tmp_path).fit(NASFE(network(), Shades()), datamodule=nasfe_data(num_references=0))
    with pytest.raises(ValueError, match="NASFE is evaluated on restoration sets"):
        NASFE(network(), Shades()).test_step({"image": torch.rand(1, 3, 8, 8)}, 0)


@pytest.mark.parametrize("mode", ["given", "self", "refs"])  # of evaluation
def test_a_picture_is_restored_with_references_or_without(mode: Any) -> None:
    module = NASFE(network(), Shades(), mode=mode)
    generator = np.random.default_rng(0)
    picture, one, other = (generator.integers(0, 256, (21, 18, 3), dtype=np.uint8) for _ in range(3))
    classes = (0.0, 1.0, 0.5)
    alone = module.restore(picture, classes=classes)
    assert alone.shape == picture.shape
    assert alone.dtype == np.uint8
    helped = module.restore(picture, [one, other], classes)
    assert (helped != alone).any()
    images = [torch.from_numpy(each.transpose(2, 0, 1)).float() / 255 for each in (picture, one, other)]
    with torch.no_grad():
        restored = module(images[0][None], torch.tensor([classes]), torch.stack(images[1:])[None])
    expected = (restored[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(helped, expected)
    with pytest.raises(
        ValueError, match=r"references\[1\]: 20x18 pixels \(height x width\), but the pictures have 21x18"
    ):
        module.restore(picture, [one, other[:20]], classes)
    with pytest.raises(ValueError, match=r"references\[0\] must be uint8 RGB \(H,W,3\), got float64"):
        module.restore(picture, [one / 255], classes)
    with pytest.raises(ValueError, match="give a classifier, or batches with classes"):
        module.restore(picture)
    with pytest.raises(ValueError, match="classes must be three probabilities"):
        module.restore(picture, classes=[0.5])
    with pytest.raises(ValueError, match=r"picture must be uint8 RGB \(H,W,3\), got uint8 \(0, 18, 3\)"):
        module.restore(picture[:0], classes=classes)
    assert module.training
    without = NASFE(network(identity_channels=None, class_prior=False))
    with pytest.raises(ValueError, match="this network has no identity branch"):
        without.restore(picture, [one])
    with pytest.raises(ValueError, match="classes: this method has no class prior"):
        without.restore(picture, classes=classes)


def test_tiles_share_the_person_and_the_prior() -> None:
    """A fusion that looks at pixels alone gives the same in tiles as at once, but for what an edge cuts off."""

    class Pointwise(nn.Module):
        modulation, identity = None, nn.Conv2d(6, 8, 1)

        def forward(self, images: Tensor, classes: Tensor, identity: Tensor) -> Tensor:
            person = torch.nn.functional.interpolate(identity, size=images.shape[-2:], mode="nearest")
            return images + person[:, :3]

    module = NASFE(network(class_prior=False), Shades(), tile_px=16, tile_overlap_px=4).eval()
    module.network = Pointwise()  # type: ignore[assignment]
    images, references = torch.rand(2, 3, 32, 48), torch.rand(2, 2, 3, 32, 48)
    in_tiles = module(images, None, references)
    module.tile_px = None
    torch.testing.assert_close(in_tiles, module(images, None, references))
    with pytest.raises(ValueError, match="tile_px=8 must be larger than tile_overlap_px=16"):
        NASFE(network(), Shades(), tile_px=8)


def test_references_of_another_size_are_refused(tmp_path: Path) -> None:
    module = NASFE(network(), Shades()).eval()
    batch = {"lq": torch.rand(2, 3, 16, 16), "classes": torch.zeros(2, 3), "index": torch.arange(2)}
    batch |= {"references": torch.rand(2, 2, 3, 16, 24), "num_references": torch.tensor([2, 1])}
    with pytest.raises(ValueError, match=r"references: 16x24 pixels .* but the pictures have 16x16"):
        module.test_step(batch, 0)


def test_photos_with_references(tmp_path: Path) -> None:
    """Photos in their own sizes, each with the clean pictures of its person; a person without any is "self"."""
    generator = np.random.default_rng(0)
    sizes = {"anna": (16, 24), "bert": (24, 16), "carl": (17, 19)}
    for person, size in sizes.items():
        for folder in ("photos", "clean"):
            if (folder, person) != ("clean", "carl"):
                (tmp_path / folder / person).mkdir(parents=True)
                encode_png(tmp_path / folder / person / "1.png", generator.integers(0, 256, (*size, 3), dtype=np.uint8))
    photos = ReferencedPhotos(str(tmp_path / "photos"), str(tmp_path / "clean"), num_references=2)
    assert [photos[index]["num_references"] for index in range(3)] == [1, 1, 0]
    module = NASFE(network(class_prior=False), Shades())
    run = trainer(tmp_path, callbacks=[RestoredPictures(str(tmp_path / "out"))])
    run.predict(module, datamodule=FaceDataModule(predict=photos), return_predictions=False)
    for person in sizes:
        read = {folder: tmp_path / folder / person / "1.png" for folder in ("photos", "clean", "out")}
        references = [read_image(read["clean"])] if read["clean"].is_file() else []
        restored = module.restore(read_image(read["photos"]), references)
        np.testing.assert_array_equal(read_image(read["out"]), restored)
    encode_png(tmp_path / "clean" / "anna" / "0.png", np.zeros((16, 20, 3), dtype=np.uint8))
    photos = ReferencedPhotos(str(tmp_path / "photos"), str(tmp_path / "clean"), num_references=2)
    with pytest.raises(DatasetError, match=r"anna/0\.png: 16x20 pixels .* but .*photos/anna/1\.png has 16x24"):
        photos[0]
    tested = RealPhotos("photos", str(tmp_path / "photos"), str(tmp_path / "clean"), size_px=16, num_references=1)
    assert columns_of(module, tested, tmp_path) == {"input", "restored (refs)"}
    assert tested.reference_labels.tolist() == [-1, 0, -1]  # of anna's two the first is given, the second judges
    alone = RealPhotos("photos", str(tmp_path / "photos"), str(tmp_path / "clean"), size_px=16)
    assert columns_of(module, alone, tmp_path) == {"input", "restored (self)"}
    assert alone.reference_labels.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="clean pictures of the same people are missing"):
        columns_of(NASFE(network(class_prior=False), Shades(), mode="refs"), alone, tmp_path)
    itself = ReferencedPhotos(str(tmp_path / "clean"), str(tmp_path / "clean"), num_references=1, size_px=16)
    assert [itself[index]["num_references"] for index in range(3)] == [0, 1, 0]  # a picture is not its own reference
    with pytest.raises(ValueError, match=r"clean/anna/1\.png is one of the pictures that are read"):
        picture_paths(ReferencedPhotos(str(tmp_path / "photos"), str(tmp_path / "clean")), tmp_path / "clean")
    with pytest.raises(ValueError, match="num_references=1 needs a folder of references"):
        RealPhotos("photos", str(tmp_path / "photos"), num_references=1)


def test_predict_names_the_modes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for folder, person in (("photos", "anna"), ("photos", "carl"), ("clean", "anna")):
        (tmp_path / folder / person).mkdir(parents=True)
        encode_png(tmp_path / folder / person / "1.png", np.zeros((16, 16, 3), dtype=np.uint8))
    photos = ReferencedPhotos(str(tmp_path / "photos"), str(tmp_path / "clean"))
    module = NASFE(network(class_prior=False), Shades())
    with caplog.at_level("INFO"):
        run = trainer(tmp_path, callbacks=[RestoredPictures(str(tmp_path / "out"))])
        run.predict(module, datamodule=FaceDataModule(predict=photos), return_predictions=False)
    assert f"restored pictures: {tmp_path / 'out'} (1 refs, 1 self)" in caplog.text


def columns_of(module: NASFE, protocol: RealPhotos, folder: Path) -> set[str]:
    evaluation = ProtocolEvaluation()
    trainer(folder, callbacks=[evaluation]).test(module, datamodule=FaceDataModule(test=[protocol]), verbose=False)
    return {result.column for result in evaluation.results if result.metric != "parameters"}


def test_the_report_has_the_number_of_parameters(tmp_path: Path) -> None:
    module = NASFE(network(), Shades(), DegradationClassifier(Contrasts()))
    evaluation = ProtocolEvaluation()
    trainer(tmp_path, callbacks=[evaluation]).test(module, datamodule=nasfe_data(), verbose=False)
    (size,) = (result for result in evaluation.results if result.metric == "parameters")
    expected = sum(parameter.numel() for parameter in module.network.parameters()) / 1e6
    assert (size.protocol, size.column, size.value, size.unit) == ("network", "restored (refs)", expected, "M")
