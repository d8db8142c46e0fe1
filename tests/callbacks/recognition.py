"""A recogniser of a few weights, and degraded data for it."""

import torch

from facequal.data.datamodule import FaceDataModule
from facequal.degradations import Resolution
from facequal.methods.recognition.recognizer import Recognizer
from facequal.models.heads import ArcFaceHead
from tests.models.linear import LinearBackbone
from tests.sources import people


def recognition_data() -> FaceDataModule:
    """Six people at two resolutions, in six batches of six images."""
    return FaceDataModule(train=people(6, 6), degradation=Resolution((4, 8)), batch_size=6)


def recognizer() -> Recognizer:
    """A linear network with ArcFace, always the same one."""
    torch.manual_seed(0)
    return Recognizer(
        LinearBackbone(), head=ArcFaceHead, optimizer=lambda params: torch.optim.SGD(params, 1e-4), num_classes=6
    )
