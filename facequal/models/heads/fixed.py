"""Heads whose margin is the same for every sample: none, CosFace, ArcFace and SphereFace."""

from torch import Tensor

from facequal.models.heads import margins
from facequal.models.heads.base import MarginHead


class SoftmaxHead(MarginHead):
    """Normalised softmax without a margin: logit_j = s cos(theta_j).

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        s: Scale of the cosines.

    >>> import torch
    >>> head = SoftmaxHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin
    tensor([0.])
    """

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return the cosine (B,) as it is."""
        return cosine * 1.0  # a new tensor: its slope is asked for


class CosFaceHead(MarginHead):
    """CosFace (Wang et al., CVPR 2018): logit_y = s (cos(theta_y) - m).

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        m: Margin, a cosine. The paper's 0.35; AdaFace's own CosFace class has 0.4.
        s: Scale of the cosines.

    >>> import torch
    >>> head = CosFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin
    tensor([0.3500])
    """

    def __init__(self, embedding_dim: int, num_classes: int, m: float = 0.35, s: float = 64.0) -> None:
        super().__init__(embedding_dim, num_classes, s)
        self.m = m

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return cos(theta_y) - m for cosines (B,)."""
        return margins.cosface(cosine, self.margin_scale * self.m)


class ArcFaceHead(MarginHead):
    """ArcFace (Deng et al., CVPR 2019): logit_y = s cos(theta_y + m).

    The gradient is that of this function, as in AdaFace's comparison; InsightFace's code passes it straight through.

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        m: Margin in radians.
        s: Scale of the cosines.

    >>> import torch
    >>> head = ArcFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin  # cos(60) - cos(60 + 28.6)
    tensor([0.4764])
    """

    def __init__(self, embedding_dim: int, num_classes: int, m: float = 0.5, s: float = 64.0) -> None:
        super().__init__(embedding_dim, num_classes, s)
        self.m = m

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return cos(theta_y + m) for cosines (B,)."""
        return margins.arcface(cosine, self.margin_scale * self.m)


class SphereFaceHead(MarginHead):
    """SphereFace (Liu et al., CVPR 2017): logit_y = s ((-1)^k cos(m theta_y) - 2k), k = floor(m theta_y / pi).

    Args:
        embedding_dim: Length D of the embedding.
        num_classes: Number C of identities.
        m: Factor of the angle, at least 1.
        s: Scale of the cosines; opensphere's class has 30, its large-scale recipe 64.

    Raises:
        ValueError: If m < 1.

    >>> import torch
    >>> head = SphereFaceHead(embedding_dim=2, num_classes=2)
    >>> _ = torch.nn.init.eye_(head.weight)
    >>> embedding = torch.tensor([[0.5, 0.75**0.5]])  # 60 degrees from its class
    >>> head.loss(embedding, torch.tensor([[20.0]]), torch.tensor([0])).margin  # cos(60) - cos(1.7 * 60)
    tensor([0.7079])
    """

    def __init__(self, embedding_dim: int, num_classes: int, m: float = 1.7, s: float = 30.0) -> None:
        super().__init__(embedding_dim, num_classes, s)
        if m < 1:
            raise ValueError(f"m multiplies the angle and must be at least 1, got {m}")
        self.m = m

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return (-1)^k cos(m theta_y) - 2k for cosines (B,); the ramp goes from factor 1, which is no margin, to m."""
        return margins.sphereface(cosine, 1 + self.margin_scale * (self.m - 1))
