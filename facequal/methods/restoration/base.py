"""What the methods that restore have in common: what they give to the evaluation and to `facequal predict`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.methods.base import FaceMethod


class RestoringMethod(FaceMethod, ABC):
    """Base of the methods that restore."""

    def mode_of(self, batch: Mapping[str, Any]) -> str | None:
        """Return how a batch is restored, where a method has several ways: part of the name of its results."""
        return None

    @abstractmethod
    def restore_degraded(self, batch: dict[str, Any]) -> Tensor:
        """Return restored pictures (B,3,H,W), which may leave the range, from `lq` of a batch and what else it has."""

    def validation_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Restore a batch; the evaluation callback computes the figures."""
        return self.restore_batch(batch)

    def test_step(self, batch: dict[str, Any], batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        """Restore a batch; the evaluation callback computes the figures."""
        return self.restore_batch(batch)

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

    @torch.inference_mode()
    def restored_picture(self, *inputs: Tensor | None) -> NDArray[np.uint8]:
        """Return one picture (1,3,H,W) among the inputs of `forward` restored as in evaluation, uint8 RGB (H,W,3)."""
        was_training = self.training
        self.eval()
        try:
            return as_picture(self(*inputs)[0])
        finally:
            self.train(was_training)


def as_batch(picture: NDArray[np.uint8], device: torch.device, name: str = "picture") -> Tensor:
    """Return a picture, uint8 RGB (H,W,3), as float32 (1,3,H,W) in [0,1].

    Raises:
        ValueError: If it is something else; the message has its name.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise ValueError(f"{name} must be uint8 RGB (H,W,3), got {picture.dtype} {picture.shape}")
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(device).float()[None] / 255.0


def as_picture(image: Tensor) -> NDArray[np.uint8]:
    """Return (3,H,W) as uint8 RGB (H,W,3), clamped to [0,1] and rounded."""
    rounded = (image.float().clamp(0.0, 1.0) * 255.0).round().byte()
    picture: NDArray[np.uint8] = np.ascontiguousarray(rounded.permute(1, 2, 0).cpu().numpy())
    return picture


def require_size(references: Tensor, images: Tensor, name: str) -> None:
    """Refuse references (...,h,w) in another size than the pictures (...,H,W): statistics of features depend on it.

    Raises:
        ValueError: See above.
    """
    if references.shape[-2:] != images.shape[-2:]:
        found, wanted = ("x".join(map(str, each.shape[-2:])) for each in (references, images))
        raise ValueError(
            f"{name}: {found} pixels (height x width), but the pictures have {wanted}; bring them to one size"
        )
