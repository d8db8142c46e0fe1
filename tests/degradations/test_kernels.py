import cmath
import math

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from facequal.degradations.draws import Keys
from facequal.degradations.kernels import GAUSSIANS, KernelBank, anisotropic_gaussian, splat, trajectories

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bank() -> torch.Tensor:
    return KernelBank(num_motion=1600, seed=3).on(CPU)


def centroids(kernels: torch.Tensor) -> torch.Tensor:
    offsets = torch.arange(kernels.shape[-1]) - (kernels.shape[-1] - 1) / 2
    return torch.stack(((kernels.sum(1) * offsets).sum(1), (kernels.sum(2) * offsets).sum(1)), dim=1)


def test_kernels_are_weights_about_their_middle(bank):
    assert bank.shape == (1608, 27, 27)
    assert float(bank.min()) >= 0.0
    torch.testing.assert_close(bank.sum((1, 2)), torch.ones(1608), atol=1e-6, rtol=0)
    assert float(centroids(bank).abs().max()) < 0.05


def test_kernels_fill_their_sizes_and_no_more(bank):
    distance = (torch.arange(27) - 13).abs()
    for number, kernel in enumerate(bank[:160]):
        half = (13, 15, 17, 19, 21, 23, 25, 27)[number % 8] // 2
        used = (kernel > 0).any(0) | (kernel > 0).any(1)
        assert int(distance[used].max()) == half


def test_a_bank_is_its_numbers(bank):
    assert torch.equal(KernelBank(num_motion=100, gaussians="none", seed=3).on(CPU), bank[:100])
    assert not torch.equal(KernelBank(num_motion=100, gaussians="none", seed=4).on(CPU), bank[:100])
    assert len(bank[:1600].unique(dim=0)) == 1600
    assert KernelBank(sizes_px=[13, 15]) == KernelBank(sizes_px=(13, 15))
    assert len(KernelBank()) == 25_008


def walk(index: int, seed: int, num_steps: int) -> list[complex]:
    """The recipe of `trajectories`, one number at a time."""
    keys = Keys(torch.tensor([index]), seed=seed)
    exposure = (0.01, 0.009, 0.008, 0.007, 0.005, 0.003)[int(keys.fold("exposure").integers(0, 6))]
    pull, shake, jerk, angle = keys.fold("character").uniform((4,))[0].tolist()
    normals = keys.fold("noise").normal((num_steps, 2))[0].tolist()
    jerks, turns = (keys.fold(name).uniform((num_steps,))[0].tolist() for name in ("jerk", "turn"))
    step, k = 1 / (num_steps - 1), 2000 / num_steps
    place, velocity, path = 0j, cmath.rect(exposure, 2 * math.pi * angle), [0j]
    for t in range(num_steps - 1):
        change = 0j
        if jerks[t] < 0.2 * k * jerk * exposure:
            change = 2 * velocity * cmath.exp(1j * (math.pi + turns[t] - 0.5))
        change += exposure * (10 * k**0.5 * shake * complex(*normals[t]) - 42 * k * pull * place) * step
        velocity += change
        velocity *= step / abs(velocity)
        place += velocity
        path.append(place)
    return path


def test_trajectories_follow_the_recipe():
    paths = trajectories(Keys(torch.arange(16), seed=5), num_steps=120)
    for index, path in enumerate(paths.tolist()):
        np.testing.assert_allclose(path, walk(index, 5, 120), atol=1e-4)
    lengths = (paths[:, 1:] - paths[:, :-1]).abs().sum(1)
    torch.testing.assert_close(lengths, torch.ones(16), atol=1e-4, rtol=0)


def published_walk(generator: np.random.Generator, num_steps: int = 2000, length: float = 60.0) -> np.ndarray:
    """Boracchi and Foi's trajectory as their code and DeblurGAN's draw it."""
    exposure = generator.choice([0.01, 0.009, 0.008, 0.007, 0.005, 0.003])
    centripetal, big, noise = 0.7 * generator.random(), 0.2 * generator.random(), 10 * generator.random()
    step, place = length / (num_steps - 1), 0j
    velocity, path = exposure * cmath.exp(2j * math.pi * generator.random()), [0j]
    for _ in range(num_steps - 1):
        change = 0j
        if generator.random() < big * exposure:
            change = 2 * velocity * cmath.exp(1j * (math.pi + generator.random() - 0.5))
        normal = complex(*generator.standard_normal(2))
        velocity = velocity + change + exposure * (noise * normal - centripetal * place) * step
        velocity *= step / abs(velocity)
        place += velocity
        path.append(place)
    return np.array(path) / length


