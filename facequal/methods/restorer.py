"""Restoration with any network from picture to picture, as a baseline: trained on the mean squared error."""

from collections.abc import Iterable
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor, nn
from torch.optim import Adam

from facequal.methods.base import FaceMethod, OptimizerFactory
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.weights import load_network_weights


def adam(parameters: Iterable[Any]) -> Adam:
    """Adam at 5e-4."""
    return Adam(parameters, lr=5e-4)


class Restorer(FaceMethod):
    """Trains a network to undo what the data module's ``degradation`` did.

    The loss of a sample is the mean squared error of ``network(lq)`` and ``image`` over pixels and channels. Nothing
    is clamped: metrics clamp. Logs ``train/loss``.

    Args:
        network: from RGB pictures (B,3,H,W) in [0,1] to as many of the same size.
        optimizer: called with the parameters.
        schedule: factor of the rate at every step; None: half a cosine down to 1 %.
        weights: checkpoint to start from: of this method, or a state dict of the network.
        channels_last: memory format of the network.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory = adam,
        schedule: Schedule | None = None,
        weights: str | None = None,
        channels_last: bool = False,
    ) -> None:
        super().__init__()
        self.save_configuration()
        self.network = network.to(memory_format=torch.channels_last) if channels_last else network
        self.optimizer_factory, self.schedule = optimizer, schedule or CosineSchedule(final=0.01)
        if weights is not None:
            load_network_weights(self.network, weights)
            rank_zero_info(f"{weights}: all weights of the network loaded")

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB pictures (B,3,H,W) in [0,1]; the result may leave the range."""
        restored: Tensor = self.network(images)
        return restored

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Mean of the samples' squared errors.

        Raises:
            ValueError: the data module degrades nothing.
        """
        if not batch["degradation"]:
            raise ValueError("a restorer learns to undo a degradation: set data.degradation")
        losses: Tensor = (self(batch["lq"]) - batch["image"]).float().square().mean(dim=(1, 2, 3))
        self.require_finite(losses, batch, batch_idx)
        loss = losses.mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(losses))
        return loss

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Restore a batch; the evaluation callback computes the figures."""
        return self.restore_batch(batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Tensor]:
        """Restore a batch; the evaluation callback computes the figures."""
        return self.restore_batch(batch)

    def restore_batch(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """``restored`` (B,3,H,W) and ``index`` (B,).

        Raises:
            ValueError: the batch is of a protocol for recognition.
        """
        if "lq" not in batch:
            raise ValueError("a restorer is evaluated on restoration sets (facequal.data.restoration), not on pairs")
        return {"restored": self(batch["lq"]), "index": batch["index"]}

    def configure_optimizers(self) -> Any:
        """The optimizer, and the schedule at every step."""
        return self.with_schedule(self.optimizer_factory(self.network.parameters()))
