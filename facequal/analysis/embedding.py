"""Embeddings of some faces, as they are or degraded, for pictures of what a recogniser does."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from facequal.analysis.similarities import Similarities, similarities
from facequal.data.source import FaceSource
from facequal.data.views import training_views
from facequal.degradations.base import Degradation
from facequal.degradations.resolution import Resolution
from facequal.methods.recognition.base import EmbeddingMethod

_AT_ONCE = 64


class Embedded(NamedTuple):
    """N faces as a recogniser sees them.

    Attributes:
        embeddings: (N,D) of unit length.
        norms: (N,) of the features.
        labels: int64 (N,).
        drawn: What the degradation drew, (N,...) by name.
    """

    embeddings: Tensor
    norms: Tensor
    labels: Tensor
    drawn: dict[str, Tensor]


@torch.no_grad()
def embed_faces(
    method: EmbeddingMethod,
    source: FaceSource,
    indices: Sequence[int] | None = None,
    degradation: Degradation | None = None,
    seed: int = 0,
) -> Embedded:
    """Embed faces of a source as evaluation does, on the device of the method; all results are on the CPU.

    Args:
        method: The recogniser; it is left in evaluation mode.
        source: The faces.
        indices: Which of them; None takes all.
        degradation: What happens to them before.
        seed: Seed of its draws.

    Raises:
        ValueError: If no face is asked for.
    """
    indices = range(len(source)) if indices is None else indices
    if not len(indices):
        raise ValueError("no face to embed: indices is empty")
    method.eval()
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    draws: list[dict[str, Tensor]] = []
    for start in range(0, len(indices), _AT_ONCE):
        items = [source[index] for index in indices[start : start + _AT_ONCE]]
        batch = {"image": torch.stack([item["image"] for item in items]).to(method.device)}
        batch |= {
            name: torch.tensor([item[name] for item in items], device=method.device) for name in ("label", "index")
        }
        views = training_views(batch, seed=seed, epoch=0, degradation=degradation)
        embeddings, norms = method(views["lq"])
        parts.append((embeddings.cpu(), norms.squeeze(1).cpu(), batch["label"].cpu()))
        draws.append(views["degradation"])
    drawn = {name: torch.cat([part[name].cpu() for part in draws]) for name in draws[0]}
    embeddings, norms, labels = (torch.cat([part[number] for part in parts]) for number in range(3))
    return Embedded(embeddings, norms, labels, drawn)


def similarities_by_resolution(
    method: EmbeddingMethod, source: FaceSource, sizes_px: Sequence[int]
) -> dict[str, Similarities]:
    """Compare small probes with a sharp gallery, by their size ("7 px"): for `draw_similarities`.

    The gallery holds the first image of every person as it is; all others are probes, at each size in turn. People with
    one image are in the gallery alone.

    Args:
        method: The recogniser; it is left in evaluation mode.
        source: The faces.
        sizes_px: Sizes of the probes' shorter sides in pixels.

    Raises:
        ValueError: If there is one person, or nobody with two images.
    """
    labels = source.labels.tolist()
    first = {label: index for index, label in reversed(list(enumerate(labels)))}
    gallery = embed_faces(method, source, sorted(first.values()))
    others = [index for index, label in enumerate(labels) if first[label] != index]
    by_size = {}
    for size_px in sizes_px:
        probes = embed_faces(method, source, others, Resolution([size_px]))
        by_size[f"{size_px} px"] = similarities(probes.embeddings, probes.labels, gallery.embeddings, gallery.labels)
    return by_size
