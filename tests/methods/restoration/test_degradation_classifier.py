from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facequal.data.datamodule import FaceDataModule
from facequal.data.protocols.restoration import MixtureSet
from facequal.degradations import KernelBank, LowLight, MultiDegradation
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.methods.restoration.degradation_classifier import DegradationClassifier
from tests.methods.tiny_restoration import Contrasts
from tests.sources import people
from tests.training import Record, trainer

MIXTURE = MultiDegradation({"clean": 1, "N": 1, "L": 1, "NL": 1}, KernelBank(8, "none", sizes_px=(3,)), r=(0.05, 0.2))


def datamodule(**arguments: Any) -> FaceDataModule:
    settings: dict[str, Any] = {
        "train": people(12, 8, size_px=16),
        "degradation": MIXTURE,
        "batch_size": 24,
        "test": [MixtureSet(people(4, 2, size_px=16), MIXTURE, num_images=8, num_draws=25)],
    }
    return FaceDataModule(**(settings | arguments))


def classifier(**arguments: Any) -> DegradationClassifier:
    torch.manual_seed(0)
    return DegradationClassifier(Contrasts(), hidden=(16, 8), **arguments)


def test_the_loss_is_the_cross_entropy_of_three_answers(tmp_path: Path) -> None:
    module, record = classifier(), Record()
    start = {name: value.clone() for name, value in module.layers.state_dict().items()}
    trainer(tmp_path, max_steps=1, callbacks=[record]).fit(module, datamodule=datamodule())
    batch = record.batches[0]
    module.layers.load_state_dict(start)
    probability = torch.sigmoid(module(batch["lq"]))
    truth = batch["classes"]
    expected = -(truth * probability.log() + (1 - truth) * (1 - probability).log()).mean()
    assert record.losses == pytest.approx([expected.item()], rel=1e-5)
    assert torch.equal(module.features(batch["lq"])[:, :3], batch["lq"])


def test_it_learns_and_its_answers_are_counted(tmp_path: Path) -> None:
    module = classifier(optimizer=lambda parameters: torch.optim.Adam(parameters, lr=0.02))
    evaluation = ProtocolEvaluation()
    run, data = trainer(tmp_path, max_epochs=40, callbacks=[evaluation]), datamodule()
    run.fit(module, datamodule=data)
    run.test(module, datamodule=data, verbose=False)
    results = {(result.condition, result.column): result for result in evaluation.results}
    assert {condition for condition, _ in results} == {"all", "clean", "N", "L", "NL"}
    assert results["all", "low light"].num == 200
    assert sum(results[kind, "noise"].num for kind in ("clean", "N", "L", "NL")) == 200
    assert results["all", "low light"].value > 0.75
    assert results["all", "noise"].value > 0.6
    assert results["all", "blur"].value == 1.0  # there is none
    weighted = sum(results[kind, "noise"].value * results[kind, "noise"].num for kind in ("clean", "N", "L", "NL"))
    assert weighted / 200 == pytest.approx(results["all", "noise"].value)
    mean = sum(results["all", answer].value for answer in ("blur", "noise", "low light")) / 3
    assert float(run.callback_metrics["test/accuracy"]) == pytest.approx(mean)
    assert all(not parameter.requires_grad for parameter in module.features.parameters())


def test_right_answers_are_counted_one_by_one() -> None:
    protocol = MixtureSet(people(4, 2, size_px=16), MIXTURE, num_images=4, num_draws=3)
    evaluation = ProtocolEvaluation()
    evaluation.begin([protocol])
    items = [protocol.images[i] for i in range(12)]
    batch = {key: torch.tensor([item[key] for item in items]) for key in ("label", "index")}
    batch = protocol.views({**batch, "image": torch.stack([item["image"] for item in items])}, [])
    truth = batch["classes"]
    logits = (truth - 0.5) * torch.tensor([1.0, -1.0, 1.0])  # all answers about noise are wrong
    logits[5, 2] *= -1
    evaluation.add({"logits": logits, "index": batch["index"]}, batch, 0)
    evaluation.evaluators[0].compute(trainer(Path()), 0)
    shares = {result.column: result.value for result in evaluation.evaluators[0].results if result.condition == "all"}
    assert shares == {"blur": 1.0, "noise": 0.0, "low light": pytest.approx(11 / 12)}


def test_weights_of_the_layers_are_loaded(tmp_path: Path) -> None:
    first = classifier()
    torch.nn.init.normal_(first.layers[1].weight)
    torch.save({"state_dict": first.state_dict()}, tmp_path / "classifier.ckpt")
    second = classifier(weights=str(tmp_path / "classifier.ckpt"))
    assert torch.equal(first.layers[1].weight, second.layers[1].weight)


def test_statistics_of_the_features() -> None:
    module = DegradationClassifier(Contrasts(), pooling="statistics")
    images = torch.rand(2, 3, 5, 4)
    features = module.features(images)
    pooled = module.pool(features)
    assert pooled.shape == (2, 18)
    one = features[1, 4].double().numpy()
    across, down = np.abs(np.diff(one, axis=1)).mean(), np.abs(np.diff(one, axis=0)).mean()
    expected = [one.mean(), one.std(ddof=1), (across + down) / 2]
    assert pooled[1, [4, 10, 16]].tolist() == pytest.approx(expected, rel=1e-5)
    assert module(images).shape == (2, 3)
    with pytest.raises(ValueError, match=r"pooling=statistics needs features of 2x2 or more, got \(1, 6, 1, 5\)"):
        module(torch.rand(1, 3, 1, 5))
    with pytest.raises(ValueError, match=r"pooling must be one of \('mean', 'statistics'\), got 'max'"):
        DegradationClassifier(Contrasts(), pooling="max")  # type: ignore[arg-type]


def test_the_published_size() -> None:
    class Wide(Contrasts):
        num_channels = 512

    layers = DegradationClassifier(Wide()).layers
    assert sum(parameter.numel() for parameter in layers.parameters()) == 512 * 256 + 256 + 256 * 64 + 64 + 64 * 3 + 3


def test_wrong_data_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data.degradation draws r, response_id, mosaic_id, no classes"):
        trainer(tmp_path).fit(classifier(), datamodule=datamodule(degradation=LowLight()))
    with pytest.raises(ValueError, match="degradations are told apart on degraded sets"):
        classifier().test_step({"image": torch.rand(1, 3, 8, 8)}, 0)
    dark = MixtureSet(people(4, 2, size_px=16), LowLight(), num_images=4)
    with pytest.raises(TypeError, match="mixture: its degradation has no classes to tell apart"):
        trainer(tmp_path, callbacks=[ProtocolEvaluation()]).test(classifier(), datamodule=datamodule(test=[dark]))
