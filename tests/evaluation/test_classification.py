"""The accuracy of answers about degradations, counted one by one."""

from types import SimpleNamespace

import pytest
import torch

from facequal.data.protocols.restoration import MixtureSet, RestorationSet
from facequal.degradations import LowLight, MultiDegradation
from facequal.evaluation.classification import ClassificationEvaluator
from facequal.evaluation.settings import EvaluationSettings
from tests.sources import people

ONE_RANK = SimpleNamespace(world_size=1)
NUM = 12


def views(protocol: MixtureSet) -> dict[str, torch.Tensor]:
    items = [protocol.images[number] for number in range(NUM)]
    batch = {name: torch.tensor([item[name] for item in items]) for name in ("label", "index")}
    return protocol.views({**batch, "image": torch.stack([item["image"] for item in items])}, [])


def test_shares_of_every_class_are_counted():
    protocol = MixtureSet(people(4, 2), MultiDegradation({"clean": 1, "N": 1, "NL": 1}), num_images=4, num_draws=3)
    evaluator, batch = ClassificationEvaluator(protocol, EvaluationSettings()), views(protocol)
    truth = batch["classes"]
    logits = (truth - 0.5) * torch.tensor([1.0, -1.0, 1.0])  # all answers about noise are wrong
    logits[5, 2] *= -1
    for part in (slice(0, 7), slice(4, NUM)):  # repeats, as on several ranks
        some = {"index": batch["index"][part], "classes": truth[part]}
        evaluator.add({"logits": logits[part], "index": some["index"]}, some)
    evaluator.compute(ONE_RANK, seed=3)
    shares = {(result.condition, result.column): (result.value, result.num) for result in evaluator.results}
    assert shares["all", "blur"] == (1, NUM)
    assert shares["all", "noise"] == (0, NUM)
    assert shares["all", "low light"] == (pytest.approx(11 / 12), NUM)
    noisy = int((truth[:, 1] * (1 - truth[:, 2])).sum())
    assert shares["N", "blur"] == (1, noisy)
    assert {result.condition for result in evaluator.results} == {"all", "clean", "N", "NL"}
    assert {(result.metric, result.seed, result.protocol) for result in evaluator.results} == {
        ("accuracy", 3, protocol.name)
    }
    assert evaluator.write(None) == []


def test_sets_without_classes_and_missing_pictures_are_named():
    protocol = MixtureSet(people(4, 2), LowLight(), num_images=4, num_draws=3)
    with pytest.raises(TypeError, match="its degradation has no classes to tell apart"):
        ClassificationEvaluator(protocol, EvaluationSettings()).add({"logits": torch.zeros(NUM, 3)}, views(protocol))
    protocol = RestorationSet(people(4, 2), "Test-N", num_images=2)
    evaluator = ClassificationEvaluator(protocol, EvaluationSettings())
    evaluator.add({"logits": torch.zeros(2, 3)}, {"index": torch.arange(2), "classes": torch.zeros(2, 3)})
    with pytest.raises(ValueError, match="Test-N: 2 of 12 pictures were evaluated"):
        evaluator.compute(ONE_RANK, None)
