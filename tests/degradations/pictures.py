import torch
import torch.nn.functional as F
from torch import Tensor


def pictures(batch: int, height: int, width: int, seed: int = 0) -> Tensor:
    """Smooth colour pictures with some edges and a little noise, float32 (batch,3,height,width) in [0,1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(batch, 3, 5, 5, generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    smooth[:, :, height // 3 : height // 2, width // 4 : width // 2] = torch.rand(batch, 3, 1, 1, generator=generator)
    return (smooth + 0.03 * torch.randn(smooth.shape, generator=generator)).clamp(0.0, 1.0)
