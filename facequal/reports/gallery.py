"""A picture of the degradations: each part at three strengths, and all of them together."""

from pathlib import Path

import torch
from torch import Tensor

from facequal.degradations.base import Degradation, Params
from facequal.degradations.draws import Keys
from facequal.degradations.kernels import GAUSSIANS, KernelBank
from facequal.degradations.multi import KernelBlur, MultiDegradation
from facequal.degradations.sensor import LowLight, SensorNoise
from facequal.reports.png import png
from facequal.reports.results import write_atomically

STRENGTHS = ("weak", "medium", "strong")
_Row = tuple[str, list[tuple[str, Degradation, Params]]]


def gallery_rows(keys: Keys) -> list[_Row]:
    """Return rows of the gallery: a part's name, and for three strengths a label, the degradation and its parameters.

    Every other draw (camera, mosaic, noise) is the same in a row, so that strengths can be compared.

    Args:
        keys: Names the draws of B images.
    """

    def row(name: str, degradation: Degradation, values: list[tuple[str, dict[str, float]]]) -> _Row:
        drawn = degradation.sample(keys)
        cells = []
        for label, chosen in values:
            fixed = {key: torch.full_like(drawn[key], value) for key, value in chosen.items()}
            cells.append((label, degradation, drawn | fixed))
        return name, cells

    # One trajectory in three sizes, then three Gaussians: standard deviations along their axes, and the angle.
    motion = [KernelBlur(KernelBank(1, "none", seed=4, sizes_px=(size,))) for size in (13, 19, 27)]
    blurs: list[tuple[str, Degradation, Params]] = [
        (f"{size} px", part, part.sample(keys)) for size, part in zip((13, 19, 27), motion, strict=True)
    ]
    gaussians = KernelBlur(KernelBank(0, "test"))
    shapes = [(n, GAUSSIANS["test"][n]) for n in (0, 1, 9)]
    multi = MultiDegradation({"BNL": 1}, KernelBank(3, "none", seed=4, sizes_px=(13, 19, 27)))
    levels = (("weak", 0, 0.4, 0.03, 0.01), ("medium", 1, 0.2, 0.08, 0.03), ("strong", 2, 0.08, 0.14, 0.05))
    return [
        ("motion blur", blurs),
        row("Gaussian blur", gaussians, [(f"{a:g}, {b:g} px, {d:g}°", {"kernel_id": n}) for n, (d, a, b) in shapes]),
        row("noise", SensorNoise(), [(f"{s:g}, {c:g}", {"sigma_s": s, "sigma_c": c}) for _, _, _, s, c in levels]),
        row("low light", LowLight(), [(f"r = {r:g}", {"r": r}) for _, _, r, _, _ in levels]),
        row(
            "all three",
            multi,
            [(name, {"kernel_id": k, "r": r, "sigma_s": s, "sigma_c": c}) for name, k, r, s, c in levels],
        ),
    ]


def write_gallery(path: Path, images: Tensor, seed: int = 0) -> Path:
    """Draw images under each part at three strengths.

    Args:
        path: The PNG.
        images: float32 RGB (B,3,H,W) in [0,1], at least 27 pixels wide and high; each gets four columns.
        seed: Seed of the draws.

    Returns:
        The path.

    Raises:
        ValueError: If the images are smaller than the kernels.
    """
    from matplotlib.figure import Figure

    rows = gallery_rows(Keys(torch.arange(len(images)), seed=seed))
    height, width = images.shape[-2:]
    columns = len(images) * (1 + len(STRENGTHS))
    figure = Figure(figsize=(1.4 * columns, (1.4 * height / width + 0.3) * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, cells) in enumerate(rows):
        degraded = [degradation.apply_drawn(images, params) for _, degradation, params in cells]
        for number, clean in enumerate(images):
            first = number * (1 + len(STRENGTHS))
            shown = [("clean", clean), *[(cell[0], batch[number]) for cell, batch in zip(cells, degraded, strict=True)]]
            for column, (label, picture) in enumerate(shown):
                cell = axes[line, first + column]
                cell.imshow(picture.permute(1, 2, 0).numpy(), interpolation="nearest")
                cell.set(xticks=[], yticks=[])
                cell.set_xlabel(label, fontsize=8, labelpad=2)
        axes[line, 0].set_ylabel(name, fontsize=9)
    return write_atomically(path, png(figure, dpi=110))
