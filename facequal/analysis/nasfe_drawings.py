"""Pictures of a search: the cell it led to, and how sure it is of every edge."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facequal.models.nasfe.genotype import Genotype
from facequal.models.nasfe.operators import OPERATORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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


def draw_cell(genotype: Genotype) -> "Figure":
    """A cell from left to right: its two inputs, the blocks with their edges, and the concatenation of all blocks."""
    from matplotlib.figure import Figure

    number = genotype.num_blocks
    figure = Figure(figsize=(max(6.0, 1.15 * number + 3.0), 5.0), layout="constrained")
    axes = figure.subplots()
    places = {0: (0.0, 0.6), 1: (0.0, -0.6)}
    places |= {block + 2: (1.3 + block, (-1.0) ** block * 0.75 * (1 + block % 4 // 2)) for block in range(number)}
    end = (1.8 + number, 0.0)
    for block, node in enumerate(genotype.nodes):
        for edge, (name, source) in enumerate(node):
            parallel = edge > 0 and source == node[0][1]  # bent the other way, so that both are seen
            _arrow(axes, places[source], places[block + 2], _COLOURS[name], name, -0.2 if parallel else 0.12)
        axes.plot(*zip(places[block + 2], end, strict=True), color="0.88", linewidth=0.8, zorder=0)
    labels = {0: "s0", 1: "s1"} | {block + 2: str(block) for block in range(number)}
    for key, (x, y) in places.items():
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
    """softmax(alpha) of every edge as a heat map, and beside it the weights of the edges within their blocks.

    Args:
        probabilities: (edges, 11).
        edge_weights: (edges,).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 1.5 + 0.085 * len(probabilities)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(len(OPERATORS), 2), sharey=True)
    image = left.imshow(probabilities, aspect="auto", cmap="viridis", vmin=0.0, interpolation="nearest")
    left.set_xticks(range(len(OPERATORS)), OPERATORS, rotation=90)
    first, starts = 0, []
    for number in range(2, len(probabilities) + 2):
        starts.append(first)
        first += number
        if first >= len(probabilities):
            break
    left.set_yticks(starts, [f"block {block}" for block in range(len(starts))], fontsize=7)
    left.set_title("softmax(alpha)", fontsize=9)
    right.imshow(np.asarray(edge_weights)[:, None], aspect="auto", cmap="magma", vmin=0.0, interpolation="nearest")
    right.set_xticks([0], ["edge"], rotation=90)
    figure.colorbar(image, ax=right)
    return figure
