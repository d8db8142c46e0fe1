from dataclasses import replace

import pytest
import torch
from scipy import stats

from facequal.degradations.draws import Keys, checked_probability, checked_range, philox_4x32_10, to_choice, to_range

MASK = 0xFFFFFFFF


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_known_answers_of_random123(counter, key, expected):
    words = torch.tensor([int(word, 16) for word in counter.split()])
    low, high = (int(word, 16) for word in key.split())
    even, odd = philox_4x32_10(words[0::2].view(2, 1, 1), words[1::2].view(2, 1, 1), seed=low | high << 32)
    result = [int(even[0]), int(odd[0]), int(even[1]), int(odd[1])]
    assert [f"{word:08x}" for word in result] == expected.split()


def reference_philox(counter: list[int], seed: int) -> list[int]:
    k0, k1 = seed & MASK, seed >> 32
    c0, c1, c2, c3 = counter
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return [c0, c1, c2, c3]


def test_bits_are_the_words_of_the_documented_counters():
    index, seed, epoch, stream = 5 * 2**32 + 77, 2**63 + 12345, 9, 0xDEADBEEF
    bits = Keys(torch.tensor([index]), seed, epoch, stream).bits((2, 5))
    expected = []
    for block in range(3):
        expected += reference_philox([epoch + 5 * 2**24, 77, stream, block], seed)
    assert bits.flatten().tolist() == expected[:10]


@pytest.mark.parametrize("shape", [(), (3,), (40,), (100, 90)])
@pytest.mark.parametrize("kind", ["bits", "uniform", "normal"])
def test_a_draw_depends_on_its_own_sample_only(kind, shape):
    keys = Keys(torch.arange(20, 31), seed=3, epoch=2, stream=9)
    together = getattr(keys, kind)(shape)
    order = torch.randperm(11, generator=torch.Generator().manual_seed(0))
    assert together.shape == (11, *shape)
    assert torch.equal(getattr(replace(keys, index=keys.index[order]), kind)(shape), together[order])
    for i in (0, 4, 10):
        assert torch.equal(getattr(replace(keys, index=keys.index[i : i + 1]), kind)(shape), together[i : i + 1])


def test_a_longer_draw_begins_with_the_shorter_one():
    keys = Keys(torch.arange(3))
    assert torch.equal(keys.uniform((50,))[:, :7], keys.uniform((7,)))


def test_chunks_do_not_show():
    keys = Keys(torch.arange(5))
    many = keys.bits((9000,))  # 2250 blocks a row: more than one chunk of rows
    assert torch.equal(many[4:], Keys(torch.tensor([4])).bits((9000,)))


def test_everything_that_names_a_draw_changes_it():
    base = {"index": torch.arange(1000), "seed": 5, "epoch": 6, "stream": 7}
    changes = {"index": base["index"] + 1000, "seed": 5 + 2**32, "epoch": 7, "stream": 8}
    draws = [Keys(**base).bits()] + [Keys(**{**base, name: value}).bits() for name, value in changes.items()]
    draws.append(Keys(**{**base, "index": base["index"] + 2**32}).bits())
    draws.append(Keys(**{**base, "index": base["index"] + 2**39}).bits())
    for i, one in enumerate(draws):
        for other in draws[:i]:
            assert int((one == other).sum()) == 0
    assert len(set(draws[0].tolist())) == 1000


@pytest.mark.parametrize("field", ["index", "seed", "epoch", "stream"])
def test_neighbours_are_uncorrelated(field):
    index = torch.arange(20_000)
    base = Keys(index, seed=1, epoch=1, stream=1)
    fields = {"index": index, "seed": 1, "epoch": 1, "stream": 1}
    next_to_it = Keys(**{**fields, field: fields[field] + 1})
    correlation = torch.corrcoef(torch.stack((base.uniform(), next_to_it.uniform())))[0, 1]
    assert abs(float(correlation)) < 4 / 20_000**0.5


def test_values_of_one_draw_are_uncorrelated():
    values = Keys(torch.arange(4000)).uniform((16,)).double()
    correlation = torch.corrcoef(values.T) - torch.eye(16)
    assert float(correlation.abs().max()) < 5 / 4000**0.5


def test_uniform_is_uniform():
    values = Keys(torch.arange(200), seed=42).uniform((500,), -1.0, 3.0)
    assert values.dtype == torch.float32
    assert float(values.min()) >= -1.0
    assert float(values.max()) < 3.0
    assert stats.kstest(values.flatten().double().numpy(), stats.uniform(-1.0, 4.0).cdf).pvalue > 0.01


def test_normal_is_normal():
    values = Keys(torch.arange(200), seed=7).normal((501,)).flatten().double()
    assert torch.isfinite(values).all()
    assert abs(float(values.mean())) < 4 / len(values) ** 0.5
    assert abs(float(values.var()) - 1.0) < 4 * (2 / len(values)) ** 0.5
    assert stats.kstest(values.numpy(), stats.norm.cdf).pvalue > 0.01


