"""Restoration with any network from picture to picture, as a baseline: trained on the mean squared error."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from facequal.methods.restoration.base import RestoringMethod, as_batch, squared_errors
from facequal.methods.restoration.tiling import restore_in_tiles


class Restorer(RestoringMethod):
    """Training of a network to undo what the data module's `degradation` did.

    The loss of a sample is the mean squared error of `network(lq)` and `image` over pixels and channels. Nothing
    is clamped: metrics clamp. Logs `train/loss`. All arguments are those of `RestoringMethod`.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB pictures (B,3,H,W) in [0,1]; the result may leave the range."""
        if self.tile_px is not None and not self.training:
            return restore_in_tiles(lambda tile, *_: self.network(tile), images, self.tile_px, self.tile_overlap_px)
        restored: Tensor = self.network(images)
        return restored

    def training_step(self, batch: dict[str, Any], batch_idx: int) -> Tensor:
        """Return the mean of the samples' squared errors.

        Raises:
            ValueError: If the data module degrades nothing.
        """
        if not batch["degradation"]:
            raise ValueError("a restorer learns to undo a degradation: set data.degradation")
        losses = squared_errors(self(batch["lq"]), batch["image"])  # (B,)
        self.require_finite(losses, batch, batch_idx)
        loss = losses.mean()
        self.log("train/loss", loss, prog_bar=True, batch_size=len(losses))
        return loss

    def restore(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Restore one picture, uint8 RGB (H,W,3) of any size that the network takes.

        Raises:
            ValueError: If the picture is something else.
        """
        return self.restored_picture(as_batch(picture, self.device))