def shape(paths: np.ndarray) -> np.ndarray:
    """Quantiles of chord / length, and of the ratio of the axes."""
    chord = np.abs(paths[:, -1] - paths[:, 0])
    centred = paths - paths.mean(1, keepdims=True)
    spread = np.linalg.eigvalsh(np.array([np.cov(path.real, path.imag) for path in centred]))
    ratio = np.sqrt(spread[:, 0] / spread[:, 1])
    extent = np.abs(np.stack((np.ptp(paths.real, axis=1), np.ptp(paths.imag, axis=1)))).max(0)
    return np.array([np.quantile(values, (0.25, 0.5, 0.75)) for values in (chord, ratio, extent)])


def test_trajectories_are_shaped_as_the_published_ones():
    generator = np.random.default_rng(0)
    published = np.array([published_walk(generator) for _ in range(250)])
    ours = trajectories(Keys(torch.arange(1000), seed=1)).numpy()
    np.testing.assert_allclose(shape(ours), shape(published), atol=0.05)


def test_splatting_spreads_points_over_four_pixels():
    path = torch.tensor([[0 + 0j, 2 + 0j, 2 + 1j, -1 - 3j]])
    for anchor in ("centroid", "start"):
        kernel = splat(path, torch.tensor([7]), anchor, 13)[0]
        points = np.array(path[0].tolist())
        points = points - points.mean()
        points = points * (3 - 1e-3) / max(np.abs(points.real).max(), np.abs(points.imag).max())
        points = points - (0 if anchor == "centroid" else points[0])
        expected = np.zeros((13, 13))
        for point in points:
            for y in range(13):
                for x in range(13):
                    near = max(0, 1 - abs(point.real + 6 - x)) * max(0, 1 - abs(point.imag + 6 - y))
                    expected[y, x] += near / len(points)
        np.testing.assert_allclose(kernel, expected, atol=1e-6)


def test_the_start_in_the_middle_shifts_the_image():
    kernels = KernelBank(num_motion=64, gaussians="none", anchor="start").on(CPU)
    assert kernels.shape == (64, 53, 53)
    assert float(centroids(kernels).norm(dim=1).median()) > 1.5
    assert float(centroids(kernels).norm(dim=1).max()) > 10.0
    assert float((kernels[:, 26, 26] > 0).float().mean()) == 1.0
    centred = KernelBank(num_motion=64, gaussians="none").on(CPU)

    def variance(bank: torch.Tensor) -> torch.Tensor:
        d = torch.arange(bank.shape[-1]).double()
        x = bank.double().sum(1)
        return (x * d * d).sum(1) - (x * d).sum(1) ** 2

    # the same blur in another place: equal but for where the path falls on the pixel grid
    torch.testing.assert_close(variance(kernels), variance(centred), atol=0.3, rtol=0.05)
    torch.testing.assert_close(kernels.sum((1, 2)), torch.ones(64), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("degrees", "minor", "major"), [(0, 1.0, 2.0), (30, 1.5, 3.0), (135, 1.0, 3.0)])
def test_gaussians_have_standard_deviations_along_rotated_axes(degrees, minor, major):
    angle = math.radians(degrees)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    covariance = rotation @ np.diag([minor**2, major**2]) @ rotation.T
    y, x = np.mgrid[-10:11, -10:11]
    expected = multivariate_normal([0, 0], covariance).pdf(np.stack((x, y), axis=-1))
    kernel = anisotropic_gaussian(degrees, minor, major, 27)
    np.testing.assert_allclose(kernel[3:24, 3:24], expected / expected.sum(), atol=1e-7)
    assert float(kernel.sum()) == pytest.approx(1.0, abs=1e-6)


def test_tests_have_gaussians_of_their_own():
    assert (len(GAUSSIANS["training"]), len(GAUSSIANS["test"])) == (8, 12)
    assert not set(GAUSSIANS["training"]) & set(GAUSSIANS["test"])
    only = KernelBank(num_motion=0, gaussians="test")
    assert only.on(CPU).shape == (12, 21, 21)
    assert len(only.on(CPU).unique(dim=0)) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_motion": -1}, "num_motion must be at least 0 .* not -1"),
        ({"num_motion": 0, "gaussians": "none"}, "1 without Gaussians"),
        ({"sizes_px": (13, 14)}, r"sizes_px must be odd and at least 3, not \(13, 14\)"),
        ({"sizes_px": ()}, r"sizes_px must be odd and at least 3, not \(\)"),
        ({"anchor": "end"}, "anchor must be one of .* not 'end'"),
        ({"gaussians": "all"}, "gaussians must be one of training, test, none, not 'all'"),
    ],
)
def test_wrong_banks_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        KernelBank(**options)