def test_normals_of_one_counter_are_uncorrelated():
    values = Keys(torch.arange(20_000)).normal((4,)).double()
    assert float((torch.corrcoef(values.T) - torch.eye(4)).abs().max()) < 4 / 20_000**0.5


def test_integers_are_equally_likely_and_in_range():
    values = Keys(torch.arange(6000)).integers(-2, 5, (5,))
    counts = torch.bincount(values.flatten() + 2, minlength=7)
    assert len(counts) == 7
    assert stats.chisquare(counts.numpy()).pvalue > 0.01
    assert Keys(torch.arange(50)).integers(4, 5).unique().tolist() == [4]
    wide = Keys(torch.arange(500)).integers(0, 2**31)
    assert float(wide.double().mean() / 2**30) == pytest.approx(1.0, abs=0.1)


def test_bernoulli_has_its_probability_and_exact_ends():
    keys = Keys(torch.arange(40_000))
    assert float(keys.bernoulli(0.2).double().mean()) == pytest.approx(0.2, abs=4 * 0.4 / 200)
    assert keys.bernoulli(1.0).all()
    assert not keys.bernoulli(0.0).any()


def test_folded_streams_differ_and_are_fixed():
    keys = Keys(torch.arange(4), seed=1)
    streams = [keys.fold(name).stream for name in ("a", "b", "1", 1, 2)]
    streams += [keys.fold("a").fold("b").stream, keys.fold("b").fold("a").stream, keys.fold("ab").stream]
    assert len(set(streams)) == len(streams)
    assert keys.fold("blur").stream == 0x306570EF  # pinned: another value would change every published draw
    assert keys.fold("blur").seed == keys.seed


def test_ranges_never_reach_their_upper_end():
    largest = torch.tensor([1.0 - 2.0**-24])
    for low, high in ((0.2, 1.0), (60.0, 61.0), (-45.0, 45.0), (1e-3, 1e3)):
        assert float(to_range(largest.clone(), low, high)) < high
    assert float(to_range(largest.clone(), 0.3, 0.3)) == pytest.approx(0.3)
    assert to_choice(largest, 5).tolist() == [4]
    assert to_choice(torch.tensor([0.0, 0.2, 0.59, 0.61]), 5).tolist() == [0, 1, 2, 3]


def test_no_samples_and_no_values():
    assert Keys(torch.zeros(0, dtype=torch.int64)).uniform((3,)).shape == (0, 3)
    assert Keys(torch.arange(3)).uniform((0,)).shape == (3, 0)
    assert len(Keys(torch.zeros(0, dtype=torch.int64))) == 0


def test_wrong_arguments_are_named():
    index = torch.arange(2)
    with pytest.raises(TypeError, match=r"int64 tensor, not torch\.int32"):
        Keys(index.int())
    with pytest.raises(TypeError, match="int64 tensor, not list"):
        Keys([1, 2])
    with pytest.raises(ValueError, match=r"shape \(B,\), not \(1, 2\)"):
        Keys(index.view(1, 2))
    with pytest.raises(ValueError, match=r"seed must be in \[0, 2\^64\), not -1"):
        Keys(index, seed=-1)
    with pytest.raises(ValueError, match=r"epoch must be in \[0, 2\^24\), not 16777216"):
        Keys(index, epoch=2**24)
    with pytest.raises(ValueError, match=r"low=5, high=5"):
        Keys(index).integers(5, 5)
    with pytest.raises(ValueError, match=r"low=1.0, high=0.0"):
        Keys(index).uniform((), 1.0, 0.0)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], not 1.5"):
        Keys(index).bernoulli(1.5)


@pytest.mark.parametrize(
    ("values", "positive", "message"),
    [
        ((0.2, 0.1), False, r"x must be a range within \[0, 1\], not \(0\.2, 0\.1\)"),
        ((0.0, 1.5), False, r"x must be a range within \[0, 1\], not \(0\.0, 1\.5\)"),
        ((0.0, 1.0), True, r"x must be a range within \(0, 1\], not \(0\.0, 1\.0\)"),
        ((0.0, float("nan")), False, "x must be a range within"),
        ((0.5,), False, "x must be a range of two numbers"),
    ],
)
def test_ranges_are_checked(values, positive, message):
    with pytest.raises(ValueError, match=message):
        checked_range("x", values, 0.0, 1.0, positive)
    assert checked_range("x", [0, 1], 0.0, 1.0) == (0.0, 1.0)
    assert checked_range("x", (1, 1), 0.0, 1.0, positive=True) == (1.0, 1.0)


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_probability_is_in_its_range(value: float) -> None:
    assert [checked_probability("p", p) for p in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match=rf"^p_crop must be in \[0, 1\], not {value}$"):
        checked_probability("p_crop", value)
