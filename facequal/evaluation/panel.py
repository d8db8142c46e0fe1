"""A picture of what the figures mean: pairs of a test, the second image at every resolution, and the decision."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facequal.data.protocols.pairs import VerificationPairs
from facequal.data.views import resolution_views
from facequal.metrics.verification import kfold_accuracy, pair_scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RIGHT, WRONG = "#2a7f3f", "#c0392b"


def write_panel(path: Path, pair_list: VerificationPairs, views: dict[int, Tensor], num_rows: int) -> Path:
    """Draw pairs as rows and resolutions as columns; a frame tells whether the decision is right.

    The second image of each pair is shown at every resolution, under it its cosine similarity to the first, clean
    one, and the threshold: the mean over the folds of the best one for that column.

    Args:
        path: The PNG.
        pair_list: A list of pairs.
        views: Embeddings (N,D) by resolution in pixels; the largest is the clean one.
        num_rows: Pairs to show, taken at even distances from the list, genuine ones first.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    chosen = spread(pair_list.is_same, num_rows)
    columns = sorted(views)
    figure = Figure(figsize=(1.25 * (len(columns) + 1), 1.5 * len(chosen) + 0.5), layout="constrained")
    axes = figure.subplots(len(chosen), len(columns) + 1, squeeze=False)
    decisions = {px: column_decisions(pair_list, views[max(views)], views[px]) for px in columns}
    for row, pair in enumerate(chosen):
        first, second = (pair_list.images[int(image)]["image"] for image in pair_list.pairs[pair])
        show(axes[row, 0], first, "same" if pair_list.is_same[pair] else "different", "black")
        for number, px in enumerate(columns, start=1):
            cosines, threshold, right = decisions[px]
            text = f"{cosines[pair]:+.2f} ({threshold:+.2f})"
            show(axes[row, number], at_resolution(second, px), text, RIGHT if right[pair] else WRONG)
    for number, px in enumerate(columns, start=1):
        axes[0, number].set_title(f"{px} px", fontsize=9)
    axes[0, 0].set_title("first image", fontsize=9)
    figure.suptitle(f"{pair_list.name}: cosine similarity (threshold), green is decided right", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    return path


def spread(is_same: NDArray[np.bool_], num_rows: int) -> list[int]:
    """Return positions of genuine and of different pairs, half of each, at even distances.

    >>> spread(np.array([True, True, True, False, False, False]), num_rows=4)
    [0, 2, 3, 5]
    """
    positions: list[int] = []
    for group, count in (
        (np.flatnonzero(is_same), (num_rows + 1) // 2),
        (np.flatnonzero(~np.asarray(is_same)), num_rows // 2),
    ):
        positions += group[np.linspace(0, len(group) - 1, min(count, len(group))).astype(int)].tolist()
    return positions


def column_decisions(
    pair_list: VerificationPairs, clean: Tensor, view: Tensor
) -> tuple[NDArray[np.float64], float, NDArray[np.bool_]]:
    """Return the cosines of all pairs, the threshold as a cosine, and whether each decision is right."""
    pairs = torch.from_numpy(np.array(pair_list.pairs))
    is_same = torch.from_numpy(np.array(pair_list.is_same))
    scores = pair_scores(clean[pairs[:, 0]], view[pairs[:, 1]])
    folds = kfold_accuracy(scores, is_same, pair_list.folds, "exact")
    threshold = 1.0 - float(folds.thresholds.mean()) / 2.0  # d = 2 - 2 cos
    return scores.numpy(), threshold, ((scores > threshold) == is_same).numpy()


def at_resolution(image: Tensor, px: int) -> Tensor:
    """Show an image (3,H,W) uint8 as the network saw it at a resolution."""
    batch = {
        "image": image[None],
        "label": torch.zeros(1, dtype=torch.int64),
        "index": torch.zeros(1, dtype=torch.int64),
    }
    seen: Tensor = resolution_views(batch, [px])["image"][0]
    return (seen * 255).round().clamp(0, 255).to(torch.uint8)


def show(axes: "Axes", image: Tensor, text: str, colour: str) -> None:
    """Draw one image with a text below and a coloured frame."""
    axes.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(text, fontsize=8, color=colour, labelpad=2)
    for spine in axes.spines.values():
        spine.set_color(colour)
        spine.set_linewidth(2)
