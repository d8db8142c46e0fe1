"""A picture of restored pictures beside their inputs and the clean ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from facequal.reports.png import png
from facequal.reports.results import write_atomically


def write_grid(path: Path, title: str, shown: Sequence[tuple[Mapping[str, Tensor], Sequence[float]]]) -> Path:
    """Draw one row per picture and one column per restoration, with its PSNR below it.

    Args:
        path: The PNG.
        title: What stands above.
        shown: For each row the pictures, float (3,H,W) in [0,1], by name, and the PSNR in dB of those that have one, in
            the same order.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    names = list(shown[0][0])
    height, width = next(iter(shown[0][0].values())).shape[-2:]
    figure = Figure(figsize=(1.5 * len(names), (1.5 * height / width + 0.25) * len(shown) + 0.5), layout="constrained")
    axes = figure.subplots(len(shown), len(names), squeeze=False)
    for row, (pictures, psnrs) in enumerate(shown):
        for column, (name, picture) in enumerate(pictures.items()):
            cell = axes[row, column]
            cell.imshow(picture.clamp(0.0, 1.0).permute(1, 2, 0).numpy(), interpolation="nearest")
            cell.set_xticks([])
            cell.set_yticks([])
            if column < len(psnrs):
                cell.set_xlabel(f"{psnrs[column]:.1f} dB", fontsize=8, labelpad=2)
            if row == 0:
                cell.set_title(name, fontsize=9)
    figure.suptitle(title, fontsize=10)
    return write_atomically(path, png(figure, dpi=110))
