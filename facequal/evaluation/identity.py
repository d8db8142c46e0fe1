"""Whether restored pictures still show the same person, by a recogniser that knows nothing of the restoration."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from facequal.data.protocols.photos import RealPhotos
from facequal.data.protocols.restoration import DegradedSet
from facequal.data.source import FaceSource
from facequal.data.views import to_unit_range
from facequal.models.backbones import Backbone
from facequal.pretrained.frozen import FaceEmbedder

_AT_ONCE = 64


class IdentityJudge:
    """A recogniser, and what it makes of the galleries and references of protocols: embedded once, then kept.

    Args:
        backbone: The recogniser's network.
        weights: Its checkpoint.
        colour_order: Colour order of the weights, where the file does not say.

    Attributes:
        name: Network, file and the beginning of the file's SHA-256, as results name them.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the weights do not fit.
    """

    def __init__(self, backbone: Backbone, weights: str, colour_order: str | None = None) -> None:
        self.embedder = FaceEmbedder(backbone, weights, colour_order)
        # Most checkpoints are called last.ckpt.
        digest = hashlib.sha256(Path(weights).read_bytes()).hexdigest()
        self.name = f"{type(backbone).__name__} {Path(weights).name} {digest[:8]}"
        self._galleries: dict[DegradedSet, tuple[Tensor, Tensor]] = {}
        self._references: dict[RealPhotos, Tensor] = {}

    def embed(self, pictures: Tensor) -> Tensor:
        """Return unit embeddings (B,D) of RGB pictures (B,3,H,W) in [0,1]."""
        embeddings: Tensor = self.embedder.to(pictures.device)(pictures)
        return embeddings

    def gallery(self, protocol: DegradedSet, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return unit embeddings (G,D) of the set's gallery and its people, int64 (G,)."""
        if protocol not in self._galleries:
            people = torch.as_tensor(protocol.faces.labels[protocol.gallery], device=device)
            self._galleries[protocol] = self._embed_source(protocol.faces, protocol.gallery.tolist(), device), people
        return self._galleries[protocol]

    def mean_references(self, protocol: RealPhotos, device: torch.device) -> Tensor:
        """Return the mean embedding of each person's references (P,D), NaN for people without any.

        It is not normalised: its product with an embedding is the mean of the cosines.
        """
        if protocol not in self._references:
            assert protocol.references is not None
            labels = torch.as_tensor(protocol.reference_labels, device=device)
            used = (labels >= 0).nonzero().squeeze(1)
            embeddings = self._embed_source(protocol.references, used.tolist(), device)
            num_people = len(protocol.images.classes)
            sums = embeddings.new_zeros(num_people, embeddings.shape[1]).index_add_(0, labels[used], embeddings)
            self._references[protocol] = sums / torch.bincount(labels[used], minlength=num_people)[:, None]
        return self._references[protocol]

    def _embed_source(self, source: FaceSource, indices: list[int], device: torch.device) -> Tensor:
        embeddings = [torch.zeros(0, self.embedder.backbone.embedding_dim, device=device)]
        for start in range(0, len(indices), _AT_ONCE):
            images = [source[index]["image"] for index in indices[start : start + _AT_ONCE]]
            same = len({image.shape for image in images}) == 1
            parts = [torch.stack(images)] if same else [image[None] for image in images]
            embeddings += [self.embed(to_unit_range(part.to(device))) for part in parts]
        return torch.cat(embeddings)
