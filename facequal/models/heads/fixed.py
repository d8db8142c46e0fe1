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
    """

    def __init__(self, embedding_dim: int, num_classes: int, m: float = 1.7, s: float = 30.0) -> None:
        super().__init__(embedding_dim, num_classes, s)
        if m < 1:
            raise ValueError(f"m multiplies the angle and must be at least 1, got {m}")
        self.m = m

    def margined_cosine(self, cosine: Tensor, condition: Tensor) -> Tensor:
        """Return (-1)^k cos(m theta_y) - 2k for cosines (B,); the ramp goes from factor 1, which is no margin, to m."""
        return margins.sphereface(cosine, 1 + self.margin_scale * (self.m - 1))
