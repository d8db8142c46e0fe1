from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from facequal.data.sampling.pair_plan import PairPlan, draw_distinct, plan_identity_pairs, running_sums

Counts = tuple[int, ...]


def labels_of(counts: Sequence[int]) -> Any:
    return np.repeat(np.arange(len(counts)), counts)


def shuffled_people(seed: int, num_identities: int, group_size: int) -> tuple[Any, Any]:
    """Labels with gaps in their numbers, some unknown, in any order, and a group for each."""
    generator = np.random.default_rng(seed)
    counts = np.maximum(1, generator.lognormal(1.2, 0.8, num_identities).astype(int))
    labels = generator.permutation(np.concatenate([7 + 3 * labels_of(counts), np.full(9, -1)]))
    groups = np.where(labels < 0, generator.integers(0, 99, len(labels)), 50 - (labels // (3 * group_size)))
    return labels, groups


def successive(weights: Sequence[int], count: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """All ordered draws of `count` places without replacement, with their probabilities."""
    for drawn in permutations([index for index, weight in enumerate(weights) if weight], count):
        probability, total = 1.0, sum(weights)
        for index in drawn:
            probability *= weights[index] / total
            total -= weights[index]
        yield drawn, probability


def epochs(counts: Counts, group_of: Counts, num_groups: int, per_group: int) -> dict[tuple[int, ...], float]:
    """Every possible sequence of identities of an epoch, with its probability."""
    able = [count if count >= 2 else 0 for count in counts]
    members = [[i for i, own in enumerate(group_of) if own == group] for group in range(max(group_of) + 1)]
    is_open = [sum(able[i] > 0 for i in group) >= per_group for group in members]
    if sum(is_open) < num_groups:
        return {(): 1.0}
    weights = [sum(able[i] for i in group) * still for group, still in zip(members, is_open, strict=True)]
    probabilities: Counter[tuple[int, ...]] = Counter()
    for drawn, probability in successive(weights, num_groups):
        within = [
            [([members[g][i] for i in places], p) for places, p in successive([able[i] for i in members[g]], per_group)]
            for g in drawn
        ]
        for parts in product(*within):
            people = tuple(i for part, _ in parts for i in part)
            rest = tuple(count - 2 * (i in people) for i, count in enumerate(counts))
            for later, p_later in epochs(rest, group_of, num_groups, per_group).items():
                probabilities[people + later] += probability * float(np.prod([p for _, p in parts])) * p_later
    return dict(probabilities)


def require_fit(observed: Counter[Any], expected: dict[Any, float]) -> None:
    """Chi-square test against exact probabilities; rare outcomes are taken together."""
    assert sum(expected.values()) == pytest.approx(1)
    assert observed.keys() <= expected.keys()
    total = sum(observed.values())
    often = [outcome for outcome, probability in expected.items() if probability * total >= 5]
    counted = [observed[outcome] for outcome in often]
    wanted = [expected[outcome] * total for outcome in often]
    if len(often) < len(expected):
        counted.append(total - sum(counted))
        wanted.append(total - sum(wanted))
    assert len(counted) > 2
    assert stats.chisquare(counted, wanted).pvalue > 1e-3


@pytest.mark.parametrize(
    ("counts", "group_of", "batch_size", "per_group"),
    [
        ((2, 3, 6), (0, 0, 0), 4, None),
        ((2, 3, 4, 2), (0, 0, 1, 1), 4, 1),
        pytest.param((5, 2, 1, 2, 3), (0, 0, 0, 0, 0), 6, None, marks=pytest.mark.slow),
        pytest.param((2, 2, 3, 4, 2, 3), (0, 0, 0, 1, 1, 2), 4, 2, marks=pytest.mark.slow),
        pytest.param((3, 2, 2), (0, 0, 1), 2, 1, marks=pytest.mark.slow),
    ],
)
def test_epochs_have_their_exact_probabilities(
    counts: Counts, group_of: Counts, batch_size: int, per_group: int | None
) -> None:
    labels = labels_of(counts)
    groups = None if per_group is None else np.array(group_of)[labels]
    observed: Counter[tuple[int, ...]] = Counter()
    for seed in range(20_000 // len(labels)):
        plan = plan_identity_pairs(labels, batch_size, np.random.default_rng(seed), groups, per_group)
        observed[tuple(labels[plan.batches[:, ::2]].ravel().tolist())] += 1
    k = per_group or batch_size // 2
    require_fit(observed, epochs(counts, group_of, batch_size // (2 * k), k))


@pytest.mark.parametrize("weights", [(3, 1, 2, 2), (400, 1, 0, 2, 1), (2, 2, 2)])
@pytest.mark.parametrize("shrunk", [False, True])
def test_draws_are_successive_sampling(weights: Counts, shrunk: bool) -> None:
    # Many ranges with the same weights: each is one sample. One index of 400 hides the others: drawing again is tested.
    num_ranges, size = 6000, len(weights)
    now = np.tile(weights, num_ranges)
    ends = running_sums(now + np.tile([5, 0, 7, 1, 3][:size], num_ranges)) if shrunk else None
    starts = np.arange(num_ranges) * size
    drawn = draw_distinct(now, starts, starts + size, 2, np.random.default_rng(0), ends)
    observed = Counter(map(tuple, (drawn - starts[:, None]).tolist()))
    require_fit(observed, dict(successive(weights, 2)))
    assert now.tolist() == list(weights) * num_ranges


def test_all_of_a_range_can_be_drawn() -> None:
    weights = np.array([0, 10**6, 1, 1, 1, 0])
    (drawn,) = draw_distinct(weights, np.array([1]), np.array([6]), 4, np.random.default_rng(0))
    assert sorted(drawn.tolist()) == [1, 2, 3, 4]


def test_the_two_images_are_any_two() -> None:
    orders = Counter(
        tuple(plan_identity_pairs(np.zeros(4), 2, np.random.default_rng(seed)).batches.ravel().tolist())
        for seed in range(1200)
    )
    require_fit(orders, dict.fromkeys(permutations(range(4)), 1 / 24))


def require_rules(plan: PairPlan, labels: Any, groups: Any, batch_size: int, per_group: int | None) -> None:
    k = per_group or batch_size // 2
    groups = np.zeros_like(labels) if per_group is None else groups
    unpicked = Counter(labels[labels >= 0].tolist())
    group_of = dict(zip(labels.tolist(), groups.tolist(), strict=True))

    def num_open() -> int:
        able = Counter(group_of[identity] for identity, count in unpicked.items() if count >= 2)
        return sum(count >= k for count in able.values())

    usable = sum(count for count in unpicked.values() if count >= 2)
    assert plan.batches.dtype == np.int64
    assert plan.batches.shape[1] == batch_size
    assert len(set(plan.batches.ravel().tolist())) == plan.batches.size
    for batch in plan.batches:
        assert num_open() >= batch_size // (2 * k)
        first, second = labels[batch].reshape(-1, 2).T
        assert first.tolist() == second.tolist()
        assert len(set(first.tolist())) == batch_size // 2
        of_group = groups[batch].reshape(-1, 2 * k)
        assert (of_group == of_group[:, :1]).all()
        assert len(set(of_group[:, 0].tolist())) == batch_size // (2 * k)
        unpicked.subtract(dict.fromkeys(first.tolist(), 2))
    assert num_open() < batch_size // (2 * k)
    assert min(unpicked.values()) >= 0
    assert plan.left_over == usable - plan.batches.size
    assert plan.unknown_images == (labels < 0).sum()
    assert plan.single_image_identities == sum(count == 1 for count in Counter(labels[labels >= 0].tolist()).values())


@pytest.mark.parametrize(
    ("batch_size", "per_group", "group_size"), [(16, None, 1), (2, None, 1), (12, 3, 6), (12, 1, 4), (12, 2, 40)]
)
@pytest.mark.parametrize("seed", range(3))
def test_rules_of_an_epoch(batch_size: int, per_group: int | None, group_size: int, seed: int) -> None:
    labels, groups = shuffled_people(seed, 150, group_size)
    chosen = None if per_group is None else groups
    plan = plan_identity_pairs(labels, batch_size, np.random.default_rng(seed), chosen, per_group)
    require_rules(plan, labels, groups, batch_size, per_group)
    assert len(plan.batches) > 3
    again = plan_identity_pairs(labels, batch_size, np.random.default_rng(seed), chosen, per_group)
    assert np.array_equal(plan.batches, again.batches)


def test_people_in_small_groups_are_counted() -> None:
    labels = labels_of([4, 4, 2, 2, 1, 3])
    groups = np.array([0, 0, 1, 2, 1, 2])[labels]
    plan = plan_identity_pairs(labels, 4, np.random.default_rng(0), groups, 2)
    assert (plan.small_group_identities, plan.single_image_identities) == (1, 1)
    assert set(labels[plan.batches].ravel().tolist()) <= {0, 1, 3, 5}
    assert plan.left_over == 15 - plan.batches.size


def test_errors() -> None:
    def plan(counts: Sequence[int], *arguments: Any) -> PairPlan:
        batch_size, *rest = arguments
        return plan_identity_pairs(labels_of(counts), batch_size, np.random.default_rng(0), *rest)

    with pytest.raises(ValueError, match="batch_size=5: must be even"):
        plan([2, 2, 2], 5)
    with pytest.raises(ValueError, match="batch_size=0: must be even"):
        plan([2, 2, 2], 0)
    with pytest.raises(ValueError, match="needs 3 identities with two images: there are 2, 1 have a single one"):
        plan([2, 2, 1], 6)
    with pytest.raises(ValueError, match="needs 1 identities with two images: there are 0, 0 have a single one"):
        plan([], 2)
    with pytest.raises(ValueError, match=r"identities_per_group=2: must be positive, and batch_size=6 a multiple"):
        plan([2, 2, 2], 6, np.zeros(6, dtype=np.int64), 2)
    with pytest.raises(ValueError, match="identities_per_group=0"):
        plan([2, 2, 2], 4, np.zeros(6, dtype=np.int64), 0)
    with pytest.raises(ValueError, match=r"groups of shape \(5,\), there are 6 images"):
        plan([2, 2, 2], 4, np.zeros(5, dtype=np.int64), 2)
    with pytest.raises(ValueError, match="given together"):
        plan([2, 2, 2], 4, None, 2)
    with pytest.raises(ValueError, match="given together"):
        plan([2, 2, 2], 4, np.zeros(6, dtype=np.int64))
    with pytest.raises(ValueError, match=r"needs 2 groups of 2 identities with two images: there are 1 such groups; 3"):
        plan([2, 2, 2, 1], 8, np.array([0, 0, 0, 0, 1, 1, 1]), 2)
