"""NASFE: three encoders, a fusion, a decoder, and what is known of the picture: its degradations and its person."""

from importlib import resources

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.methods.nasfe.network.decoder import Decoder
from facequal.methods.nasfe.network.encoders import BLOCKS, ClassModulation, Degraded, Encoder
from facequal.methods.nasfe.network.fusion import CellFusion, Res2Fusion
from facequal.methods.nasfe.network.genotype import Genotype, RandomGenotype, load_genotype, random_genotype
from facequal.methods.nasfe.network.operators import FourierOperator
from facequal.methods.nasfe.network.supernet import SearchFusion, SearchSpace

# Genotypes that come with the package.
PUBLISHED = ("reference", "tiny")
# Half the resolution twice, and the identity features once more.
_MULTIPLE = 8
_STD_EPS = 1e-5


def published_genotype(name: str) -> Genotype:
    """Return a genotype that comes with the package.

    >>> published_genotype("tiny").nodes
    ((('fft', 0), ('res2', 1)), (('attn', 2), ('deveil', 0)))

    Args:
        name: "reference", which has every operator at least twice, or "tiny", which has two blocks.
    """
    with resources.as_file(resources.files("facequal.methods.nasfe.network") / "genotypes" / f"{name}.json") as path:
        return load_genotype(path)


