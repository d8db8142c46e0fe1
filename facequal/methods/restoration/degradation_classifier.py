"""Tells which degradations a picture has: the class prior of NASFE."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn
from torch.optim import Adam

from facequal.choices import require_choice
from facequal.methods.base import FaceMethod, OptimizerFactory
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.pretrained.frozen import FeatureNetwork
from facequal.pretrained.importing import load_network_weights

Pooling = Literal["mean", "statistics"]

NUM_CLASSES = 3  # blur, noise, low light


def classifier_adam(parameters: Iterable[Any]) -> Adam:
    """Return Adam at its usual rate of 1e-3: NASFE's paper names none for its classifier."""
    return Adam(parameters, lr=1e-3)


class DegradationClassifier(FaceMethod):
    """Three fully connected layers on pooled frozen features: is there blur, noise, low light?

    The three answers are independent of each other: the loss is the binary cross-entropy, mean over the three, with
    the class vectors {b, n, l} that the data module's `degradation` drew for the pictures. Logs `train/loss`.

    Args:
        features: The frozen network (NASFE has VGGFace's convolutions).
        pooling: What is kept of each channel: "mean" (NASFE), or "statistics": mean, standard deviation, and the mean
            absolute difference of neighbours, by which features of the first layers of a recogniser tell noise. Both
            are standardised over the pictures of the training before the first layer.
        hidden: Widths of the layers between; those of the published size, .15 M parameters on 512 features.
        optimizer: Called with the parameters of the three layers.
        schedule: Factor of the rate at every step; None: half a cosine down to 1 %.
        weights: Checkpoint of such a method whose three layers to start from.

    Raises:
        ValueError: If `pooling` is unknown, or the weights do not fit.
        FileNotFoundError: If there are no such weights.
    """

    def __init__(
        self,
        features: FeatureNetwork,
        pooling: Pooling = "mean",
        hidden: Sequence[int] = (256, 64),
        optimizer: OptimizerFactory = classifier_adam,
        schedule: Schedule | None = None,
        weights: str | None = None,
    ) -> None:
        super().__init__(optimizer, schedule or CosineSchedule(final=0.01))
        self.features = features
        require_choice("pooling", pooling, Pooling)
        self.pool = _mean if pooling == "mean" else _statistics
        width = features.num_channels * (1 if pooling == "mean" else 3)
        layers: list[nn.Module] = [nn.BatchNorm1d(width, affine=False)]
        for next_width in hidden:
            layers += [nn.Linear(width, next_width), nn.ReLU(inplace=True)]
            width = next_width
        self.layers = nn.Sequential(*layers, nn.Linear(width, NUM_CLASSES))
        if weights is not None:
            load_network_weights(self.layers, weights, prefix="layers.")
            rank_zero_info(f"{weights}: all weights of the three layers loaded")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B,3) of blur, noise and low light for RGB pictures (B,3,H,W) in [0,1]."""
        logits: Tensor = self.layers(self.pool(self.features(images)))
        return logits

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return the binary cross-entropy, mean over the samples and the three answers.

        Raises:
            ValueError: If the data module's degradation draws no class vectors.
        """
        if "classes" not in batch:
            drawn = ", ".join(batch["degradation"]) or "nothing"
            raise ValueError(f"data.degradation draws {drawn}, no classes: it needs a MultiDegradation")
        logits = self(batch["lq"]).float()  # (B,3): blur, noise, low light
        losses = F.binary_cross_entropy_with_logits(logits, batch["classes"], reduction="none").mean(dim=1)  # (B,)
        self.require_finite(losses, batch, batch_idx)
        loss = losses.mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(losses))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Classify a batch; the evaluation callback computes the figures."""
        return self.classify_batch(batch)

    test_step = validation_step

    def classify_batch(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Return `logits` (B,3) and `index` (B,).

        Raises:
            ValueError: If the batch is of a protocol for recognition.
        """
        if "lq" not in batch:
            raise ValueError(
                "degradations are told apart on degraded sets (facequal.data.protocols.restoration), not on pairs"
            )
        return {"logits": self(batch["lq"]), "index": batch["index"]}

    def configure_optimizers(self) -> Any:
        """Return the optimizer of the three layers, and the schedule at every step."""
        return self.with_schedule(self.optimizer_factory(self.layers.parameters()))


def _mean(features: Tensor) -> Tensor:
    """Return (B,C) of (B,C,h,w)."""
    return features.mean(dim=(2, 3))


def _statistics(features: Tensor) -> Tensor:
    """Return (B,3C) of (B,C,h,w): mean, standard deviation, mean absolute difference of neighbours across and down."""
    if min(features.shape[2:]) < 2:
        raise ValueError(f"pooling=statistics needs features of 2x2 or more, got {tuple(features.shape)}")
    steps = [features.diff(dim=axis).abs().mean(dim=(2, 3)) for axis in (2, 3)]
    return torch.cat((_mean(features), features.std(dim=(2, 3)), (steps[0] + steps[1]) / 2), dim=1)
