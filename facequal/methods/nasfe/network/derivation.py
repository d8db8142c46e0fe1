"""From what a search learnt to a genotype, and what to watch on the way there."""

import math
from typing import Any

import torch
from torch import Tensor

from facequal.methods.nasfe.network.genotype import NUM_EDGES, Edge, Genotype
from facequal.methods.nasfe.network.operators import OPERATORS
from facequal.methods.nasfe.network.supernet import SearchFusion

_NONE, _SKIP = OPERATORS.index("none"), OPERATORS.index("skip")


@torch.no_grad()
def derive_genotype(fusion: SearchFusion, max_skips: int | None = 2, **source: Any) -> Genotype:
    """Return the genotype that a search has come to.

    It has the two strongest edges of every block, each with its strongest operator, and the strongest source of every
    port.
    An edge is as strong as w_ij max_o p_o over all operators but "none", which is never taken. Searches tend to end in
    skips alone; of more than `max_skips` in the cell the strongest stay, and the others take their next operator. The
    two ports of a cell take different sources where there are two.

    Args:
        fusion: The searched network.
        max_skips: Skips of a cell at most; None for any number.
        source: What the genotype says of where it is from, such as run, epoch and seed.

    Returns:
        The genotype, with the statistics of `search_statistics` as its score.

    Raises:
        ValueError: If `max_skips` is negative.
    """
    if max_skips is not None and max_skips < 0:
        raise ValueError(f"max_skips must be at least 0 or None, got {max_skips}")
    nodes: list[list[tuple[int, int]]] = []  # (operator, input)
    skips: list[tuple[float, int, int]] = []  # (strength, block, edge)
    for number, (weights, inputs) in enumerate(zip(fusion.operator_weights(), fusion.input_weights(), strict=True)):
        allowed = weights.clone()
        allowed[:, _NONE] = -1.0
        strongest, operator = allowed.max(dim=1)
        strength = strongest * inputs
        chosen = sorted(strength.argsort(descending=True, stable=True)[:NUM_EDGES].tolist())
        nodes.append([(int(operator[edge]), edge) for edge in chosen])
        skips += [(float(strength[e]), number, k) for k, e in enumerate(chosen) if int(operator[e]) == _SKIP]
    if max_skips is not None:
        for _, number, k in sorted(skips, reverse=True)[max_skips:]:
            _, edge = nodes[number][k]
            others = fusion.operator_weights()[number][edge].clone()
            others[[_NONE, _SKIP]] = -1.0
            nodes[number][k] = (int(others.argmax()), edge)
    return Genotype(
        nodes=tuple(tuple(_edge(operator, edge) for operator, edge in node) for node in nodes),
        cells=tuple(_sources(fusion.source_weights(cell)) for cell in range(fusion.space.cells)),
        channels=fusion.space.channels,
        score=search_statistics(fusion),
        source=source,
    )


@torch.no_grad()
def search_statistics(fusion: SearchFusion) -> dict[str, float]:
    """Return how far a search is, and whether it collapses.

    Args:
        fusion: The network that is searched.

    Returns:
        `entropy`: mean entropy of softmax(alpha) over the edges, 1 when nothing is known yet; `edge_entropy`: the same
        of the blocks' inputs; `max_probability`: mean of the strongest operators' probabilities; `skip_fraction`: share
        of edges whose strongest operator (but "none") is the skip; `share/OPERATOR`: mean probability of each.
    """
    probabilities = torch.cat(fusion.operator_weights())
    without_none = probabilities.clone()
    without_none[:, _NONE] = -1.0
    edges = torch.stack([_entropy(weights) for weights in fusion.input_weights()])
    statistics = {
        "entropy": float(_entropy(probabilities).mean()),
        "edge_entropy": float(edges.mean()),
        "max_probability": float(probabilities.amax(dim=1).mean()),
        "skip_fraction": float((without_none.argmax(dim=1) == _SKIP).float().mean()),
    }
    shares = probabilities.mean(dim=0).tolist()
    return {**statistics, **{f"share/{name}": share for name, share in zip(OPERATORS, shares, strict=True)}}


def has_collapsed(statistics: dict[str, float], limit: float = 0.5) -> bool:
    """Return whether more edges than a limit have come to prefer the skip, as in degenerate searches.

    >>> has_collapsed({"skip_fraction": 0.6}), has_collapsed({"skip_fraction": 0.4})
    (True, False)

    Args:
        statistics: Of `search_statistics`.
        limit: Share of the edges in [0, 1].
    """
    return statistics["skip_fraction"] > limit


def _entropy(probabilities: Tensor) -> Tensor:
    """Return the entropy over the last axis, as a share of the largest possible."""
    entropy: Tensor = -torch.special.xlogy(probabilities, probabilities).sum(-1)
    return entropy / math.log(probabilities.shape[-1])


def _edge(operator: int, edge: int) -> Edge:
    return OPERATORS[operator], edge


def _sources(weights: Tensor) -> tuple[int, int]:
    """Return the strongest source of each port (2,S); the weaker port yields where both would take the same one."""
    s0, s1 = (int(port.argmax()) for port in weights)
    if s0 != s1 or weights.shape[1] == 1:
        return s0, s1
    yields = int(weights[0, s0] > weights[1, s1])
    others = weights[yields].clone()
    others[s0] = -1.0
    other = int(others.argmax())
    return (s0, other) if yields else (other, s1)
