import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from facequal.methods.octuplet.loss import TERMS, OctupletLoss

DISTANCES = ["euclidean", "squared", "cosine"]


def octuplet_loss(
    hr: torch.Tensor, lr: torch.Tensor, labels: torch.Tensor, *settings: Any, **more: Any
) -> torch.Tensor:
    return OctupletLoss(*settings, **more)(hr, lr, labels).loss


def scalar_distance(a: Tensor, b: Tensor, distance: str, normalize: bool) -> float:
    if normalize:
        a, b = a / a.norm(), b / b.norm()
    if distance == "cosine":
        return float(1 - (a @ b) / (a.norm() * b.norm()))
    squared = float(((a - b) ** 2).sum())
    return squared if distance == "squared" else math.sqrt(squared)


def by_triple_loop(
    hr: Tensor, lr: Tensor, labels: list[int], margin: float, distance: str, normalize: bool, terms: tuple[str, ...]
) -> tuple[float, dict[str, float], float]:
    """Anchor by anchor, positive by positive, negative by negative: the largest triplet loss is the hardest pair's."""
    sides = {"h": hr, "l": lr}
    means, positive_losses, triplets = {}, 0, 0
    for term in terms:
        anchors, others = sides[term[0]], sides[term[1]]
        losses = []
        for a in range(len(labels)):
            worst = None
            for p, n in itertools.product(range(len(labels)), repeat=2):
                if p == a or labels[p] != labels[a] or labels[n] == labels[a]:
                    continue
                to_positive = scalar_distance(anchors[a], others[p], distance, normalize)
                to_negative = scalar_distance(anchors[a], others[n], distance, normalize)
                loss = max(0.0, to_positive - to_negative + margin)
                worst = loss if worst is None else max(worst, loss)
            if worst is not None:
                losses.append(worst)
        means[term] = sum(losses) / len(losses) if losses else 0.0
        positive_losses += sum(loss > 0 for loss in losses)
        triplets += len(losses)
    return sum(means.values()), means, positive_losses / triplets if triplets else 0.0


def embeddings(labels: list[int], dim: int = 6, seed: int = 0, scale: float = 3.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    hr = scale * torch.randn(len(labels), dim, generator=generator, dtype=torch.float64)
    lr = hr + torch.randn(len(labels), dim, generator=generator, dtype=torch.float64)
    return hr, lr


LABELS = {
    "two each": [0, 0, 1, 1, 2, 2],
    "uneven, shuffled": [4, 7, 4, 1, 7, 7, 1, 9],
    "one alone": [0, 0, 1],
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS.keys())
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("distance", DISTANCES)
def test_equals_a_triple_loop(distance: str, normalize: bool, labels: list[int]) -> None:
    hr, lr = embeddings(labels)
    margin = 0.3 if normalize or distance == "cosine" else 2.0
    output = OctupletLoss(margin, distance, normalize)(hr, lr, torch.tensor(labels))
    loss, terms, active = by_triple_loop(hr, lr, labels, margin, distance, normalize, TERMS)
    assert output.loss.item() == pytest.approx(loss, abs=1e-12)
    assert {name: value.item() for name, value in output.terms.items()} == pytest.approx(terms, abs=1e-12)
    assert output.active.item() == pytest.approx(active)
    anchors = [a for a in labels if labels.count(a) > 1]
    assert int(output.num_anchors) == len(anchors)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_choice_of_terms(count: int) -> None:
    labels = LABELS["uneven, shuffled"]
    hr, lr = embeddings(labels)
    for terms in itertools.combinations(TERMS, count):
        expected, _, active = by_triple_loop(hr, lr, labels, 2.0, "euclidean", False, terms)
        output = OctupletLoss(2.0, terms=terms)(hr, lr, torch.tensor(labels))
        assert output.loss.item() == pytest.approx(expected, abs=1e-12)
        assert tuple(output.terms) == terms
        assert output.active.item() == pytest.approx(active)


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("distance", DISTANCES)
def test_gradient(distance: str, normalize: bool) -> None:
    labels = torch.tensor(LABELS["uneven, shuffled"])
    hr, lr = embeddings(labels.tolist())
    hr.requires_grad_()
    lr.requires_grad_()
    margin = 0.3 if normalize or distance == "cosine" else 2.0
    torch.autograd.gradcheck(lambda h, low: octuplet_loss(h, low, labels, margin, distance, normalize), (hr, lr))
    octuplet_loss(hr, lr, labels, margin, distance, normalize).backward()
    assert hr.grad is not None
    assert lr.grad is not None
    assert hr.grad.abs().max() > 0.01
    assert lr.grad.abs().max() > 0.01


def test_default_settings_are_the_papers() -> None:
    labels = LABELS["two each"]
    hr, lr = embeddings(labels, scale=20)
    expected, _, _ = by_triple_loop(hr, lr, labels, 25.0, "euclidean", False, ("hhh", "hll", "lhh", "lll"))
    assert octuplet_loss(hr, lr, torch.tensor(labels)).item() == pytest.approx(expected, abs=1e-10)


def test_an_image_and_its_own_version_are_not_compared() -> None:
    hr = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 8.0], [1.0, 8.0]])
    lr = hr.clone()
    lr[0] += 100.0
    # Only anchor 1 has lr[0] as a positive. Anchor 0 itself must not see it: its own positive is lr[1], at distance 1.
    expected = (math.dist((1, 0), (100, 100)) - math.dist((1, 0), (1, 8)) + 0.5) / 4
    output = OctupletLoss(0.5, terms=["hll"])(hr, lr, torch.tensor([0, 0, 1, 1]))
    assert output.terms["hll"].item() == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_raised(dtype: torch.dtype) -> None:
    labels = LABELS["two each"]
    hr, lr = (x.to(dtype).requires_grad_() for x in embeddings(labels))
    with torch.autocast("cpu", torch.bfloat16):
        loss = octuplet_loss(hr, lr, torch.tensor(labels), 2.0)
    expected, _, _ = by_triple_loop(hr.detach().double(), lr.detach().double(), labels, 2.0, "euclidean", False, TERMS)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert hr.grad is not None
    assert hr.grad.dtype == dtype
    assert hr.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("distance", DISTANCES)
