"""The smallest recognition network, for tests of what is around it."""

import torch
from torch import Tensor

from facequal.models.backbones import Backbone


class LinearBackbone(Backbone):
    """One linear layer on images of 16 px: (B, 8) features without BatchNorm, so that two processes can equal one."""

    def __init__(self) -> None:
        super().__init__(8, 16)
        self.layer = torch.nn.Linear(3 * 16 * 16, 8)

    def features(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))
