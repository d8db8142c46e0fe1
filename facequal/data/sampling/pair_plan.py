"""Epochs of pairs: batches of as many people as possible with two images each, as losses over triplets need them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PairPlan:
    """The batches of one epoch, and what it leaves out.

    Attributes:
        batches: Positions of images, int64 (num_batches, B). The two images of an identity are neighbours, and so are
            the identities of a group.
        left_over: Images of identities with two images or more that the epoch does not use.
        single_image_identities: Identities with a single image: never drawn.
        small_group_identities: Identities with two images or more whose group has too few of them: never drawn, their
            images are counted in `left_over` too.
        unknown_images: Images of unknown people (label -1): never drawn.
    """

    batches: Integers
    left_over: int
    single_image_identities: int
    small_group_identities: int
    unknown_images: int


@dataclass
class _People:
    """The P identities that can be drawn, sorted by group, and the images left of each as the epoch goes on.

    Attributes:
        images: Positions of all images of known people, one identity after another, in random order within each.
        next_image: Index in `images` of the next image of each identity, (P,).
        weights: Number of images left of each identity, 0 in place of 1, (P,).
        starts: First identity of each group, (G,).
        stops: One after the last identity of each group, (G,).
        single_image_identities: See `PairPlan`.
        small_group_identities: See `PairPlan`.
        num_pairable: Identities with two images or more, in small groups too.
    """

    images: Integers
    next_image: Integers
    weights: Integers
    starts: Integers
    stops: Integers
    single_image_identities: int
    small_group_identities: int
    num_pairable: int


def plan_identity_pairs(
    labels: Integers,
    batch_size: int,
    generator: np.random.Generator,
    groups: Integers | None = None,
    identities_per_group: int | None = None,
) -> PairPlan:
    """Draw the batches of one epoch: B/2 identities with exactly two images each.

    An image is used at most once. The identities of a batch are drawn one after another without replacement, each with
    probability n_i / sum_j n_j over those left, where n_i is the number of i's images not picked yet, counted anew
    after every batch and 0 for those with less than two. Which two of them are taken is uniform. The epoch ends when
    fewer than B/2 identities have two images left.

    With `identities_per_group` k, a batch is B/(2k) groups of k identities. Groups are drawn in the same way, with the
    sum of n_i over their identities as weight, and then the identities within each group. A group is drawn while k of
    its identities have two images left; the epoch ends when fewer than B/(2k) groups have.

    Args:
        labels: Identity of every image, int64 (N,); -1 for an unknown person.
        batch_size: B, images per batch, even.
        generator: Source of all draws; the plan is a pure function of its state.
        groups: Group of every image, int64 (N,), such as families of people who look alike; the same for all images of
            an identity. Those of unknown people do not matter.
        identities_per_group: k, identities of one group in a batch; None draws from all people alike.

    Returns:
        The plan, of at least one batch.

    Raises:
        ValueError: If B is odd or no multiple of 2k, only one of groups and k is there, the groups are not one per
            image, or there are too few identities for one batch.

    Example:
        >>> labels = np.repeat(np.arange(4), 2)
        >>> plan = plan_identity_pairs(labels, batch_size=4, generator=np.random.default_rng(0))
        >>> labels[plan.batches].tolist(), plan.left_over
        ([[3, 3, 2, 2], [0, 0, 1, 1]], 0)
    """
    labels = np.asarray(labels, dtype=np.int64)
    per_group = _require_whole_groups(batch_size, identities_per_group)
    if (groups is None) != (identities_per_group is None):
        raise ValueError("groups and identities_per_group are given together or not at all")
    if groups is not None and np.shape(groups) != labels.shape:
        raise ValueError(f"groups of shape {np.shape(groups)}, there are {len(labels)} images")
    people = _index_people(labels, groups, per_group, generator)
    num_groups = batch_size // (2 * per_group)
    if len(people.starts) < num_groups:
        raise ValueError(_too_few(people, batch_size, identities_per_group))
    unknown_images = len(labels) - len(people.images)
    batches = _draw_batches(people, num_groups, per_group, generator)
    return PairPlan(
        batches,
        left_over=len(people.images) - people.single_image_identities - batches.size,
        single_image_identities=people.single_image_identities,
        small_group_identities=people.small_group_identities,
        unknown_images=unknown_images,
    )


def draw_distinct(
    weights: Integers,
    starts: Integers,
    stops: Integers,
    count: int,
    generator: np.random.Generator,
    ends: Integers | None = None,
) -> Integers:
    """Draw `count` different indices from each of several ranges, one after another with probability by weight.

    This is exact successive sampling: indices are drawn with replacement, and only the first draw of each counts.
    Where that gives too few, the weights of those drawn become 0 and the rest is drawn again.

    Args:
        weights: Weight of every index, int64 (P,), not negative.
        starts: First index of each range, int64 (R,); ranges do not overlap, and each has `count` positive weights.
        stops: One after the last index of each range, int64 (R,).
        count: Indices to draw from each range.
        generator: Source of the draws.
        ends: `running_sums` of earlier weights, none of which was smaller than it is now: this saves summing up anew,
            because an index whose weight has shrunk is refused with the right probability.

    Returns:
        Indices in the order in which they were drawn, int64 (R, count).

    Example:
        >>> generator = np.random.default_rng(0)
        >>> draw_distinct(np.array([1, 0, 5, 2, 2]), np.array([0, 3]), np.array([3, 5]), 2, generator)
        array([[2, 0],
               [4, 3]])
    """
    ends = running_sums(weights) if ends is None else ends
    low, high = ends[starts, None], ends[stops, None]
    width = 2 * count + 10  # more than needed, since some repeat or are refused
    uniforms = generator.random((len(starts), width))
    tickets = (low + (uniforms * (high - low)).astype(np.int64)).ravel()
    indices = ends.searchsorted(tickets, side="right") - 1
    accepted = np.flatnonzero(tickets - ends[indices] < weights[indices])
    first = accepted[np.sort(np.unique(indices[accepted], return_index=True)[1])]
    row = first // width
    rank = np.arange(len(row)) - row.searchsorted(row)
    kept = rank < count
    drawn = np.empty((len(starts), count), dtype=np.int64)
    drawn[row[kept], rank[kept]] = indices[first[kept]]
    num_drawn = np.bincount(row[kept], minlength=len(starts))
    for short in np.flatnonzero(num_drawn < count):
        start, already = starts[short], num_drawn[short]
        left = weights[start : stops[short]].copy()
        left[drawn[short, :already] - start] = 0
        (rest,) = draw_distinct(left, np.array([0]), np.array([len(left)]), count - already, generator)
        drawn[short, already:] = start + rest
    return drawn


def running_sums(weights: Integers) -> Integers:
    """Return 0 and the sums of the first 1, 2, ... weights, int64 (P + 1,).

    Example:
        >>> running_sums(np.array([3, 0, 2]))
        array([0, 3, 3, 5])
    """
    ends = np.zeros(len(weights) + 1, dtype=np.int64)
    np.cumsum(weights, out=ends[1:])
    return ends


def _require_whole_groups(batch_size: int, identities_per_group: int | None) -> int:
    """Return the number of identities per group, all of the batch where groups are not asked for."""
    if batch_size < 2 or batch_size % 2:
        raise ValueError(f"batch_size={batch_size}: must be even, two images per identity")
    if identities_per_group is None:
        return batch_size // 2
    if identities_per_group < 1 or batch_size % (2 * identities_per_group):
        raise ValueError(
            f"identities_per_group={identities_per_group}: must be positive, and batch_size={batch_size} a multiple of "
            "2 x identities_per_group"
        )
    return identities_per_group


def _index_people(labels: Integers, groups: Integers | None, per_group: int, generator: np.random.Generator) -> _People:
    known = generator.permutation(np.flatnonzero(labels >= 0))
    images = known[np.argsort(labels[known], kind="stable")]
    first = np.flatnonzero(np.diff(labels[images], prepend=-1))
    counts = np.diff(first, append=len(images))
    group = np.zeros(len(first), dtype=np.int64) if groups is None else groups[images[first]]
    pairable = np.flatnonzero(counts >= 2)
    group_numbers, size = np.unique(group[pairable], return_counts=True)
    large = group_numbers[size >= per_group]
    drawable = pairable[np.isin(group[pairable], large)]
    drawable = drawable[np.argsort(group[drawable], kind="stable")]
    stops = np.cumsum(size[size >= per_group])
    return _People(
        images,
        next_image=first[drawable],
        weights=counts[drawable],
        starts=stops - size[size >= per_group],
        stops=stops,
        single_image_identities=len(first) - len(pairable),
        small_group_identities=len(pairable) - len(drawable),
        num_pairable=len(pairable),
    )


def _draw_batches(people: _People, num_groups: int, per_group: int, generator: np.random.Generator) -> Integers:
    """Return batches (num_batches, B), drawn until too few groups are open; changes what is left of the people."""
    weights, next_image = people.weights, people.next_image
    all_groups = np.array([0]), np.array([len(people.starts)])
    group_weights = np.add.reduceat(weights, people.starts)
    num_left = people.stops - people.starts
    ends = running_sums(weights)
    batches = []
    while np.count_nonzero(group_weights) >= num_groups:
        if group_weights.sum() < 0.9 * ends[-1]:
            ends = running_sums(weights)
        drawn = all_groups[0]
        if len(group_weights) > 1:
            (drawn,) = draw_distinct(group_weights, *all_groups, num_groups, generator)
        chosen = draw_distinct(weights, people.starts[drawn], people.stops[drawn], per_group, generator, ends)
        image = next_image[chosen]
        batches.append(people.images[np.stack([image, image + 1], axis=-1)].ravel())
        next_image[chosen] += 2
        before = weights[chosen]
        after = np.where(before >= 4, before - 2, 0)  # one image left makes no pair
        weights[chosen] = after
        num_left[drawn] -= (after == 0).sum(axis=1)
        group_weights[drawn] -= (before - after).sum(axis=1)
        for closed in drawn[num_left[drawn] < per_group]:
            weights[people.starts[closed] : people.stops[closed]] = 0
            group_weights[closed] = 0
    return np.stack(batches)


def _too_few(people: _People, batch_size: int, identities_per_group: int | None) -> str:
    singles = f"{people.single_image_identities} have a single one"
    if identities_per_group is None:
        return (
            f"a batch of {batch_size} images needs {batch_size // 2} identities with two images: there are "
            f"{people.num_pairable}, {singles}"
        )
    return (
        f"a batch of {batch_size} images needs {batch_size // (2 * identities_per_group)} groups of "
        f"{identities_per_group} identities with two images: there are {len(people.starts)} such groups; "
        f"{people.num_pairable} identities have two images, {singles}"
    )