def test_identical_embeddings_have_finite_gradients(distance: str, normalize: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    one = 20 * torch.randn(1, 512, generator=generator, dtype=dtype)
    hr = one.repeat(6, 1).requires_grad_()
    lr = one.repeat(6, 1).requires_grad_()
    loss = octuplet_loss(hr, lr, torch.tensor(LABELS["two each"]), 2.0, distance, normalize)
    loss.backward()
    assert loss.item() == pytest.approx(4 * 2.0, abs=1e-4)  # all distances are 0
    for x in (hr, lr):
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert x.grad.abs().max() < 1


def test_near_embeddings_keep_their_distance() -> None:
    generator = torch.Generator().manual_seed(2)
    hr = 20 * torch.nn.functional.normalize(torch.randn(4, 512, generator=generator))
    hr[1] = hr[0] + 0.5 * torch.nn.functional.normalize(torch.randn(512, generator=generator), dim=0)
    labels = [0, 0, 1, 1]
    exact, _, _ = by_triple_loop(hr.double(), hr.double(), labels, 25.0, "euclidean", False, TERMS)
    assert octuplet_loss(hr, hr, torch.tensor(labels)).item() == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("labels", [[3, 3, 3, 3], [0, 1, 2, 3], [5]], ids=["one identity", "all alone", "one image"])
def test_without_triplets_the_loss_is_zero_and_keeps_its_graph(labels: list[int]) -> None:
    hr, lr = (x.requires_grad_() for x in embeddings(labels))
    output = OctupletLoss()(hr, lr, torch.tensor(labels))
    assert output.loss == 0
    assert output.active == 0
    assert output.num_anchors == 0
    output.loss.backward()
    assert hr.grad is not None
    assert lr.grad is not None
    assert not hr.grad.any()
    assert not lr.grad.any()


def test_nan_embeddings_give_a_nan_loss() -> None:
    hr, lr = embeddings(LABELS["two each"])
    hr[2, 0] = torch.nan
    labels = torch.tensor(LABELS["two each"])
    assert octuplet_loss(hr, lr, labels).isnan()
    assert octuplet_loss(lr, hr, labels, terms=["hhh"]).isnan()  # although the term does not look at it
    assert octuplet_loss(hr, lr, torch.zeros(6, dtype=torch.int64)).isnan()  # although there are no triplets


def test_order_of_the_batch_does_not_matter() -> None:
    labels = torch.tensor(LABELS["uneven, shuffled"])
    hr, lr = embeddings(labels.tolist())
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    assert octuplet_loss(hr[order], lr[order], labels[order], 2.0).item() == pytest.approx(
        octuplet_loss(hr, lr, labels, 2.0).item(), abs=1e-12
    )


def test_bad_batches() -> None:
    hr, lr = embeddings([0, 0, 1, 1])
    labels = torch.tensor([0, 0, 1, 1])
    with pytest.raises(ValueError, match=r"labels must be \(B,\) = \(4,\), got \(3,\)"):
        octuplet_loss(hr, lr, labels[:3])
    with pytest.raises(ValueError, match=r"got \(4, 6\) and \(4, 5\)"):
        octuplet_loss(hr, lr[:, :5], labels)
    with pytest.raises(ValueError, match=r"B >= 1, got \(0, 6\)"):
        octuplet_loss(hr[:0], lr[:0], labels[:0])
    with pytest.raises(TypeError, match=r"floating point, got torch.int64"):
        octuplet_loss(hr.long(), lr.long(), labels)
    with pytest.raises(TypeError, match=r"integers, got torch.float32"):
        octuplet_loss(hr, lr, labels.float())


def test_bad_settings() -> None:
    with pytest.raises(ValueError, match=r"margin must be .* got -1"):
        OctupletLoss(-1)
    with pytest.raises(ValueError, match=r"margin must be .* got nan"):
        OctupletLoss(math.nan)
    with pytest.raises(ValueError, match=r"distance must be one of .* got 'manhattan'"):
        OctupletLoss(distance="manhattan")  # type: ignore[arg-type]
    for terms in ([], ["hhl"], ["hhh", "hhh"]):
        with pytest.raises(ValueError, match=r"terms must be one or more different ones"):
            OctupletLoss(terms=terms)  # type: ignore[arg-type]
