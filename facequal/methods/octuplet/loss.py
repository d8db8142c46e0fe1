"""Octuplet loss: four triplet terms over high- and low-resolution embeddings, with the hardest pairs of the batch."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from facequal.choices import require_choice

Distance = Literal["euclidean", "squared", "cosine"]
Term = Literal["hhh", "hll", "lhh", "lll"]
TERMS: tuple[Term, ...] = get_args(Term)


class OctupletOutput(NamedTuple):
    """What the octuplet loss of a batch consists of.

    Attributes:
        loss: Sum of the terms, a scalar.
        terms: Mean triplet loss of each term, scalars.
        active: Share of the triplets with a loss above 0, over all terms, a scalar in [0, 1] without gradient.
        num_anchors: Anchors of each term: embeddings that have a positive and a negative, int64 scalar.
    """

    loss: Tensor
    terms: dict[Term, Tensor]
    active: Tensor
    num_anchors: Tensor


class OctupletLoss(nn.Module):
    """The octuplet loss of a batch, with what it consists of.

    From Knoche et al., "Octuplet Loss: Make Face Recognition Robust to Image Resolution" (FG 2023).

    A term is the mean over its anchors A of

        max(0, max_P d(A, P) - min_N d(A, N) + m)

    with positives P of the same identity and negatives N of others; the loss is the sum of the terms. Their names tell
    the resolutions of A, P and N: "hhh" takes all three from high resolution, "hll" sets high-resolution anchors
    against low-resolution images, "lhh" the reverse, "lll" takes all from low resolution. An image and its own
    low-resolution version are neither positive nor negative to each other (Eq. 1 has P other than A).

    The distances of all terms are read off one matrix over the 2B embeddings. The hardest pairs are found without
    gradient, and only theirs are differentiated. Anchors without a positive or without a negative are left out of the
    mean. The released code lets them take part with a distance of 0; on batches of two images per identity that is the
    same. Its PyTorch version has no gradient but for the cosine; here every distance has its true one. Two embeddings
    nearer to each other than rounding can tell, about 1e-3 of their length in float32, have a distance and a gradient
    of 0.

    >>> hr = torch.tensor([[0.0], [2.0], [10.0], [12.0]], dtype=torch.float64)  # two people, two images each
    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> OctupletLoss(margin=25.0, terms=["hhh"])(hr, hr, labels).loss  # mean of 2 - 10 + 25, 2 - 8 + 25, twice
    tensor(18., dtype=torch.float64)

    Args:
        margin: m, in the unit of the distance. The paper: 25, Euclidean, features that are not normalised.
        distance: "euclidean" |a - b|, "squared" |a - b|^2, or "cosine" 1 - cos(a, b).
        normalize: Bring embeddings to unit length first. The cosine does not depend on it.
        terms: Which terms to sum.

    Raises:
        ValueError: If the margin is negative or not finite, the distance is unknown, or terms are unknown, repeated or
            none.
    """

    def __init__(
        self,
        margin: float = 25.0,
        distance: Distance = "euclidean",
        normalize: bool = False,
        terms: Sequence[Term] = TERMS,
    ) -> None:
        super().__init__()
        if not 0 <= margin < math.inf:
            raise ValueError(f"margin must be a number of at least 0, got {margin}")
        require_choice("distance", distance, Distance)
        if not terms or not set(terms) <= set(TERMS) or len(set(terms)) < len(terms):
            raise ValueError(f"terms must be one or more different ones of {TERMS}, got {tuple(terms)}")
        self.margin, self.distance, self.normalize = margin, distance, normalize
        self.terms: tuple[Term, ...] = tuple(terms)

    def forward(self, hr: Tensor, lr: Tensor, labels: Tensor) -> OctupletOutput:
        """Return loss, terms and statistics of a batch; float32, or float64 for float64 embeddings.

        A batch with one identity only, or without a second image of any, gives a loss of 0 that still has its graph. An
        embedding that is not finite gives a NaN loss.

        Args:
            hr: (B, D) float, embeddings of the high-resolution images. Half precision is raised to float32.
            lr: (B, D) float, embeddings of their low-resolution versions, row by row.
            labels: (B,) integer identities.

        Raises:
            TypeError: If embeddings are not floating point, or labels are not integers.
            ValueError: If the shapes are not (B, D), (B, D) and (B,) with B of at least 1.
        """
        _check_batch(hr, lr, labels)
        # Whatever autocast is active: half-precision products would lose the distances of near embeddings.
        with torch.autocast(hr.device.type, enabled=False):
            hr, lr = (x.float() if x.itemsize < 4 else x for x in (hr, lr))  # (B, D) each
            if self.normalize or self.distance == "cosine":
                hr, lr = F.normalize(hr), F.normalize(lr)
            products = inner_products(hr, lr)  # (2B, 2B)
            squares = torch.cat((hr.square().sum(1), lr.square().sum(1)))  # (2B,): |a|^2
            # Mining by term: max_P d(A, P) to the farthest positive, min_N d(A, N) to the nearest negative
            chosen = hardest_pairs(products.detach(), squares.detach(), labels, self.terms)
            to_positive = _distances(products, squares, chosen.anchors, chosen.positives, self.distance)  # (T, B)
            to_negative = _distances(products, squares, chosen.anchors, chosen.negatives, self.distance)  # (T, B)
        losses = torch.where(chosen.usable, F.relu(to_positive - to_negative + self.margin), 0.0)  # (T, B)
        num_anchors = chosen.usable.sum()
        means = losses.sum(1) / num_anchors.clamp_min(1)  # (T,)
        loss = torch.where(squares.isfinite().all(), means.sum(), torch.nan)
        active = (losses.detach() > 0).sum() / (num_anchors * len(self.terms)).clamp_min(1)
        return OctupletOutput(loss, dict(zip(self.terms, means, strict=True)), active, num_anchors)


def inner_products(hr: Tensor, lr: Tensor) -> Tensor:
    """Return the inner products of all embeddings with one another, (2B, 2B), high resolution first.

    The block of high with low resolution is computed once and transposed for the other corner, and the embeddings are
    not copied into one tensor: on small batches they are larger than the matrix.
    """
    across = hr @ lr.T
    return torch.cat((torch.cat((hr @ hr.T, across), 1), torch.cat((across.T, lr @ lr.T), 1)))


class HardestPairs(NamedTuple):
    """Rows of the 2B embeddings, int64 (T, B), one line per term, and which anchors count, bool (B,)."""

    anchors: Tensor
    positives: Tensor
    negatives: Tensor
    usable: Tensor


def hardest_pairs(products: Tensor, squares: Tensor, labels: Tensor, terms: Sequence[Term]) -> HardestPairs:
    """Return the farthest positive and the nearest negative of every anchor of every term.

    >>> hr, lr = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([[0.5], [3.0], [4.0]])
    >>> labels = torch.tensor([0, 0, 1])
    >>> squares = torch.cat((hr, lr)).square().sum(1)
    >>> pairs = hardest_pairs(inner_products(hr, lr), squares, labels, ["hll"])  # rows 3 to 5 are of low resolution
    >>> pairs.anchors[:, :2], pairs.positives[:, :2], pairs.negatives[:, :2], pairs.usable
    (tensor([[0, 1]]), tensor([[4, 3]]), tensor([[5, 5]]), tensor([ True,  True, False]))

    Args:
        products: (2B, 2B) inner products of the embeddings, high resolution first.
        squares: (2B,) their squared lengths.
        labels: (B,) identities.
        terms: T terms.

    Returns:
        The pairs. Those of an anchor without a positive or a negative are arbitrary, and it is not `usable`.
    """
    batch = len(labels)
    same = labels[:, None] == labels
    positive = same.clone().fill_diagonal_(False)
    # |a - b|^2 but for |a|^2, which is the same along a row: enough to tell which is nearest and farthest.
    order = (squares - 2 * products).view(2, batch, 2, batch)
    nearest = order.masked_fill(same[:, None], math.inf).argmin(-1)
    farthest = order.masked_fill_(~positive[:, None], -math.inf).argmax(-1)
    # Both are indexed by the anchors' side, the anchor, and the side of the others.
    sides = [("hl".index(term[0]), "hl".index(term[1])) for term in terms]
    rows = torch.arange(batch, device=labels.device)
    return HardestPairs(
        anchors=torch.stack([rows + batch * anchor for anchor, _ in sides]),
        positives=torch.stack([farthest[anchor, :, other] + batch * other for anchor, other in sides]),
        negatives=torch.stack([nearest[anchor, :, other] + batch * other for anchor, other in sides]),
        usable=positive.any(1) & ~same.all(1),
    )


def _distances(products: Tensor, squares: Tensor, first: Tensor, second: Tensor, distance: Distance) -> Tensor:
    """Return distances of chosen pairs of embeddings, in the shape of `first` and `second`."""
    inner = products[first, second]
    if distance == "cosine":
        return 1 - inner
    lengths = squares[first] + squares[second]
    squared = lengths - 2 * inner
    # What is left of two equal embeddings is rounding: their distance is 0, and so is its gradient.
    equal = squared <= 16 * torch.finfo(squared.dtype).eps * lengths
    squared = squared.masked_fill(equal, 1.0)
    return (squared.sqrt() if distance == "euclidean" else squared).masked_fill(equal, 0.0)


def _check_batch(hr: Tensor, lr: Tensor, labels: Tensor) -> None:
    if hr.ndim != 2 or hr.shape != lr.shape or len(hr) == 0:
        raise ValueError(f"hr and lr must both be (B, D) with B >= 1, got {tuple(hr.shape)} and {tuple(lr.shape)}")
    if labels.shape != hr.shape[:1]:
        raise ValueError(f"labels must be (B,) = ({len(hr)},), got {tuple(labels.shape)}")
    if not hr.is_floating_point() or not lr.is_floating_point():
        raise TypeError(f"embeddings must be floating point, got {hr.dtype} and {lr.dtype}")
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels must be integers, got {labels.dtype}")
