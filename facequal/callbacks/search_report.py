"""Writes what a search has come to: the genotype, its drawing, the heat map of alpha."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from numpy.typing import NDArray

from facequal.evaluation.loggers import log_files, log_picture
from facequal.methods.nasfe.network.genotype import Genotype
from facequal.methods.nasfe.network.operators import OPERATORS
from facequal.methods.nasfe.search import NASFESearch
from facequal.reports.png import png
from facequal.reports.results import write_atomically
from facequal.reports.run_folder import run_folder

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GENOTYPE_FILE = "genotype.json"
PICTURES = ("cell.png", "alpha.png")
# Operators of one kind have one colour.
_COLOURS = {
    "skip": "0.55",
    **dict.fromkeys(("dil3", "dil5"), "tab:blue"),
    **dict.fromkeys(("sep3", "sep5"), "tab:cyan"),
    "attn": "tab:purple",
    "res2": "tab:green",
    "resop": "tab:orange",
    "deveil": "tab:olive",
    "fft": "tab:red",
}


class SearchReport(Callback):
    """The files `genotype.json`, `cell.png` and `alpha.png` in the folder of the run, after every epoch.

    Loggers that take images (W&B, TensorBoard) get both pictures as `search/cell` and `search/alpha`; W&B gets the
    files of the last epoch as an artifact of type `genotype`.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files.

        Raises:
            TypeError: If the method searches nothing.
        """
        if not isinstance(pl_module, NASFESearch):
            raise TypeError(f"SearchReport is for NASFESearch, not for {type(pl_module).__name__}")
        folder, genotype = run_folder(trainer), pl_module.derive()
        if not trainer.is_global_zero:
            return
        folder.mkdir(parents=True, exist_ok=True)
        genotype.save(folder / GENOTYPE_FILE, pl_module.derived_size(genotype))
        with torch.no_grad():
            probabilities = torch.cat(pl_module.fusion.operator_weights()).float().cpu().numpy()
            edges = torch.cat(pl_module.fusion.input_weights()).float().cpu().numpy()
        for name, figure in zip(PICTURES, (draw_cell(genotype), draw_alpha(probabilities, edges)), strict=True):
            path = write_atomically(folder / name, png(figure, dpi=120))
            log_picture(trainer, f"search/{path.stem}", path)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the genotype's operators and size, and log its files."""
        assert isinstance(pl_module, NASFESearch)
        folder, genotype = run_folder(trainer), pl_module.derive()
        counts = ", ".join(f"{number} {name}" for name, number in sorted(genotype.counts.items()))
        size = f"{pl_module.derived_size(genotype):.3f} M parameters"
        rank_zero_info(f"genotype: {folder / GENOTYPE_FILE}: {counts}; {size}")
        if trainer.is_global_zero:
            log_files(trainer, "genotype", [folder / name for name in (GENOTYPE_FILE, *PICTURES)])


def draw_cell(genotype: Genotype) -> "Figure":
    """Draw a cell from left to right: its two inputs, the blocks with their edges, and the concatenation of blocks."""
    from matplotlib.figure import Figure

    number = genotype.num_blocks
    figure = Figure(figsize=(max(6.0, 1.15 * number + 3.0), 5.0), layout="constrained")
    axes = figure.subplots()
    points = {0: (0.0, 0.6), 1: (0.0, -0.6)}
    points |= {block + 2: (1.3 + block, (-1.0) ** block * 0.75 * (1 + block % 4 // 2)) for block in range(number)}
    end = (1.8 + number, 0.0)
    for block, node in enumerate(genotype.nodes):
        for edge, (name, source) in enumerate(node):
            parallel = edge > 0 and source == node[0][1]  # bent the other way, so that both are seen
            _arrow(axes, points[source], points[block + 2], _COLOURS[name], name, -0.2 if parallel else 0.12)
        axes.plot(*zip(points[block + 2], end, strict=True), color="0.88", linewidth=0.8, zorder=0)
    labels = {0: "s0", 1: "s1"} | {block + 2: str(block) for block in range(number)}
    for key, (x, y) in points.items():
        axes.text(x, y, labels[key], ha="center", va="center", bbox={"boxstyle": "circle", "fc": "w"}, zorder=3)
    axes.text(*end, "concat", ha="center", va="center", rotation=90, bbox={"boxstyle": "round", "fc": "w"}, zorder=3)
    sources = "; ".join(f"cell {n}: s0 = {s0}, s1 = {s1}" for n, (s0, s1) in enumerate(genotype.cells, start=1))
    axes.set_title(f"{sources}  (0: the fusion's input)", fontsize=9)
    axes.set_xlim(-0.5, end[0] + 0.4)
    axes.set_ylim(-2.4, 2.4)
    axes.axis("off")
    return figure


def _arrow(
    axes: "Axes", start: tuple[float, float], end: tuple[float, float], colour: str, label: str, bend: float
) -> None:
    style = {"arrowstyle": "->", "connectionstyle": f"arc3,rad={bend}", "shrinkA": 9, "shrinkB": 9}
    axes.annotate("", end, start, arrowprops={**style, "color": colour})
    (x0, y0), (x1, y1) = start, end
    # a third of the way from the end, where arrows from one block have parted, and on the side it is bent to
    x, y = x0 + 0.66 * (x1 - x0) + 0.5 * bend * (y1 - y0), y0 + 0.66 * (y1 - y0) - 0.5 * bend * (x1 - x0)
    box = {"boxstyle": "round,pad=0.1", "fc": "w", "ec": "none", "alpha": 0.8}
    axes.text(x, y, label, fontsize=7, color=colour, ha="center", va="center", bbox=box, zorder=2)


def draw_alpha(probabilities: NDArray[np.floating], edge_weights: NDArray[np.floating]) -> "Figure":
    """Draw softmax(alpha) of every edge as a heat map, and beside it the weights of the edges within their blocks.

    Args:
        probabilities: (edges, 11).
        edge_weights: (edges,).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 1.5 + 0.085 * len(probabilities)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(len(OPERATORS), 2), sharey=True)
    image = left.imshow(probabilities, aspect="auto", cmap="viridis", vmin=0.0, interpolation="nearest")
    left.set_xticks(range(len(OPERATORS)), OPERATORS, rotation=90)
    starts = [first for block in range(len(probabilities)) if (first := block * (block + 3) // 2) < len(probabilities)]
    left.set_yticks(starts, [f"block {block}" for block in range(len(starts))], fontsize=7)
    left.set_title("softmax(alpha)", fontsize=9)
    right.imshow(np.asarray(edge_weights)[:, None], aspect="auto", cmap="magma", vmin=0.0, interpolation="nearest")
    right.set_xticks([0], ["edge"], rotation=90)
    figure.colorbar(image, ax=right)
    return figure
