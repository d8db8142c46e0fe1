"""QGFace's partition by quality: clear images are classified, and pairs with a poor one are contrasted."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Gate = Literal["hard", "soft"]
PairQuality = Literal["low", "mean", "high"]


class GatedLoss(NamedTuple):
    """A loss of part of a batch.

    Attributes:
        loss: Scalar, sum(gate * loss) / N over all N samples.
        share: Scalar in [0, 1] without gradient, the mean of the gate: for a hard gate the share that is selected.
        selected_mean: Scalar without gradient, sum(gate * loss) / sum(gate), for logs; 0 if nothing is selected.
    """

    loss: Tensor
    share: Tensor
    selected_mean: Tensor


def unit_quality(z: Tensor) -> Tensor:
    """Return AdaFace's standardised quality z in [-1, 1] (see `margins.image_quality`) as (z + 1) / 2 in [0, 1].

    QGFace compares this with its threshold b. So b = 0.2 means z = -0.6, which with the concentration h = 0.333 is a
    feature norm 1.8 standard deviations below the running mean: about 4 % of a Gaussian.

    >>> unit_quality(torch.tensor([-1.0, -0.6, 1.0]))
    tensor([0.0000, 0.2000, 1.0000])

    Args:
        z: Standardised qualities of any shape.

    Returns:
        Qualities of the same shape, detached: a gate is no path for gradients to the norm.
    """
    return (z.detach() + 1) / 2


def classification_gate(
    quality: Tensor, threshold: float = 0.2, gate: Gate = "hard", sharpness: float = 64.0
) -> Tensor:
    """Return weights in [0, 1] of the classification loss: 1 for images of high quality.

    "hard" (the paper) is 1 where quality > b and else 0. "soft" (the released code) is
    sigmoid(sharpness (z + 1 - 2b)) = sigmoid(2 sharpness (quality - b)), which at 64 goes from .04 to .96 within
    .025 of b. The code multiplies the logits by it, this the loss: where the gate is 0 or 1 gradients are the same,
    and in between they are those of a weighted sample here, of a smaller scale s there.

    >>> quality = torch.tensor([0.1, 0.19, 0.21, 0.9], dtype=torch.float64)
    >>> classification_gate(quality, threshold=0.2)
    tensor([0., 0., 1., 1.], dtype=torch.float64)
    >>> [round(float(weight), 3) for weight in classification_gate(quality, threshold=0.2, gate="soft")]
    [0.0, 0.218, 0.782, 1.0]

    Args:
        quality: Qualities in [0, 1] of any shape.
        threshold: b in [0, 1].
        gate: "hard" or "soft".
        sharpness: Slope of the soft gate, by z; the scale s of the head in the released code.

    Returns:
        Weights of the shape and dtype of `quality`, without gradient.
    """
    quality = quality.detach()
    if gate == "soft":
        return torch.sigmoid(2 * sharpness * (quality - threshold))
    return (quality > threshold).to(quality.dtype)


def contrastive_gate(augmented: Tensor, original: Tensor, threshold: float = 0.2, pair: PairQuality = "low") -> Tensor:
    """Return weights, 0 or 1, of the contrastive loss: 1 for pairs of low quality, quality <= b.

    This gate is hard in the paper and in the released code alike.

    >>> augmented, original = torch.tensor([0.1, 0.5]), torch.tensor([0.7, 0.6])
    >>> contrastive_gate(augmented, original), contrastive_gate(augmented, original, pair="high")
    (tensor([1., 0.]), tensor([0., 0.]))

    Args:
        augmented: Qualities in [0, 1] of the augmented images, any shape.
        original: Qualities of their originals, of the same shape.
        threshold: b in [0, 1].
        pair: Quality of a pair: "low", the lower of the two (the paper), "mean", or "high", the higher.

    Returns:
        Weights of the shape and dtype of `augmented`, without gradient.
    """
    augmented, original = augmented.detach(), original.detach()
    if pair == "mean":
        quality = (augmented + original) / 2
    else:
        quality = torch.minimum(augmented, original) if pair == "low" else torch.maximum(augmented, original)
    return (quality <= threshold).to(augmented.dtype)


def gated_loss(per_sample: Tensor, gate: Tensor) -> GatedLoss:
    """Return the sum of the selected losses divided by the number of all samples, selected or not.

    So the weight of a sample does not depend on how many others are selected with it: a mean over the selected would
    give the few pairs of low quality of a batch a huge weight. Over ranks with equal batches the mean of their losses
    is that of the whole batch. If nothing is selected the loss is 0 with its graph.

    >>> gated_loss(torch.tensor([4.0, 2.0, 6.0, 8.0]), torch.tensor([1.0, 1.0, 0.0, 0.0]))
    GatedLoss(loss=tensor(1.5000), share=tensor(0.5000), selected_mean=tensor(3.))

    Args:
        per_sample: (N,) losses. A loss that is not finite makes the result so, selected or not.
        gate: (N,) weights in [0, 1].

    Returns:
        Loss, share selected and mean over the selected; all 0 for an empty batch.

    Raises:
        ValueError: If the shapes differ.
    """
    if per_sample.shape != gate.shape:
        raise ValueError(f"losses and gate must have one shape, got {tuple(per_sample.shape)} and {tuple(gate.shape)}")
    gate = gate.detach().to(per_sample.dtype)
    number = max(gate.numel(), 1)
    total, selected = (per_sample * gate).sum(), gate.sum()
    mean = torch.where(selected > 0, total.detach() / selected, 0.0)
    return GatedLoss(total / number, selected / number, mean)
