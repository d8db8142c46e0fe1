"""Degradations as pure functions of a batch of images and of counter-based draws, and how they are put together."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from facequal.degradations.draws import Keys, checked_probability
from facequal.degradations.precision import ieee_float32

Params = dict[str, Tensor]


class Degradation(ABC):
    """Base class: draws what happens to each sample, and does it to a batch on the batch's device.

    A subclass implements `sample` and `apply`. It is not an `nn.Module` (whose `apply` is something else): it has
    neither parameters nor buffers. Constant tables are cached per device, so it works wherever the images are.

    >>> class Dim(Degradation):
    ...     def sample(self, keys):
    ...         return {"factor": keys.uniform((), 0.25, 1.0)}
    ...     def apply(self, images, params):
    ...         return images * params["factor"][:, None, None, None]
    >>> degraded, params = Dim()(torch.ones(2, 3, 8, 8), Keys(torch.tensor([0, 1])))
    >>> torch.equal(degraded.amax(dim=(1, 2, 3)), params["factor"])
    True
    """

    @property
    def name(self) -> str:
        """Name under which `Compose` files the parameters: the class name in snake case."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(self).__name__).lower()

    @abstractmethod
    def sample(self, keys: Keys) -> Params:
        """Draw the parameters of each sample; relative to the image size, or in pixels whatever the size.

        Args:
            keys: Names the draws of B samples.

        Returns:
            Tensors (B, ...) on the device of `keys.index`.
        """

    @abstractmethod
    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Degrade images as the parameters say. Does not change `images`; not differentiable.

        Args:
            images: float32 RGB (B,3,H,W) in [0,1].
            params: What `sample` gave for these B samples.

        Returns:
            float32 (B,3,H,W) in [0,1]: a tensor that shares no memory with `images`, or `images` itself where
            nothing happened.
        """

    def apply_in_place(self, images: Tensor, params: Params) -> Tensor:
        """Degrade images as `apply` does; they may be overwritten and returned."""
        return self.apply(images, params)

    def __call__(self, images: Tensor, keys: Keys) -> tuple[Tensor, Params]:
        """Draw parameters and apply them, in full float32, without gradient and whatever autocast is active.

        Args:
            images: Floating-point RGB (B,3,H,W) in [0,1]; other floating types are converted to float32.
            keys: Names the draws of the B samples, on the images' device.

        Returns:
            The degraded images, a new float32 tensor (B,3,H,W) in [0,1], and the parameters.

        Raises:
            TypeError: If the images are not floating-point.
            ValueError: If the images are not (B,3,H,W) or not in [0,1], or `keys` has another length or device. On a
                GPU values out of range fail an assertion on the device, so that the host need not wait.
        """
        _check_images(images)
        _check_keys(images, keys)
        with torch.no_grad():
            params = self.sample(keys)
        return self._apply_exactly(images, params), params

    def apply_drawn(self, images: Tensor, params: Params) -> Tensor:
        """Degrade images as a call does, with parameters that were drawn before or chosen.

        Args:
            images: Floating-point RGB (B,3,H,W) in [0,1].
            params: What `sample` returned for B samples, or other values of the same form.

        Returns:
            A new float32 tensor (B,3,H,W) in [0,1].

        Raises:
            TypeError: If the images are not floating-point.
            ValueError: If the images are not (B,3,H,W), or not in [0,1].
        """
        _check_images(images)
        return self._apply_exactly(images, params)

    def _apply_exactly(self, images: Tensor, params: Params) -> Tensor:
        source = images.detach().float()
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False), ieee_float32():
            degraded = self.apply(source, params) if source.numel() else source
        return degraded.clone() if degraded is source else degraded

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({settings})"


class Compose(Degradation):
    """Degradations one after the other, each with draws of its own.

    Member number i draws from the stream `keys.fold(f"{i}.{name}")`, so equal members draw differently. The parameters
    of all members are one flat dict with keys such as `resolution.size_px`; names that occur twice get the position
    as a suffix, as in `resolution_0.size_px`.

    Args:
        degradations: The members, in their order of application; none is the identity.

    >>> from facequal.degradations.geometry import HorizontalFlip
    >>> from facequal.degradations.resolution import Resolution
    >>> augmentation = Compose([Resolution([7, 14]), HorizontalFlip()])
    >>> degraded, params = augmentation(torch.zeros(2, 3, 28, 28), Keys(torch.arange(2)))
    >>> degraded.shape, sorted(params)
    (torch.Size([2, 3, 28, 28]), ['horizontal_flip.flipped', 'resolution.size_px'])
    """

    def __init__(self, degradations: Sequence[Degradation]) -> None:
        self.degradations = list(degradations)

    def members(self) -> Iterator[tuple[str, Degradation]]:
        """Yield pairs of unique name and member, in their order of application."""
        names = [degradation.name for degradation in self.degradations]
        for position, (name, member) in enumerate(zip(names, self.degradations, strict=True)):
            yield (name if names.count(name) == 1 else f"{name}_{position}"), member

    def sample(self, keys: Keys) -> Params:
        """Return the members' parameters, keys prefixed with the member's name."""
        params: Params = {}
        for position, (name, member) in enumerate(self.members()):
            drawn = member.sample(keys.fold(f"{position}.{member.name}"))
            params.update({f"{name}.{key}": value for key, value in drawn.items()})
        return params

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Apply all members; the batch is copied at most once where members work in place."""
        return self._apply(images, params, owned=False)

    def apply_in_place(self, images: Tensor, params: Params) -> Tensor:
        """Apply all members as `apply` does, without that copy."""
        return self._apply(images, params, owned=True)

    def _apply(self, images: Tensor, params: Params, owned: bool) -> Tensor:
        degraded = images
        for name, member in self.members():
            prefix = f"{name}."
            part = {key.removeprefix(prefix): value for key, value in params.items() if key.startswith(prefix)}
            in_place = owned or degraded is not images
            degraded = member.apply_in_place(degraded, part) if in_place else member.apply(degraded, part)
        return degraded


