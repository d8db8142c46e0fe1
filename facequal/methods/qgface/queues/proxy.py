"""QGFace's queue: past embeddings that follow the class weights of their identities."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from facequal.methods.qgface.queues.base import FeatureQueue

# A class weight or embedding shorter than this is taken to be this long where it divides.
_SMALLEST_NORM = 1e-6
# As torch.nn.functional.normalize.
_SMALLEST_KEY_NORM = 1e-12
# Bytes of keys that are worked on at a time on the CPU: they stay in its cache while they are subtracted and scaled.
_CPU_CHUNK_BYTES = 2**21


class ProxyUpdatedQueue(FeatureQueue):
    """A real-time queue (QGFace, Eq. 13): stored embeddings move with the class weights, the proxies of their classes.

    An embedding f of class y, stored when the class weight was W_old, counts now as

        key = f + ||f|| / ||W_old|| (W_now - W_old),

    always from the values at insertion, so that nothing adds up over the steps. With s = ||f|| / ||W_old|| and the
    origin o = W_old - f / s this is

        key = s (W_now - o),

    and so o and s are all that is stored: half the memory of f and W_old, and the keys take one gathering of class
    weights and passes in place, without temporaries. Rounding aside it is the same; where the weights did not move the
    keys are f to about 1e-7. The class weights are taken as they are, not normalised.

    Paper and released code differ: the cosines of the paper's contrastive loss need unit keys, while the code leaves
    the moved keys as they are (norms of .94 to 1.23 were seen) and clips the products. `normalize_keys` chooses; the
    default is the paper's.

    >>> queue = ProxyUpdatedQueue(size=4, embedding_dim=2, normalize_keys=False)
    >>> weight = torch.tensor([[2.0, 0.0], [0.0, 1.0]])  # of two classes
    >>> queue.enqueue(torch.tensor([[0.6, 0.8]]), torch.tensor([0]), weight)
    >>> keys, labels = queue.keys(weight + torch.tensor([0.0, 1.0]))  # [.6, .8] + 1 / 2 [0, 1]
    >>> keys, labels
    (tensor([[0.6000, 1.3000]]), tensor([0]))

    Args:
        size: Number Q of rows; the paper has as many as there are classes.
        embedding_dim: Length D of an embedding.
        normalize_keys: Divide keys by their norm. False is the released code.
        fused: Compile what is stored and what is moved (`torch.compile`), so that each takes one pass over memory. The
            result is the same up to rounding. It needs a C++ compiler on the CPU and Triton on a GPU, and some seconds
            at the first batches; rows are not chunked then.

    Attributes:
        origin: (Q, D) float32: o.
        scale: (Q,) float32: s.

    Raises:
        ValueError: If a size is below 1.
    """

    origin: Tensor
    scale: Tensor
    moved: Tensor

    def __init__(
        self,
        size: int,
        embedding_dim: int,
        normalize_keys: bool = True,
        fused: bool = False,
    ) -> None:
        super().__init__(size, embedding_dim)
        self.normalize_keys = normalize_keys
        self.fused = fused
        self.register_buffer("origin", torch.zeros(size, embedding_dim))
        self.register_buffer("scale", torch.zeros(size))
        # Where the keys are put: fresh memory of this size would take the system longer to give than the keys take.
        self.register_buffer("moved", torch.empty(size, embedding_dim), persistent=False)

    @torch.no_grad()
    def keys(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Return all filled rows, moved to where the class weights are now; O(K D), to be called once per step.

        Args:
            weight: (C, D) class weights of the head as they are now.

        Returns:
            Keys (K, D) and labels (K,), without gradient, in no particular order; K is `num_filled`. Both are views of
            the queue's memory: the next call overwrites the keys, the next `enqueue` the labels. A backward pass that
            comes too late for its keys is an error of autograd, not a wrong gradient.

        Raises:
            ValueError: If the weights have another shape.
        """
        self._validate_weight(weight)
        weight = weight.detach()
        stored = (self.origin, self.scale, self.labels, self.moved)
        if self.fused:  # all rows, filled or not: shapes that stay are compiled once
            _compiled(_move)(weight, *stored, self.normalize_keys)
        else:
            step = self._chunk_size()
            chunks = zip(*(torch.split(self._filled_rows(buffer), step) for buffer in stored), strict=True)
            for origin, scale, labels, moved in chunks:
                _move(weight, origin, scale, labels, moved, self.normalize_keys)
        return self._filled_rows(self.moved), self._filled_rows(self.labels)

    @property
    def _stored(self) -> Tensor:
        return self.origin

    def _write(self, rows: Tensor, embedding: Tensor, labels: Tensor, weight: Tensor) -> None:
        store = _compiled(_store) if self.fused else _store
        store(embedding, labels, weight, rows, self.origin, self.scale)

    def _chunk_size(self) -> int:
        """Return how many rows are moved at a time: as many as stay in a processor's cache, all on other devices."""
        if self.origin.device.type != "cpu":
            return self.size
        return max(1, _CPU_CHUNK_BYTES // (self.embedding_dim * self.origin.element_size()))

    def extra_repr(self) -> str:
        """Return sizes and options, for `print(queue)`."""
        return f"{super().extra_repr()}, normalize_keys={self.normalize_keys}, fused={self.fused}"


def _store(embedding: Tensor, labels: Tensor, weight: Tensor, rows: Tensor, origin: Tensor, scale: Tensor) -> None:
    """Put o = W[labels] - f ||W|| / ||f|| into rows of `origin` and s = ||f|| / ||W|| into those of `scale`."""
    selected = weight.index_select(0, labels).to(origin.dtype)
    weight_norm = torch.linalg.vector_norm(selected, dim=1).clamp_min_(_SMALLEST_NORM)
    norm = torch.linalg.vector_norm(embedding, dim=1)
    scale.index_copy_(0, rows, norm / weight_norm)
    inverse = (weight_norm / norm.clamp_min(_SMALLEST_NORM))[:, None]
    origin.index_copy_(0, rows, selected.addcmul_(embedding, inverse, value=-1))


def _move(weight: Tensor, origin: Tensor, scale: Tensor, labels: Tensor, moved: Tensor, normalize: bool) -> None:
    """Put s (W[labels] - o) into `moved`, at unit length if asked for."""
    if weight.dtype == moved.dtype:
        torch.index_select(weight, 0, labels, out=moved)
    else:
        moved.copy_(weight.index_select(0, labels))
    moved.sub_(origin)
    if normalize:
        # s changes nothing but the sign of a key of unit length, and that of a zero embedding's: it is 0.
        norm = torch.linalg.vector_norm(moved, dim=1).clamp_min_(_SMALLEST_KEY_NORM)
        scale = scale.sign() / norm
    moved.mul_(scale[:, None])


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function with its passes fused; compiled for the sizes it sees first, and once more for all others."""
    return torch.compile(function, fullgraph=True)
