"""A recogniser of a few weights, and heads with settings."""

from typing import Any

import torch
from torch import Tensor

from facequal.methods.recognition.recognizer import Recognizer
from facequal.methods.schedules import StepSchedule
from facequal.models.heads import MarginHead
from tests.models.linear import LinearBackbone


class Linear(LinearBackbone):
    """One linear layer and a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm1d(8)

    def features(self, images: Tensor) -> Tensor:
        return self.norm(super().features(images))


class Poisoned(Linear):
    """Gives a NaN feature for one image."""

    def features(self, images: Tensor) -> Tensor:
        features = super().features(images)
        return torch.where((images[:, :1, 0, 0] > 0.95), torch.nan, features)


def head_of(kind: Any, **arguments: Any) -> Any:
    def build(embedding_dim: int, num_classes: int) -> MarginHead:
        return kind(embedding_dim, num_classes, **arguments)

    return build


def recognizer(**arguments: Any) -> Recognizer:
    settings: dict[str, Any] = {"num_classes": 6, "flip_test": False, "schedule": StepSchedule([100])}
    return Recognizer(Linear(), **(settings | arguments))
