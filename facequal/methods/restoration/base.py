"""What the methods that restore share: network, optimizer, errors of pictures, what evaluation and prediction get."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Adam

from facequal.methods.base import FaceMethod, OptimizerFactory
from facequal.methods.restoration.tiling import require_tiles
from facequal.methods.schedules import CosineSchedule, Schedule
from facequal.pretrained.importing import load_network_weights


def nasfe_adam(parameters: Iterable[Any]) -> Adam:
    """Return Adam as the NASFE paper uses it: rate 5e-4."""
    return Adam(parameters, lr=5e-4)


class RestoringMethod(FaceMethod):
    """Base of the methods that restore.

    Args:
        network: From RGB pictures (B,3,H,W) in [0,1] to as many of the same size.
        optimizer: Called with the network's parameters.
        schedule: Factor of the rate at every step; None: half a cosine down to 1 %.
        weights: Checkpoint to start from: of this method, or a state dict of the network.
        channels_last: Memory format of the network.
        tile_px: Restore tiles of that side one after the other in evaluation and prediction, which needs less memory
            (see `restore_in_tiles`); None restores pictures as a whole.
        tile_overlap_px: Overlap of neighbouring tiles.

    Raises:
        ValueError: If tiles are not larger than their overlap, or the weights do not fit.
        FileNotFoundError: If there are no such weights.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerFactory = nasfe_adam,
        schedule: Schedule | None = None,
        weights: str | None = None,
        channels_last: bool = False,
        tile_px: int | None = None,
        tile_overlap_px: int = 16,
    ) -> None:
        super().__init__(optimizer, schedule or CosineSchedule(final=0.01))
        if tile_px is not None:
            require_tiles(tile_px, tile_overlap_px)
        self.tile_px, self.tile_overlap_px = tile_px, tile_overlap_px
        self.network = network.to(memory_format=torch.channels_last) if channels_last else network
        if weights is not None:
            load_network_weights(self.network, weights)
            rank_zero_info(f"{weights}: all weights of the network loaded")

    def mode_of(self, batch: Mapping[str, Any]) -> str | None:
        """Return how a batch is restored, where a method has several ways: part of the name of its results."""
        return None

    def restore_degraded(self, batch: dict[str, Any]) -> Tensor:
        """Return restored pictures (B,3,H,W), which may leave the range, from `lq` of a batch and what else it has."""
        restored: Tensor = self(batch["lq"])
        return restored

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Restore a batch; the evaluation callback computes the figures."""
        return self.restore_batch(batch)

    test_step = validation_step

    def predict_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Restore a batch of pictures as they are; a callback writes them."""
        return self.restore_batch({**batch, "lq": batch["image"]})

    def restore_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return `restored` (B,3,H,W), `index` (B,) and, where there are several, the `mode`.

        Raises:
            ValueError: If the batch is of a protocol for recognition.
        """
        if "lq" not in batch:
            name = type(self).__name__
            raise ValueError(
                f"{name} is evaluated on restoration sets (facequal.data.protocols.restoration), not on pairs"
            )
        outputs, mode = {"restored": self.restore_degraded(batch), "index": batch["index"]}, self.mode_of(batch)
        return outputs if mode is None else {**outputs, "mode": mode}

    def configure_optimizers(self) -> Any:
        """Return the optimizer, and the schedule at every step."""
        return self.with_schedule(self.optimizer_factory(self.network.parameters()))

    @torch.inference_mode()
    def restored_picture(self, *inputs: Tensor | None) -> NDArray[np.uint8]:
        """Return one picture (1,3,H,W) among the inputs of `forward` restored as in evaluation, uint8 RGB (H,W,3)."""
        was_training = self.training
        self.eval()
        try:
            return as_picture(self(*inputs)[0])
        finally:
            self.train(was_training)


def squared_errors(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean squared error of each picture, over pixels and channels; nothing is clamped.

    Args:
        restored: float (B,3,H,W).
        clean: float (B,3,H,W) in [0,1].

    Returns:
        float32 (B,).
    """
    return (restored - clean).float().square().mean(dim=(1, 2, 3))


@torch.no_grad()
def training_psnr(restored: Tensor, clean: Tensor) -> Tensor:
    """Return the mean PSNR of a batch in dB, for logs.

    Pictures are clamped, but not rounded to 8 bits as the metric of evaluation (`facequal.metrics.restoration`) does.

    >>> training_psnr(torch.full((1, 3, 4, 4), 0.6), torch.full((1, 3, 4, 4), 0.5))
    tensor(20.0000)

    Args:
        restored: float (B,3,H,W).
        clean: float (B,3,H,W) in [0,1].

    Returns:
        Scalar.
    """
    errors = squared_errors(restored.float().clamp(0, 1), clean)
    return -10.0 * errors.clamp_min(1e-10).log10().mean()


def as_batch(picture: NDArray[np.uint8], device: torch.device, name: str = "picture") -> Tensor:
    """Return a picture, uint8 RGB (H,W,3), as float32 (1,3,H,W) in [0,1].

    Args:
        picture: uint8 RGB (H,W,3).
        device: Of the result.
        name: Of the picture, for the message.

    Raises:
        ValueError: If it is something else.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"{name} must be uint8 RGB (H,W,3), got {picture.dtype} {picture.shape}")
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(device).float()[None] / 255.0


def as_picture(image: Tensor) -> NDArray[np.uint8]:
    """Return a picture, float (3,H,W), as uint8 RGB (H,W,3), clamped to [0,1] and rounded.

    >>> as_picture(torch.tensor([-0.1, 0.5, 1.2]).view(3, 1, 1)).tolist()
    [[[0, 128, 255]]]
    """
    rounded = (image.float().clamp(0.0, 1.0) * 255.0).round().byte()
    picture: NDArray[np.uint8] = np.ascontiguousarray(rounded.permute(1, 2, 0).cpu().numpy())
    return picture


def require_size(references: Tensor, images: Tensor, name: str) -> None:
    """Refuse references (...,h,w) in another size than the pictures (...,H,W): statistics of features depend on it.

    Args:
        references: Clean pictures of the same people.
        images: The pictures.
        name: Of the references, for the message.

    Raises:
        ValueError: If the sizes differ.
    """
    if references.shape[-2:] != images.shape[-2:]:
        size, wanted = ("x".join(map(str, pictures.shape[-2:])) for pictures in (references, images))
        raise ValueError(
            f"{name}: {size} pixels (height x width), but the pictures have {wanted}; bring them to one size"
        )
