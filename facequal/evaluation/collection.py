"""Embeddings of a whole data set from the outputs of its batches, over all ranks, each image once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from lightning.pytorch import Trainer
from torch import Tensor

_Shown = TypeVar("_Shown")

COLLECTED = ("embedding", "norm", "index", "view", "label")


class OutputCollector:
    """Rows of step outputs, kept on the CPU."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Tensor]] = []

    def add(self, output: Mapping[str, Tensor]) -> None:
        """Add the output of one step: `embedding` (B,D), `norm` (B,1), and the columns of `COLLECTED` it has."""
        self.batches.append({name: output[name].detach().cpu() for name in COLLECTED if name in output})

    def gather(self, trainer: Trainer) -> dict[str, Tensor]:
        """Return all rows of all ranks, sorted by view and index, without the repeats that fill up uneven splits.

        Returns:
            `embedding` float32 (N,D), `norm` float32 (N,1), and the int64 columns (N,).

        Raises:
            ValueError: If no batch was added.
        """
        if not self.batches:
            raise ValueError("no batch was evaluated: the data set is empty, or the batches are limited to 0")
        rows = gather_batches(self.batches, trainer)
        return {name: values.float() if values.is_floating_point() else values for name, values in rows.items()}


def gather_batches(batches: Sequence[Mapping[str, Tensor]], trainer: Trainer) -> dict[str, Tensor]:
    """Return the rows of all batches of all ranks, each (view, index) once and sorted by them.

    Args:
        batches: What was kept of each batch on this rank, at least one: rows by name with `index` among them.
        trainer: Knows the ranks.
    """
    rows = {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
    if trainer.world_size > 1:
        rows = {name: gather_rows(trainer, values) for name, values in rows.items()}
    return drop_repeats(rows)


def gather_once(batches: Sequence[Mapping[str, Tensor]], trainer: Trainer, num: int, source: str) -> dict[str, Tensor]:
    """Return the rows of all batches of all ranks, each index once and in order.

    Args:
        batches: What was kept of each batch, rows by name with `index` among them.
        trainer: Knows the ranks.
        num: Rows there must be.
        source: What they are rows of, for the message.

    Raises:
        ValueError: If rows are missing.
    """
    if not batches:
        raise ValueError(f"{source}: no batch was evaluated")
    rows = gather_batches(batches, trainer)
    if len(rows["index"]) != num:
        raise ValueError(f"{source}: {len(rows['index'])} of {num} pictures were evaluated")
    return rows


def gather_shown(shown: Mapping[int, _Shown], trainer: Trainer) -> dict[int, _Shown]:
    """Gather what all ranks keep to be shown, by the number of the picture."""
    if trainer.world_size == 1:
        return dict(shown)
    gathered: list[dict[int, _Shown]] = [{} for _ in range(trainer.world_size)]
    torch.distributed.all_gather_object(gathered, dict(shown))
    return {number: pictures for part in gathered for number, pictures in part.items()}


def gather_rows(trainer: Trainer, rows: Tensor) -> Tensor:
    """Gather the rows of all ranks in rank order, on the CPU; all ranks hold equally many, by the sampler."""
    local = rows.to(trainer.strategy.root_device)
    gathered = [torch.empty_like(local) for _ in range(trainer.world_size)]
    torch.distributed.all_gather(gathered, local)
    return torch.cat(gathered).cpu()


def drop_repeats(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Keep the first row of each (view, index), sorted by them.

    >>> drop_repeats({"index": torch.tensor([1, 0, 1]), "norm": torch.tensor([20.0, 30.0, 21.0])})
    {'index': tensor([0, 1]), 'norm': tensor([30., 20.])}
    """
    index = rows["index"]
    view = rows.get("view", torch.zeros_like(index))
    rank = view * (int(index.max()) + 1) + index
    kept = torch.from_numpy(np.unique(rank.numpy(), return_index=True)[1])
    return {name: values[kept] for name, values in rows.items()}


class Views(NamedTuple):
    """What a set of N images was embedded to, by view; row i belongs to image i.

    Attributes:
        embeddings: (N, D) float32 of each view.
        norms: (N,) float32 of each view, the lengths before normalisation.
    """

    embeddings: dict[int, Tensor]
    norms: dict[int, Tensor]


def split_views(rows: Mapping[str, Tensor], num_images: int, source: str) -> Views:
    """Part embeddings and norms by view.

    Args:
        rows: Gathered rows, sorted by view and index.
        num_images: Images that every view must hold.
        source: What the images are, for the message.

    Raises:
        ValueError: If a view misses images, as when the batches are limited.
    """
    views = Views({}, {})
    for view in sorted(set(rows["view"].tolist())):
        chosen = rows["view"] == view
        if not torch.equal(rows["index"][chosen], torch.arange(num_images)):
            raise ValueError(f"{source}: {int(chosen.sum())} of {num_images} images were embedded at {view} px")
        views.embeddings[view], views.norms[view] = rows["embedding"][chosen], rows["norm"][chosen].flatten()
    return views
