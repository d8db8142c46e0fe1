"""NASFE: its Fourier and attention operators, a step of the search with what saves memory, and the derived network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from experiments.benchmarks.octuplet import peak_tensor_kb
from experiments.benchmarks.rows import Row, rates
from experiments.benchmarks.timing import interleaved
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.methods.nasfe.network.operators import FourierOperator, SelfAttention
from facequal.methods.nasfe.network.supernet import SearchFusion, SearchSpace

SIZE = (44, 36)  # of the features of a picture of 176x144


def benchmark(quick: bool) -> list[Row]:
    """Return the rows on the CPU."""
    if quick:
        tiny = {"widths": (8, 8, 8), "channels": 8, "blocks": (1, 1, 1), "decoder_widths": (16, 8, 8)}
        return [
            fourier(channels=8, batch=2, rounds=2),
            *attention(channels=8, size=(8, 8), rounds=2),
            *search(SearchSpace(2, 16, 2), batch=1, channels=24, size=(8, 8), rounds=1),
            *derived(tiny, batch=2, height=32, width=24, rounds=2),
        ]
    return [fourier(), *attention(), *search(), *derived()]


def gradient_step(module: nn.Module, x: Tensor) -> Callable[[], object]:
    """Forward and backward of a module."""

    def step() -> None:
        module.zero_grad()
        module(x).square().mean().backward()

    return step


class ComplexFourier(FourierOperator):
    """The same operator by transforms that do not know that pictures are real."""

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to (B,C,H,W)."""
        first, second = x.chunk(2, dim=1)
        numerator, denominator = (
            torch.fft.fft2(layer(part), norm="ortho")
            for layer, part in ((self.numerator, first), (self.denominator, second))
        )
        power = denominator.real.square() + denominator.imag.square() + 0.01
        divided: Tensor = torch.fft.ifft2(denominator.conj() * numerator / power, norm="ortho").real
        return divided


def fourier(channels: int = 40, batch: int = 8, rounds: int = 9) -> Row:
    """Return the Fourier operator by real transforms against complex ones."""
    x = torch.randn(batch, channels, *SIZE, requires_grad=True)
    ours, theirs = FourierOperator(channels), ComplexFourier(channels)
    seconds = interleaved({"real": gradient_step(ours, x), "complex": gradient_step(theirs, x)}, rounds)
    milliseconds = {name: [1e3 * value for value in values] for name, values in seconds.items()}
    what = f"Fourier operator, {batch} x {channels} channels of {SIZE[0]}x{SIZE[1]}, forward and backward"
    return Row(what, "complex transforms", milliseconds["real"], milliseconds["complex"], "ms", "speed-up")


class PlainAttention(SelfAttention):
    """The same attention with the matrix of all pairs of positions."""

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to (B,C,H,W)."""
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))
        weights = torch.softmax(query.transpose(1, 2) @ key / query.shape[1] ** 0.5, dim=-1)
        attended = (value @ weights.transpose(1, 2)).view(*query.shape[:2], *x.shape[-2:])
        changed: Tensor = x + self.gamma * self.leave(attended)
        return changed


def attention(channels: int = 40, size: tuple[int, int] = SIZE, rounds: int = 9) -> list[Row]:
    """Self-attention in blocks: against the whole matrix, and with four times the positions."""
    height, width = size
    x = torch.randn(2, channels, height, width, requires_grad=True)
    large = torch.randn(2, channels, 2 * height, 2 * width, requires_grad=True)
    ours, theirs = SelfAttention(channels), PlainAttention(channels)
    theirs.load_state_dict(ours.state_dict())
    steps = {"blocks": gradient_step(ours, x), "matrix": gradient_step(theirs, x)}
    seconds = interleaved(steps, rounds)
    milliseconds = {name: [1e3 * value for value in values] for name, values in seconds.items()}
    memory = {name: [peak_tensor_kb(step)] for name, step in steps.items()}
    quadrupled = [peak_tensor_kb(gradient_step(ours, large))]
    what = f"self-attention, 2 x {channels} channels of {height}x{width}, forward and backward"
    matrix, smaller = "the matrix of all pairs of positions", f"a quarter of the positions, {height}x{width}"
    return [
        Row(f"{what}: time", matrix, milliseconds["blocks"], milliseconds["matrix"], "ms", "speed-up"),
        Row(f"{what}: memory", matrix, memory["blocks"], memory["matrix"], "kB", "cost"),
        # Linear in the positions: 4; all pairs of them: 16.
        Row(
            f"self-attention at {2 * height}x{2 * width}: memory",
            smaller,
            quadrupled,
            memory["blocks"],
            "kB",
            "cost",
            5,
        ),
    ]


def search(
    space: SearchSpace | None = None,
    batch: int = 1,
    channels: int = 192,
    size: tuple[int, int] = SIZE,
    rounds: int = 1,
) -> list[Row]:
    """Time and peak memory of a step of the supernet: blocks computed anew, a part of the channels."""
    space = space or SearchSpace()
    x = torch.randn(batch, channels, *size, requires_grad=True)
    variants = {
        "both": SearchSpace(space.blocks, space.channels, space.cells, partial=4, checkpointing=True),
        "kept": SearchSpace(space.blocks, space.channels, space.cells, partial=4, checkpointing=False),
        "whole": SearchSpace(space.blocks, space.channels, space.cells, partial=1, checkpointing=True),
    }
    steps = {name: gradient_step(SearchFusion(variant, channels), x) for name, variant in variants.items()}
    seconds = interleaved(steps, rounds)
    memory = {name: [peak_tensor_kb(step) / 1e3] for name, step in steps.items()}
    cells = f"supernet of {space.cells} cells of {space.blocks} blocks"
    what = f"{cells}, batch {batch}, {size[0]}x{size[1]}, a quarter of the channels"
    found = []
    for other, against in (("kept", "all activations kept"), ("whole", "all channels")):
        found.append(Row(f"{what}: time", against, seconds["both"], seconds[other], "s", "cost"))
        found.append(Row(f"{what}: memory", against, memory["both"], memory[other], "MB", "cost"))
    return found


def derived(
    sizes: dict[str, tuple[int, int, int]] | None = None,
    batch: int = 4,
    height: int = 176,
    width: int = 144,
    rounds: int = 5,
) -> list[Row]:
    """Restoring with the genotype that has every operator against Res2Blocks: one picture, and several at once."""
    sizes = sizes or {}
    networks = {"cells": NASFENetwork("reference", **sizes), "Res2Blocks": NASFENetwork(**sizes)}  # type: ignore[arg-type]
    found = []
    for number in (1, batch):
        images = torch.rand(number, 3, height, width)

        def restore(network: nn.Module, images: Tensor = images) -> Callable[[], object]:
            return torch.inference_mode()(lambda: network.eval()(images))

        seconds = interleaved({name: restore(network) for name, network in networks.items()}, rounds)
        what = f"restoring {height}x{width} with the reference genotype, "
        if number == 1:
            found.append(Row(f"{what}one picture", "Res2Blocks", seconds["cells"], seconds["Res2Blocks"], "s", "cost"))
        else:
            rate = {name: rates(values, number) for name, values in seconds.items()}
            found.append(
                Row(f"{what}{number} at once", "Res2Blocks", rate["cells"], rate["Res2Blocks"], "images/s", "rate")
            )
    return found
