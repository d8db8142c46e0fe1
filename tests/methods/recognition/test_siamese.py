from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from facequal.data.datamodule import FaceDataModule
from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys
from facequal.degradations.resolution import Resolution
from facequal.methods.recognition.siamese import Siamese
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import CosFaceHead
from tests.methods.tiny_recognition import Linear, head_of
from tests.sources import people
from tests.training import Record
from tests.training import fit as fit_with


def fit(module: Siamese, folder: Path, **arguments: Any) -> Record:
    record = Record()
    degradation = arguments.pop("degradation", Resolution([4, 8]))
    datamodule = FaceDataModule(train=people(6, 8), batch_size=12, degradation=degradation)
    fit_with(module, folder, datamodule, callbacks=[record], **arguments)
    return record


def siamese(**arguments: Any) -> Siamese:
    settings: dict[str, Any] = {"num_classes": 6, "schedule": StepSchedule([100]), "head": head_of(CosFaceHead, s=8.0)}
    return Siamese(Linear(), **(settings | arguments))


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_loss(weight: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, twin = siamese(feature_weight=weight), Linear()
    twin.load_state_dict(module.backbone.state_dict())
    classes = module.head.weight.detach().clone()
    record = fit(module, tmp_path, max_steps=1)
    (batch,) = record.batches
    features = twin.train().features(twin.normalise(torch.cat((batch["image"], batch["lq"]))))
    unit = torch.nn.functional.normalize(features)
    logits = unit @ torch.nn.functional.normalize(classes).T
    labels = batch["label"].repeat(2)
    logits[torch.arange(24), labels] -= module.head.m
    apart = 1 - (unit[:12] * unit[12:]).sum(1)
    expected = torch.nn.functional.cross_entropy(8.0 * logits, labels) + weight * apart.mean()
    assert record.losses == pytest.approx([expected.item()], rel=1e-5)


class Negative(Degradation):
    """Turns white into black: embeddings of the two views point into different directions until they are trained."""

    def sample(self, keys: Keys) -> Params:
        return {}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        return 1 - images


def test_views_come_together(tmp_path: Path) -> None:
    distances = {}
    for weight in (0.0, 10.0):
        torch.manual_seed(0)
        module = siamese(feature_weight=weight)
        fit(module, tmp_path, max_epochs=5, degradation=Negative())
        images = people(6, 8).images / 255
        with torch.no_grad():
            distances[weight] = (1 - (module.eval()(images)[0] * module(1 - images)[0]).sum(1)).mean().item()
    assert distances[10.0] < 0.5 * distances[0.0]


def test_the_same_view_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"data.degradation is not set: siamese training needs"):
        fit(siamese(), tmp_path, max_steps=1, degradation=None)


def test_bad_weight() -> None:
    with pytest.raises(ValueError, match=r"feature_weight must be at least 0, got -1"):
        siamese(feature_weight=-1)
