"""JPEG compression with a quality of its own for every sample."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys

# ITU-T T.81, tables K.1 (luma) and K.2 (chroma), row by row: what libjpeg scales by its quality
_LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *(99,) * 32),
)
# Colour conversion in 1/65536: Y, Cb, Cr from R, G, B, and the offsets of R, G, B from Y by Cb, Cr
_TO_YCC = ((19595, 38470, 7471), (-11059, -21709, 32768), (32768, -27439, -5329))
_TO_RGB = ((0, 91881), (-22554, -46802), (116130, 0))
# Left half of libjpeg's integer DCT ("islow"), multiplied out, in 1/8192: one row per frequency; the right half mirrors
# it, with the sign changed in odd rows
_DCT = (
    (8192, 8192, 8192, 8192),
    (11363, 9633, 6437, 2260),
    (10703, 4433, -4433, -10703),
    (9633, -2259, -11362, -6436),
    (8192, -8192, -8192, 8192),
    (6437, -11362, 2261, 9633),
    (4433, -10704, 10704, -4433),
    (2260, -6436, 9633, -11363),
)


class JPEG(Degradation):
    """Baseline JPEG, encoded and decoded: 4:2:0 chroma, the standard tables scaled by libjpeg's quality.

    The same pixels as from libjpeg-turbo by way of Pillow, bit by bit, once the images are rounded to 8 bit (any size;
    pictures up to 4 px wide differ in how chroma is enlarged). Every step is integer arithmetic, carried out in
    floating point within the range where that is exact; so batch, device and summation order cannot turn a rounding
    over. No bytes are made: the entropy coding is left out. Not differentiable; Kornia's codec is, but its soft
    rounding keeps a residue of the coefficients that JPEG sets to zero (0.8 to 1 dB too mild), and it takes several
    times as long.

    Parameters drawn: `quality`, int64 (B,).

    Args:
        quality: Lowest and highest quality, both included, within 1..100.

    Raises:
        ValueError: If not 1 <= lowest <= highest <= 100.

    >>> degraded, params = JPEG((10, 20))(torch.linspace(0, 1, 16).expand(2, 3, 16, 16), Keys(torch.arange(2)))
    >>> degraded.shape, bool((params["quality"] <= 20).all())
    (torch.Size([2, 3, 16, 16]), True)
    >>> torch.equal(degraded, (degraded * 255).round() / 255)  # as from a file of 8 bits
    True
    """

    def __init__(self, quality: tuple[int, int] = (60, 95)) -> None:
        self.quality = (quality[0], quality[1])
        if not 1 <= quality[0] <= quality[1] <= 100:
            raise ValueError(f"quality must be a range within 1..100, not {self.quality}")

    def sample(self, keys: Keys) -> Params:
        """Return `quality`, int64 (B,)."""
        return {"quality": keys.integers(self.quality[0], self.quality[1] + 1)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Compress with `quality`; the pixels that come back are multiples of 1/255."""
        height, width = images.shape[-2:]
        luma, chroma = _to_ycc420(images.mul(255.0).round_())
        tables = _quantisation_tables(params["quality"])
        luma = _code_blocks(luma, tables[:, :1])[..., :height, :width]
        # decoders look at no chroma outside the image
        chroma = _code_blocks(chroma, tables[:, 1:])[..., : (height + 1) // 2, : (width + 1) // 2]
        return _to_rgb(luma, chroma).clamp_(0.0, 255.0).div_(255.0)


def compress_corners(pixels: Tensor, quality: int, heights: Tensor, widths: Tensor) -> Tensor:
    """Compress pictures in the top left corners of canvases; what lies beyond them comes back without meaning.

    Args:
        pixels: float32 (n,3,H,W), whole numbers in 0..255, H and W multiples of 16; beyond a picture its last row and
            column are repeated.
        quality: JPEG quality.
        heights: int64 (n,), rows of each picture.
        widths: int64 (n,), columns of each picture.

    Returns:
        float32 (n,3,H,W), whole numbers in 0..255.
    """
    tables = _quantisation_tables(torch.full_like(heights, quality))
    chroma_heights, chroma_widths = (heights + 1) // 2, (widths + 1) // 2
    luma, chroma = _to_ycc420(pixels)
    # encoders repeat the last row of chroma, which is the mean of two rows of pixels, not the last row of pixels
    chroma = _repeat_from(chroma, chroma_heights, dim=2)
    luma, chroma = _code_blocks(luma, tables[:, :1]), _code_blocks(chroma, tables[:, 1:])
    # decoders look at no chroma outside the picture
    chroma = _repeat_from(_repeat_from(chroma, chroma_heights, dim=2), chroma_widths, dim=3)
    return _to_rgb(luma, chroma).clamp_(0.0, 255.0)


def _repeat_from(planes: Tensor, sizes: Tensor, dim: int) -> Tensor:
    """Repeat sample i's entry number sizes[i] - 1 of planes (n,c,h,w) from there on, along an axis."""
    source = torch.arange(planes.shape[dim], device=planes.device).minimum(sizes.unsqueeze(1) - 1)
    shape = [len(planes), 1, 1, 1]
    shape[dim] = planes.shape[dim]
    return planes.gather(dim, source.view(shape).expand_as(planes))


def _to_ycc420(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Convert RGB (n,3,H,W) in 0..255 to Y (n,1,H,W) and Cb, Cr (n,2,H/2,W/2); H, W are padded to multiples of 16.

    Rows beyond the last pair repeat the last row of each plane; columns repeat the last column of pixels.
    """
    height, width = rgb.shape[-2:]
    rgb = _repeat_edge(rgb, right=-width % 16, bottom=height % 2)
    ycc = _mix_channels(rgb, _TO_YCC)
    luma = ycc[:, :1].add_(32768.0).mul_(2.0**-16).floor_()
    chroma = ycc[:, 1:].add_(32767.0).mul_(2.0**-16).floor_().add_(128.0)
    pairs = chroma[..., 0::2, :] + chroma[..., 1::2, :]
    # a mean of four that ends in 1/2 is rounded up in odd columns only, to keep the mean of all
    bias = _constant((1.0, 2.0), rgb.device).repeat(rgb.shape[-1] // 4)
    chroma = (pairs[..., 0::2] + pairs[..., 1::2]).add_(bias).mul_(0.25).floor_()
    bottom = -luma.shape[2] % 16
    return _repeat_edge(luma, right=0, bottom=bottom), _repeat_edge(chroma, right=0, bottom=bottom // 2)


def _to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """Return RGB (n,3,H,W), not clamped, of Y (n,1,H,W) and Cb, Cr (n,2,H/2,W/2), all in 0..255."""
    height, width = luma.shape[-2:]
    chroma = _double(_double(chroma, 2), 3)[..., :height, :width]
    # halves go up in even columns only
    bias = _constant((8 / 16, 7 / 16), luma.device).repeat((width + 1) // 2)[:width]
    offsets = _mix_channels((chroma + bias).floor_().sub_(128.0), _TO_RGB)
    return offsets.add_(32768.0).mul_(2.0**-16).floor_().add_(luma)


def _repeat_edge(planes: Tensor, right: int, bottom: int) -> Tensor:
    return F.pad(planes, (0, right, 0, bottom), mode="replicate") if right or bottom else planes


def _double(planes: Tensor, dim: int) -> Tensor:
    """Double the samples along an axis: 3/4 of the nearer and 1/4 of the farther one, libjpeg's fancy upsampling."""
    size = planes.shape[dim]
    before = torch.cat((planes.narrow(dim, 0, 1), planes.narrow(dim, 0, size - 1)), dim)
    after = torch.cat((planes.narrow(dim, 1, size - 1), planes.narrow(dim, size - 1, 1)), dim)
    return torch.stack((planes.lerp(before, 0.25), planes.lerp(after, 0.25)), dim + 1).flatten(dim, dim + 1)


def _mix_channels(pixels: Tensor, matrix: tuple[tuple[int, ...], ...]) -> Tensor:
    """Multiply the channels of (n,c,H,W), whole numbers below 2^8, by a matrix; sums stay below 2^24: exact."""
    mixing = _constant(matrix, pixels.device).expand(len(pixels), -1, -1)
    return torch.bmm(mixing, pixels.flatten(2)).view(len(pixels), -1, *pixels.shape[2:])


def _quantisation_tables(quality: Tensor) -> Tensor:
    """Return step sizes float64 (n,2,8,8) of luma and chroma, whole numbers in 1..255, for qualities (n,)."""
    scale = torch.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    base = _constant((_LUMA, _CHROMA), quality.device)
    tables = base * scale.view(-1, 1, 1)
    return tables.add_(50).div_(100).floor_().clamp_(1, 255).double().view(-1, 2, 8, 8)


def _code_blocks(planes: Tensor, steps: Tensor) -> Tensor:
    """Quantise the DCT of the 8x8 blocks of planes (n,c,H,W) in 0..255 by steps (n,1,8,8), and return the planes."""
    n, channels, height, width = planes.shape
    dct = _integer_dct(planes.device)
    columns = dct.expand(n * channels * height // 8, 8, 8)
    pixels = planes.double().sub_(128.0).view(-1, 8)
    rows = _descale(pixels @ dct.T, 11).view(-1, 8, width)
    coefficients = _descale(torch.bmm(columns, rows), 15).view(n, -1, 8, width // 8, 8)  # 8 times the DCT
    steps = steps.view(n, 1, 8, 1, 8)
    halves = torch.copysign(4.0 * steps, coefficients)  # rounded away from 0
    coefficients = coefficients.add_(halves).div_(8.0 * steps).trunc_().mul_(steps)
    columns = columns.transpose(1, 2)
    rows = _descale(torch.bmm(columns, coefficients.view(-1, 8, width)), 11).view(-1, 8)
    return _descale(rows @ dct, 18).add_(128.0).clamp_(0.0, 255.0).float().view(n, channels, height, width)


def _descale(values: Tensor, bits: int) -> Tensor:
    return values.mul_(2.0**-bits).add_(0.5).floor_()


@functools.lru_cache(maxsize=64)
def _constant(values: tuple[float, ...] | tuple[tuple[int, ...], ...], device: torch.device) -> Tensor:
    """Return a float32 tensor of the values: kept, because copying them to a GPU would make the host wait."""
    return torch.tensor(values, dtype=torch.float32, device=device)


@functools.lru_cache(maxsize=8)
def _integer_dct(device: torch.device) -> Tensor:
    """Return sqrt(8) 2^13 times the orthonormal DCT matrix, whole numbers as float64 (8 frequencies, 8 pixels)."""
    half = torch.tensor(_DCT, dtype=torch.float64)
    signs = torch.tensor([[1.0], [-1.0]], dtype=torch.float64).repeat(4, 1)
    return torch.cat((half, half.flip(1) * signs), dim=1).to(device)
