"""VGG-16 as VGGFace (Parkhi et al., "Deep face recognition", BMVC 2015): the convolutions, for perceptual losses."""

from typing import Literal

import torch
from torch import Tensor, nn

from facequal.choices import require_choice

VGGLayer = Literal["pool1", "pool2", "pool3", "pool4", "pool5"]

# Output channels of the convolutions of each block; a pooling follows every block.
_BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# What was subtracted in training, in 8-bit values of R, G, B. The Caffe model lists them as B, G, R.
_MEAN = (129.186279296875, 104.76238250732422, 93.59396362304688)


class VGGFace(nn.Module):
    """The thirteen convolutions of VGGFace, with the published names `conv1_1` to `conv5_3`.

    Images are RGB in [0,1]; the network subtracts the published means from their 8-bit values and pools with
    `ceil_mode`, as Caffe does: at pool3 a picture of 176x144 gives 256 channels of 22x18. Weights that were trained on
    BGR are converted when they are loaded (`facequal.pretrained.importing.load_vggface`).

    >>> with torch.device("meta"):  # shapes without memory
    ...     network = VGGFace()
    >>> sum(weight.numel() for weight in network.parameters())
    14714688
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for block, widths in enumerate(_BLOCKS, start=1):
            for number, width in enumerate(widths, start=1):
                self.add_module(f"conv{block}_{number}", nn.Conv2d(channels, width, 3, padding=1))
                channels = width
        self.pool = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, layer: VGGLayer = "pool3") -> Tensor:
        """Return the features after a pooling.

        Args:
            images: float RGB (B,3,H,W) in [0,1].
            layer: "pool1" to "pool5".

        Returns:
            (B,C,ceil(H/2^n),ceil(W/2^n)) with C of 64, 128, 256, 512, 512; about 1e2 at pool3 with trained weights.

        Raises:
            ValueError: If the layer is unknown.
        """
        vgg_channels(layer)
        x = images * 255.0 - self.mean
        for block, widths in enumerate(_BLOCKS, start=1):
            for number in range(1, len(widths) + 1):
                x = torch.relu(getattr(self, f"conv{block}_{number}")(x))
            x = self.pool(x)
            if layer == f"pool{block}":
                break
        return x


def vgg_channels(layer: VGGLayer) -> int:
    """Return the number of channels after a pooling.

    Raises:
        ValueError: If the layer is unknown.

    >>> vgg_channels("pool3")
    256
    """
    require_choice("layer", layer, VGGLayer)
    return _BLOCKS[int(layer[-1]) - 1][-1]


def published_names() -> dict[str, tuple[str, ...]]:
    """Return the names of each convolution in files: the published one, torchvision's, and that in a bare Sequential.

    The number of a convolution in a Sequential counts the ReLUs and poolings between them: 0, 2, 5, 7, 10, ...

    >>> published_names()["conv2_1"]
    ('conv2_1', 'features.5', '5')
    """
    names: dict[str, tuple[str, ...]] = {}
    position = 0
    for block, widths in enumerate(_BLOCKS, start=1):
        for number in range(1, len(widths) + 1):
            published = f"conv{block}_{number}"
            names[published] = (published, f"features.{position}", str(position))
            position += 2
        position += 1
    return names