class RandomApply(Degradation):
    """A degradation of each sample with probability p; the others come back bit by bit.

    Only the chosen images are gathered, degraded and written back: at p = 0.2 a fifth of the work. The host waits once
    for the list of chosen samples.

    Args:
        degradation: What is applied.
        p: Probability in [0, 1].

    Raises:
        ValueError: If p is not in [0, 1], or `degradation` is a `RandomApply` itself.

    >>> from facequal.degradations.resolution import Resolution
    >>> images = torch.eye(8).expand(100, 3, 8, 8)
    >>> degraded, params = RandomApply(Resolution([2]), p=0.2)(images, Keys(torch.arange(100)))
    >>> int(params["applied"].sum()), int((degraded != images).flatten(1).any(1).sum())
    (21, 21)
    """

    def __init__(self, degradation: Degradation, p: float) -> None:
        if isinstance(degradation, RandomApply):
            raise ValueError("a RandomApply within a RandomApply: use one with the product of the probabilities")
        self.degradation = degradation
        self.p = checked_probability("p", p)

    @property
    def name(self) -> str:
        """The name of the degradation that is applied."""
        return self.degradation.name

    def sample(self, keys: Keys) -> Params:
        """Return the degradation's own parameters, drawn for all samples, and `applied`, bool (B,)."""
        params = self.degradation.sample(keys.fold(self.name))
        return {"applied": keys.fold("applied").bernoulli(self.p), **params}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        """Degrade the samples with `applied`, in a copy of the batch."""
        return self._apply(images, params, owned=False)

    def apply_in_place(self, images: Tensor, params: Params) -> Tensor:
        """Degrade the samples with `applied`, in the batch itself."""
        return self._apply(images, params, owned=True)

    def _apply(self, images: Tensor, params: Params, owned: bool) -> Tensor:
        drawn = {name: values for name, values in params.items() if name != "applied"}

        def degrade(part: Tensor, positions: Tensor) -> Tensor:
            return self.degradation.apply_in_place(part, select(drawn, positions))

        return replace(images, params["applied"], degrade, owned)


def replace(
    images: Tensor, chosen: Tensor, convert: Callable[[Tensor, Tensor], Tensor], in_place: bool = False
) -> Tensor:
    """Convert some samples of a batch and leave the others bit by bit; the host waits once for the list of the chosen.

    Args:
        images: (B,3,H,W).
        chosen: bool (B,), which samples are converted.
        convert: Takes a copy of these images (n,3,H,W), which it may overwrite, and their positions in the batch,
            int64 (n,); returns images of the same shape.
        in_place: Whether the batch itself may be overwritten.

    Returns:
        (B,3,H,W): a tensor that shares no memory with `images`, or `images` itself where nothing was chosen or the
        batch was overwritten.
    """
    positions = chosen.nonzero().squeeze(1)
    if len(positions) == 0:
        return images
    converted = convert(images.index_select(0, positions), positions)
    if len(positions) == len(images):
        return converted
    return (images if in_place else images.clone()).index_copy_(0, positions, converted)


def select(params: Params, positions: Tensor) -> Params:
    """Return the parameters of some samples.

    Args:
        params: Tensors (B, ...) by name.
        positions: int64 (n,), positions of the samples in the batch.

    >>> select({"size_px": torch.tensor([7, 14, 28])}, torch.tensor([2, 0]))
    {'size_px': tensor([28,  7])}
    """
    return {name: values.index_select(0, positions) for name, values in params.items()}


def _check_images(images: Tensor) -> None:
    if not images.is_floating_point():
        raise TypeError(f"degradations need floating-point images in [0, 1], not {images.dtype}: divide uint8 by 255")
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"degradations need RGB images (B,3,H,W), not the shape {tuple(images.shape)}")
    if images.numel():
        _check_range(images)


def _check_keys(images: Tensor, keys: Keys) -> None:
    if len(keys) != len(images):
        raise ValueError(f"{len(images)} images, but keys for {len(keys)} samples")
    if keys.index.device != images.device:
        raise ValueError(f"images are on {images.device}, but keys.index is on {keys.index.device}")


def _check_range(images: Tensor) -> None:
    low, high = images.detach().aminmax()
    if images.device.type == "cpu":
        if not (low >= 0.0 and high <= 1.0):  # NaN too
            raise ValueError(f"degradations need images in [0, 1], got values from {low:g} to {high:g}")
    else:  # without making the host wait: the error comes with a later call
        torch._assert_async((low >= 0.0) & (high <= 1.0), "degradations need images in [0, 1]")