class NASFENetwork(nn.Module):
    """A network that restores pictures with blur, noise and low light (Yasarla et al.).

    Each encoder sees the picture; their features, one after the other, are fused at a quarter of the resolution, and
    the decoder predicts the change of the picture: x = y + decoder(fusion(encoders(y))). At first it changes nothing.

    Args:
        genotype: The fusion's cells: a file of a search, "reference" or "tiny", or one drawn at random; None for the
            baseline of Res2Blocks.
        search: The fusion is one to be searched, in this space.
        class_prior: Take the degradations {b, n, l} to modulate encoders and fusion.
        identity_channels: Channels of the features that clean pictures of the person are compared by (256 of VGGFace's
            pool3), which are added to the fusion's input; None leaves them out.
        widths: Of the encoders, see `Encoder`.
        channels: Of each encoder's features.
        blocks: Of all encoders, see `Encoder`; None for those of the paper's size.
        decoder_widths: See `Decoder`.
        residual: Add the picture to the decoder's output.
        num_res2_blocks: Of the baseline.
        conjugate: Whether Fourier operators are Wiener filters; False leaves the conjugate out, as the paper prints it.

    Raises:
        FileNotFoundError: If there is no such genotype.
        ValueError: If the genotype or a width is wrong, or there are both a genotype and a space to search.
    """

    def __init__(
        self,
        genotype: str | Genotype | RandomGenotype | None = None,
        search: SearchSpace | None = None,
        class_prior: bool = False,
        identity_channels: int | None = None,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 64,
        blocks: tuple[int, int, int] | None = None,
        decoder_widths: tuple[int, int, int] = (112, 72, 36),
        residual: bool = True,
        num_res2_blocks: int = 4,
        conjugate: bool = True,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.encoders = nn.ModuleList(Encoder(name, widths, channels, blocks, class_prior) for name in BLOCKS)
        fused = len(BLOCKS) * channels
        self.modulation = ClassModulation(fused) if class_prior else None
        self.identity = None if identity_channels is None else nn.Conv2d(identity_channels, channels, 3, padding=1)
        self.fusion = build_fusion(genotype, search, fused, num_res2_blocks)
        self.decoder = Decoder(fused, (len(BLOCKS) * widths[1], len(BLOCKS) * widths[0]), decoder_widths)
        set_conjugate(self, conjugate)

    def forward(self, images: Tensor, classes: Tensor | None = None, identity: Tensor | None = None) -> Tensor:
        """Restore pictures.

        Args:
            images: float RGB (B,3,H,W) in [0,1], of any size; mirrored at the right and below up to multiples of 8.
            classes: float (B,3), probabilities of blur, noise and low light; with a class prior.
            identity: float (B,I,h,w), features of the picture with the person's statistics (`identity_information`);
                with identity channels.

        Returns:
            (B,3,H,W); it may leave the range.

        Raises:
            ValueError: If classes or identity are missing or not asked for.
        """
        self._validate(classes, identity)
        height, width = images.shape[-2:]
        y = pad_to_multiple(images)
        encoded = [encoder(y, classes) for encoder in self.encoders]
        features = torch.cat([encoder_output.features for encoder_output in encoded], dim=1)  # (B,3F,H/4,W/4)
        if self.modulation is not None:
            features = self.modulation(features, classes)
        if self.identity is not None and identity is not None:
            information = F.interpolate(self.identity(identity), size=features.shape[-2:], mode="bilinear")
            features = features + information.repeat(1, len(encoded), 1, 1)
        change = self.decoder(self.fusion(features), encoded)[..., :height, :width]
        restored: Tensor = images + change if self.residual else change
        return restored

    def _validate(self, classes: Tensor | None, identity: Tensor | None) -> None:
        wanted = {"classes": (self.modulation, classes), "identity": (self.identity, identity)}
        for name, (layer, value) in wanted.items():
            if (layer is None) != (value is None):
                raise ValueError(f"this network takes {'no ' if layer is None else ''}{name}")


class SingleRestorer(nn.Module):
    """One encoder with a decoder of its own, by which it learns its own degradation before all three are fused.

    Args:
        degraded: "blur", "noise" or "low_light".
        widths: Of the encoder, as in `NASFENetwork`.
        channels: Of the encoder's features.
        blocks: Of the encoder.
        decoder_widths: Of the decoder, which is thrown away.
        conjugate: As in `NASFENetwork`.

    >>> restorer = SingleRestorer("noise", widths=(8, 8, 8), channels=8, blocks=(1, 1, 1), decoder_widths=(8, 8, 8))
    >>> restorer(torch.zeros(1, 3, 30, 20)).shape  # sides that are no multiple of 8 come back as they were
    torch.Size([1, 3, 30, 20])
    """

    def __init__(
        self,
        degraded: Degraded,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 64,
        blocks: tuple[int, int, int] | None = None,
        decoder_widths: tuple[int, int, int] = (112, 72, 36),
        conjugate: bool = True,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(degraded, widths, channels, blocks)
        self.decoder = Decoder(channels, (widths[1], widths[0]), decoder_widths)
        set_conjugate(self, conjugate)

    def forward(self, images: Tensor) -> Tensor:
        """Restore RGB (B,3,H,W) in [0,1] of any size; the result may leave the range."""
        height, width = images.shape[-2:]
        encoded = self.encoder(pad_to_multiple(images))
        restored: Tensor = images + self.decoder(encoded.features, [encoded])[..., :height, :width]
        return restored


def set_conjugate(network: nn.Module, conjugate: bool) -> None:
    """Make all Fourier operators of a network Wiener filters, or not."""
    for module in network.modules():
        if isinstance(module, FourierOperator):
            module.conjugate = conjugate


def build_fusion(
    genotype: str | Genotype | RandomGenotype | None,
    search: SearchSpace | None,
    channels: int,
    num_res2_blocks: int = 4,
) -> nn.Module:
    """Return the fusion of a genotype, of a space to be searched, or the baseline; see `NASFENetwork`.

    Raises:
        ValueError: If there are both a genotype and a space to search.
    """
    if search is not None and genotype is not None:
        raise ValueError("a network is searched or has a genotype, not both")
    if search is not None:
        return SearchFusion(search, channels)
    if genotype is None:
        return Res2Fusion(channels, num_res2_blocks)
    if isinstance(genotype, RandomGenotype):
        genotype = random_genotype(genotype)
    elif isinstance(genotype, str):
        genotype = published_genotype(genotype) if genotype in PUBLISHED else load_genotype(genotype)
    return CellFusion(genotype, channels)


def pad_to_multiple(images: Tensor, multiple: int = _MULTIPLE) -> Tensor:
    """Mirror pictures at the right and below, so that both sides are multiples; of tiny ones the border is repeated.

    >>> pad_to_multiple(torch.zeros(1, 3, 17, 14)).shape
    torch.Size([1, 3, 24, 16])

    Args:
        images: (B,C,H,W).
        multiple: Of what both sides are to be multiples.
    """
    height, width = images.shape[-2:]
    below, right = -height % multiple, -width % multiple
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(images, (0, right, 0, below), mode=mode)


def identity_information(features: Tensor, references: Tensor | None, num_references: Tensor | None = None) -> Tensor:
    """Return a picture's features with the statistics of the person's clean pictures (AdaIN; equations 2 and 7).

    I = mean over i of sigma(C_i) (F - mu(F)) / sigma(F) + mu(C_i), mu and sigma per channel over the positions. The
    mean over references of a linear form is that of their mu and sigma.

    >>> features = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)  # mean 1, standard deviation 1
    >>> references = torch.tensor([4.0, 8.0]).view(1, 1, 1, 1, 2)  # mean 6, standard deviation 2
    >>> identity_information(features, references).flatten()
    tensor([4.0000, 8.0000])

    Args:
        features: float (B,C,h,w), of the degraded picture.
        references: float (B,n,C,h',w'), of clean pictures of the same person; None takes the picture itself for its
            reference, which leaves its features as they are.
        num_references: int64 (B,), how many of the n count, the first ones; None for all. A sample without any is its
            own reference.

    Returns:
        float (B,C,h,w).
    """
    if references is None:
        return features
    mean, std = _statistics(features)
    wanted_mean, wanted_std = _statistics(references)
    if num_references is None:
        wanted_mean, wanted_std = wanted_mean.mean(dim=1), wanted_std.mean(dim=1)
        return wanted_std * (features - mean) / std + wanted_mean
    counted = torch.arange(references.shape[1], device=references.device) < num_references[:, None]
    weights = (counted / num_references.clamp_min(1)[:, None])[..., None, None, None]
    wanted_mean, wanted_std = (weights * wanted_mean).sum(dim=1), (weights * wanted_std).sum(dim=1)
    information = wanted_std * (features - mean) / std + wanted_mean
    return torch.where((num_references > 0)[:, None, None, None], information, features)


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    mean = features.mean(dim=(-2, -1), keepdim=True)
    variance = features.var(dim=(-2, -1), keepdim=True, unbiased=False)
    return mean, (variance + _STD_EPS).sqrt()
