"""From a transferred batch to what a method sees: clean and degraded images in training, all views in evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from facequal.degradations.base import Degradation
from facequal.degradations.draws import Keys
from facequal.degradations.multi import drawn_classes
from facequal.degradations.resolution import Resolution


def to_unit_range(images: Tensor) -> Tensor:
    """Return uint8 images 0..255 as float32 in [0, 1], of the same shape.

    Raises:
        TypeError: If the images are not uint8.

    Example:
        >>> to_unit_range(torch.tensor([0, 51, 255], dtype=torch.uint8))
        tensor([0.0000, 0.2000, 1.0000])
    """
    if images.dtype != torch.uint8:
        raise TypeError(f"a batch holds uint8 images until it is on the device, got {images.dtype}")
    return images.float().div_(255.0)


def training_views(
    batch: Mapping[str, Any],
    *,
    seed: int,
    epoch: int,
    augmentation: Degradation | None = None,
    degradation: Degradation | None = None,
    lq_augmentation: Degradation | None = None,
) -> dict[str, Any]:
    """Return the training batch: `image`, `lq`, `label`, `index` and `degradation`.

    Args:
        batch: `image` uint8 (B,3,H,W), `label` and `index` int64 (B,), on the device; clean `references` uint8
            (B,n,3,H,W), if there are any, which nothing acts on.
        seed: Seed of all draws.
        epoch: Epoch of all draws.
        augmentation: Acts on `image` before it is copied, so both views share it.
        degradation: Makes `lq` from `image`.
        lq_augmentation: Drawn for `lq` alone.

    Returns:
        The batch with `image` and `lq` float32 (B,3,H,W) in [0,1], the drawn values under `degradation`, and
        their `classes` if there are any (see `with_classes`). Without a degradation `lq` is `image` itself.

    Example:
        >>> batch = {"image": torch.full((2, 3, 28, 28), 51, dtype=torch.uint8), "index": torch.arange(2)}
        >>> views = training_views(batch, seed=0, epoch=0, degradation=Resolution(sizes_px=[7, 14]))
        >>> views["lq"].shape, views["degradation"]["size_px"].shape
        (torch.Size([2, 3, 28, 28]), torch.Size([2]))
    """
    keys = Keys(batch["index"], seed=seed, epoch=epoch)
    image = to_unit_range(batch["image"])
    if augmentation is not None:
        image, _ = augmentation(image, keys.fold("augmentation"))
    lq = image
    drawn: dict[str, Tensor] = {}
    if degradation is not None:
        lq, drawn = degradation(image, keys.fold("degradation"))
    if lq_augmentation is not None:
        lq, _ = lq_augmentation(lq, keys.fold("lq_augmentation"))
    return with_classes({**batch, "image": image, "lq": lq, "degradation": drawn, **reference_views(batch)})


def reference_views(batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `references` float32 (B,n,3,H,W) in [0,1] and `num_references` int64 (B,), where a batch has them."""
    if "references" not in batch:
        return {}
    return {"references": to_unit_range(batch["references"]), "num_references": batch["num_references"]}


def with_classes(views: dict[str, Any]) -> dict[str, Any]:
    """Return views, with `classes` (blur, noise, low light) float32 (B,3) if a `MultiDegradation` drew them."""
    classes = drawn_classes(views["degradation"])
    return views if classes is None else {**views, "classes": classes}


def resolution_views(batch: Mapping[str, Any], resolutions_px: Sequence[int]) -> dict[str, Any]:
    """Return an evaluation batch at several resolutions, one after the other along the batch axis.

    Args:
        batch: `image` uint8 (B,3,H,W), `label` and `index` int64 (B,), on the device.
        resolutions_px: V heights in pixels to reduce to and enlarge from; the height of the images leaves them as they
            are.

    Returns:
        `image` float32 (V*B,3,H,W), `label`, `index` (V*B,), and `view` int64 (V*B,): the resolution in pixels.

    Example:
        >>> batch = {"image": torch.zeros(2, 3, 16, 16, dtype=torch.uint8)}
        >>> batch |= {"label": torch.tensor([0, 1]), "index": torch.tensor([0, 1])}
        >>> views = resolution_views(batch, [8, 16])
        >>> views["image"].shape, views["view"].tolist()
        (torch.Size([4, 3, 16, 16]), [8, 8, 16, 16])
    """
    clean = to_unit_range(batch["image"])
    # A fixed size draws nothing; the keys only satisfy the interface.
    keys = Keys(batch["index"])
    views = [clean if px == clean.shape[-2] else Resolution(sizes_px=(px,))(clean, keys)[0] for px in resolutions_px]
    count = len(views)
    view = torch.tensor(list(resolutions_px), device=clean.device).repeat_interleave(len(clean))
    return {
        "image": torch.cat(views),
        "label": batch["label"].repeat(count),
        "index": batch["index"].repeat(count),
        "view": view,
    }
