"""The base of all heads: normalised softmax over class weights, with the margin applied to the target column only."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class HeadOutput(NamedTuple):
    """What a head says about a batch; the training loss is `per_sample_loss.mean() + regulariser`.

    Attributes:
        per_sample_loss: (B,) cross entropy with the margin, before any mean.
        target_probability: (B,) softmax probability of the target class with the margin, detached.
        margin: (B,) how much the margin took from the target cosine: cos(theta_y) - logit_y / s, detached.
        regulariser: Scalar to be added once per batch (MagFace), already weighted; zero for other heads.
        gradient_scaling: (B,) (P_y - 1) d logit_y / d cos(theta_y), detached; see `facequal.analysis.gst`. NaN where
            gradients are off.
    """

    per_sample_loss: Tensor
    target_probability: Tensor
    margin: Tensor
    regulariser: Tensor
    gradient_scaling: Tensor


class MarginHead(nn.Module, ABC):
    """Softmax over s cos(e, w_j) with a margin on the target class; sub-classes say which margin.

    A sub-class defines `margined_cosine`, and `condition` if its margin depends on more than the cosine.

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities, at least 2.
        s: Scale of the cosines.

    Attributes:
        weight: (C, D) class weights, the proxies; only their direction counts.
        margin_scale: Factor in [0, 1] of the margin, 1 unless a method ramps it up (see `margins.margin_ramp`).
            A function of training progress, set anew at every step and therefore not part of the state dict.

    Raises:
        ValueError: If a size or the scale is out of range.

    >>> class AngleFactor(MarginHead):
    ...     def margined_cosine(self, cosine, condition):
    ...         return torch.cos((1 + self.margin_scale) * torch.acos(cosine))  # cos(2 theta)
    >>> head = AngleFactor(embedding_dim=2, num_classes=2)
    >>> _ = nn.init.eye_(head.weight)
    >>> head.loss(torch.tensor([[0.5, 0.75**0.5]]), norm=torch.ones(1, 1), labels=torch.tensor([0])).margin
    tensor([1.])
    """

    def __init__(self, embedding_dim: int, num_classes: int, s: float = 64.0) -> None:
        super().__init__()
        if embedding_dim < 1:
            raise ValueError(f"embedding_dim must be at least 1, got {embedding_dim}")
        if num_classes < 2:
            raise ValueError(
                f"num_classes must be at least 2, got {num_classes}: a softmax needs something to tell apart"
            )
        if not s > 0:
            raise ValueError(f"s must be positive, got {s}")
        self.embedding_dim = embedding_dim
        self.num_classes = num_classes
        self.s = s
        self.margin_scale = 1.0
        # Directions as in the AdaFace release: uniform in a cube, then unit length.
        self.weight = nn.Parameter(F.normalize(torch.rand(num_classes, embedding_dim) * 2 - 1))
        self._labels_checked = False

    @abstractmethod
    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Apply the margin.

        Args:
            cosine: (B,) target cosines cos(theta_y).
            condition: What `condition` returned for this batch.

        Returns:
            (B,) margined cosines; must be differentiable in `cosine`.
        """

    def condition(self, logits: Tensor, labels: Tensor, cosine: Tensor, norm: Tensor, quality: Tensor | None) -> Tensor:
        """Compute what the margin depends on besides the cosine, and update running statistics in training mode.

        Args:
            logits: (B, C) s cos(theta_j) without margin.
            labels: (B,) int64.
            cosine: (B,) target cosines, detached.
            norm: (B,) feature norms.
            quality: (B,) quality given by the caller, or None.

        Returns:
            (B,) values passed to `margined_cosine`; zeros where the margin depends on nothing else.

        Raises:
            ValueError: If a quality is given to a head that does not use one.
        """
        if quality is not None:
            raise ValueError(f"{type(self).__name__} does not use a quality; AdaFaceHead(quality='given') does")
        return torch.zeros_like(cosine)

    def reweighted(self, logits: Tensor, labels: Tensor, cosine: Tensor) -> Tensor:
        """Change the logits of the negatives; the base leaves them as they are.

        Args:
            logits: (B, C) s cos(theta_j) without margin.
            labels: (B,) int64.
            cosine: (B,) target cosines, detached.

        Returns:
            (B, C) logits in which the target column is unchanged.
        """
        return logits

    def regulariser(self, norm: Tensor) -> Tensor:
        """Return the weighted penalty of the batch; the base has none.

        Args:
            norm: (B,) feature norms.

        Returns:
            Scalar.
        """
        return norm.new_zeros(())

    def loss(self, embedding: Tensor, norm: Tensor, labels: Tensor, quality: Tensor | None = None) -> HeadOutput:
        """Compute the cross entropy with the margin; only the target column gets more than its cosine.

        Args:
            embedding: (B, D) unit embeddings. Half precision is raised to float32, float64 stays.
            norm: (B, 1) norms of the features before they were normalised.
            labels: (B,) int64 in [0, C).
            quality: (B,) or (B, 1) quality per sample, only for heads that ask for one.

        Returns:
            Loss, target probability and margin per sample, and the regulariser of the batch.

        Raises:
            ValueError: If a shape or dtype is wrong or a label is outside [0, C). On CUDA only the first batch's labels
                are read, since reading waits for the device; later ones stop in the kernel's own bounds assertion.
        """
        with torch.autocast(embedding.device.type, enabled=False):
            embedding, norm, quality = self._validated(embedding, norm, labels, quality)
            logits = self._scaled_cosines(embedding)
            cosine = logits.detach().gather(1, labels[:, None]).squeeze(1) / self.s
            condition = self.condition(logits.detach(), labels, cosine, norm, quality)
            margined, slope = _value_and_slope(lambda c: self.margined_cosine(c, condition), cosine)
            logits = self.reweighted(logits, labels, cosine)
            per_sample = _TargetCrossEntropy.apply(logits, self.s * margined, slope, labels)
            probability = per_sample.detach().neg().exp()
            margin, scaling = cosine - margined.detach(), self.s * (probability - 1.0) * slope
            return HeadOutput(per_sample, probability, margin, self.regulariser(norm), scaling)

    def forward(self, embedding: Tensor, norm: Tensor, labels: Tensor, quality: Tensor | None = None) -> Tensor:
        """Compute full logits with the margin in the target column, for tests and analysis; training calls `loss`.

        Args:
            embedding: (B, D) unit embeddings.
            norm: (B, 1) feature norms.
            labels: (B,) int64 in [0, C).
            quality: (B,) or (B, 1) quality per sample, only for heads that ask for one.

        Returns:
            (B, C) logits. Running statistics are updated in training mode, as by `loss`.

        Raises:
            ValueError: If `loss` would refuse the arguments.
        """
        with torch.autocast(embedding.device.type, enabled=False):
            embedding, norm, quality = self._validated(embedding, norm, labels, quality)
            logits = self._scaled_cosines(embedding)
            cosine = logits.gather(1, labels[:, None]).squeeze(1) / self.s
            condition = self.condition(logits.detach(), labels, cosine.detach(), norm, quality)
            margined = self.margined_cosine(cosine, condition)
            logits = self.reweighted(logits, labels, cosine.detach())
            return logits.scatter(1, labels[:, None], self.s * margined[:, None])

    def extra_repr(self) -> str:
        """Return sizes and scale, for `print(head)`."""
        return f"embedding_dim={self.embedding_dim}, num_classes={self.num_classes}, s={self.s}"

    def _scaled_cosines(self, embedding: Tensor) -> Tensor:
        weight = self.weight.to(embedding.dtype)
        # The scale goes into the (B, D) factor: one pass over (B, C) less, forward and backward.
        return F.linear(embedding * self.s, F.normalize(weight))

    def _validated(
        self, embedding: Tensor, norm: Tensor, labels: Tensor, quality: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Check shapes and labels; return embedding, norm (B,) and quality (B,) in float32 or float64."""
        batch = embedding.shape[0]
        if embedding.shape != (batch, self.embedding_dim):
            raise ValueError(f"embedding must have shape (B, {self.embedding_dim}), got {tuple(embedding.shape)}")
        if norm.shape != (batch, 1):
            raise ValueError(f"norm must have shape ({batch}, 1), got {tuple(norm.shape)}")
        if labels.shape != (batch,) or labels.dtype != torch.int64:
            raise ValueError(f"labels must be int64 of shape ({batch},), got {labels.dtype} {tuple(labels.shape)}")
        if quality is not None and quality.shape not in ((batch,), (batch, 1)):
            raise ValueError(f"quality must have shape ({batch},) or ({batch}, 1), got {tuple(quality.shape)}")
        if batch and (labels.device.type == "cpu" or not self._labels_checked):
            low, high = (int(bound) for bound in labels.aminmax())
            if low < 0 or high >= self.num_classes:
                raise ValueError(f"labels must be in [0, {self.num_classes}), got {low} to {high}")
            self._labels_checked = True
        dtype = torch.promote_types(torch.float32, torch.promote_types(embedding.dtype, self.weight.dtype))
        scores = None if quality is None else quality.detach().reshape(batch).to(dtype)
        return embedding.to(dtype), norm.squeeze(1).to(dtype), scores

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # In half precision a running mean of 20 cannot take steps of 1 %: statistics stay float32 under `.half()`.
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, buffer in self.named_buffers(recurse=False):
            if buffer.dtype in (torch.float16, torch.bfloat16):
                setattr(self, name, buffer.float())
        return self


class _TargetCrossEntropy(torch.autograd.Function):
    """Cross entropy of logits whose target column is replaced by the margined target logit.

    Autograd's own way (gather, margin, scatter) keeps two further (B, C) gradients alive in the backward pass. Here the
    margin enters by its value and its slope d margined / d cosine, and one (B, C) gradient is enough.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target_logit: Tensor, slope: Tensor, labels: Tensor) -> Tensor:
        # In place: the caller made the logits and needs them no more, and no backward pass reads a product's result.
        logits.scatter_(1, labels[:, None], target_logit[:, None])
        log_probability = F.log_softmax(logits, dim=1)
        ctx.save_for_backward(log_probability, slope, labels)
        return -log_probability.gather(1, labels[:, None]).squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_loss: Tensor) -> tuple[Tensor, Tensor, None, None]:
        log_probability, slope, labels = ctx.saved_tensors
        grad = log_probability.exp()
        grad_target = (grad.gather(1, labels[:, None]).squeeze(1) - 1) * grad_loss
        grad.mul_(grad_loss[:, None])
        grad.scatter_(1, labels[:, None], (grad_target * slope)[:, None])
        return grad, grad_target, None, None


def _value_and_slope(function: Callable[[Tensor], Tensor], cosine: Tensor) -> tuple[Tensor, Tensor]:
    """Return margined cosines and their derivative by the cosines, (B,) each; it is NaN where gradients are off."""
    if not torch.is_grad_enabled():
        return function(cosine), torch.full_like(cosine, torch.nan)
    leaf = cosine.clone().requires_grad_()
    value = function(leaf)
    (slope,) = torch.autograd.grad(value.sum(), leaf, retain_graph=True)
    return value, slope
