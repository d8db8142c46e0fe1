"""Tells which degradations a picture has: the class prior of NASFE."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch.nn.functional as F
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn
from torch.optim import Adam

from facequal.frozen import FeatureNetwork
from facequal.methods.base import FaceMethod, OptimizerFactory
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.weights import load_network_weights

NUM_CLASSES = 3  # blur, noise, low light


def adam(parameters: Iterable[Any]) -> Adam:
    """Adam at 1e-3."""
    return Adam(parameters, lr=1e-3)


class DegradationClassifier(FaceMethod):
    """Three fully connected layers on the mean of frozen features: is there blur, noise, low light?

    The three answers are independent of each other: the loss is the binary cross-entropy, mean over the three, with
    the class vectors {b, n, l} that the data module's ``degradation`` drew for the pictures. Logs ``train/loss``.

    Args:
        features: the frozen network (NASFE has VGGFace's convolutions).
        hidden: widths of the layers between; those of the published size, .15 M parameters on 512 features.
        optimizer: called with the parameters of the three layers.
        schedule: factor of the rate at every step; None: half a cosine down to 1 %.
        classes: name of the class vectors among the drawn values; within a `Compose` "multi_degradation.classes".
        weights: checkpoint of such a method whose three layers to start from.
    """

    def __init__(
        self,
        features: FeatureNetwork,
        hidden: Sequence[int] = (256, 64),
        optimizer: OptimizerFactory = adam,
        schedule: Schedule | None = None,
        classes: str = "classes",
        weights: str | None = None,
    ) -> None:
        super().__init__()
        self.save_configuration()
        self.features, self.classes = features, classes
        layers: list[nn.Module] = []
        width = features.num_channels
        for next_width in hidden:
            layers += [nn.Linear(width, next_width), nn.ReLU(inplace=True)]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.Linear(width, NUM_CLASSES))
        self.optimizer_factory, self.schedule = optimizer, schedule or CosineSchedule(final=0.01)
        if weights is not None:
            load_network_weights(self.layers, weights, prefix="layers.")
            rank_zero_info(f"{weights}: all weights of the three layers loaded")

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B,3) of blur, noise and low light for RGB pictures (B,3,H,W) in [0,1]."""
        logits: Tensor = self.layers(self.features(images).mean(dim=(2, 3)))
        return logits

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Binary cross-entropy, mean over the samples and the three answers.

        Raises:
            KeyError: the data module's degradation draws no class vectors.
        """
        if self.classes not in batch["degradation"]:
            drawn = ", ".join(batch["degradation"]) or "nothing"
            raise KeyError(f"classes={self.classes!r}, but data.degradation draws {drawn}")
        wanted = batch["degradation"][self.classes]
        logits = self(batch["lq"]).float()
        losses = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(dim=1)
        self.require_finite(losses, batch, batch_idx)
        loss = losses.mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(losses))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Classify a batch; the evaluation callback computes the figures."""
        return self.classify_batch(batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Classify a batch; the evaluation callback computes the figures."""
        return self.classify_batch(batch)

    def classify_batch(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """``logits`` (B,3) and ``index`` (B,).

        Raises:
            ValueError: the batch is of a protocol for recognition.
        """
        if "lq" not in batch:
            raise ValueError("degradations are told apart on degraded sets (facequal.data.restoration), not on pairs")
        return {"logits": self(batch["lq"]), "index": batch["index"]}

    def configure_optimizers(self) -> Any:
        """The optimizer of the three layers, and the schedule at every step."""
        return self.with_schedule(self.optimizer_factory(self.layers.parameters()))
