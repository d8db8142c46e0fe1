"""Restoration with any network from picture to picture, as a baseline: trained on the mean squared error."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam

from facequal.methods.base import OptimizerFactory
from facequal.methods.restoration.base import RestoringMethod, as_batch
from facequal.methods.restoration.tiling import require_tiles, restore_in_tiles
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.pretrained.importing import load_network_weights


def adam(parameters: Iterable[Any]) -> Adam:
    """Return Adam at 5e-4."""
    return Adam(parameters, lr=5e-4)


class Restorer(RestoringMethod):
    """Trains a network to undo what the data module's `degradation` did.

    The loss of a sample is the mean squared error of `network(lq)` and `image` over pixels and channels. Nothing
    is clamped: metrics clamp. Logs `train/loss`.

    Args:
        network: From RGB pictures (B,3,H,W) in [0,1] to as many of the same size.
        optimizer: Called with the parameters.
        schedule: Factor of the rate at every step; None: half a cosine down to 1 %.
        weights: Checkpoint to start from: of this method, or a state dict of the network.
        channels_last: Memory format of the network.
        tile_px: Restore tiles of that side one after the other in evaluation and prediction, which needs less memory
            (see `restore_in_tiles`); None restores pictures as a whole.
        tile_overlap_px: Overlap of neighbouring tiles.

    Raises:
        ValueError: If tiles are not larger than their overlap.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory = adam,
        schedule: Schedule | None = None,
        weights: str | None = None,
        channels_last: bool = False,
        tile_px: int | None = None,
        tile_overlap_px: int = 16,
    ) -> None:
        super().__init__()
        self.save_configuration()
        if tile_px is not None:
            require_tiles(tile_px, tile_overlap_px)
        self.tile_px, self.tile_overlap_px = tile_px, tile_overlap_px
        self.network = network.to(memory_format=torch.channels_last) if channels_last else network
        self.optimizer_factory, self.schedule = optimizer, schedule or CosineSchedule(final=0.01)
        if weights is not None:
            load_network_weights(self.network, weights)
            rank_zero_info(f"{weights}: all weights of the network loaded")

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB pictures (B,3,H,W) in [0,1]; the result may leave the range."""
        if self.tile_px is not None and not self.training:
            return restore_in_tiles(lambda tile, *_: self.network(tile), images, self.tile_px, self.tile_overlap_px)
        restored: Tensor = self.network(images)
        return restored

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return mean of the samples' squared errors.

        Raises:
            ValueError: If the data module degrades nothing.
        """
        if not batch["degradation"]:
            raise ValueError("a restorer learns to undo a degradation: set data.degradation")
        losses: Tensor = (self(batch["lq"]) - batch["image"]).float().square().mean(dim=(1, 2, 3))
        self.require_finite(losses, batch, batch_idx)
        loss = losses.mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(losses))
        return loss

    def restore_degraded(self, batch: dict[str, Any]) -> Tensor:
        """Return restored pictures (B,3,H,W)."""
        restored: Tensor = self(batch["lq"])
        return restored

    def restore(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Restore one picture, uint8 RGB (H,W,3) of any size that the network takes.

        Raises:
            ValueError: If the picture is something else.
        """
        return self.restored_picture(as_batch(picture, self.device))

    def configure_optimizers(self) -> Any:
        """Return the optimizer, and the schedule at every step."""
        return self.with_schedule(self.optimizer_factory(self.network.parameters()))
