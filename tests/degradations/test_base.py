import jsonargparse
import pytest
import torch
import yaml
from torch import Tensor

from facequal.degradations import Compose, Degradation, HorizontalFlip, Keys, RandomApply, Resolution, ZeroPadCrop
from facequal.degradations.base import Params, replace, select
from tests.degradations.pictures import pictures


class Darken(Degradation):
    """Multiplies each image by a drawn factor, and remembers the batches it saw."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def sample(self, keys: Keys) -> Params:
        return {"factor": keys.uniform((), 0.1, 0.9)}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        self.seen.append(images)
        return images * params["factor"].view(-1, 1, 1, 1)


class Recorder(Degradation):
    """Notes the state that torch is in while a degradation is applied."""

    def sample(self, keys: Keys) -> Params:
        return {}

    def apply(self, images: Tensor, params: Params) -> Tensor:
        self.dtype = images.dtype
        self.grad = torch.is_grad_enabled()
        self.product = (images[0, 0] @ images[0, 0].T).dtype
        self.precision = precision()
        return images


def precision() -> list[str]:
    backends = torch.backends
    switches = (backends.cuda.matmul, backends.cudnn.conv, backends.mkldnn.matmul, backends.mkldnn.conv)
    return [switch.fp32_precision for switch in switches] + [torch.get_float32_matmul_precision()]


def test_a_call_samples_and_applies():
    images, keys = pictures(3, 8, 8), Keys(torch.arange(3))
    degraded, params = Darken()(images, keys)
    assert torch.equal(params["factor"], keys.uniform((), 0.1, 0.9))
    assert torch.equal(degraded, images * params["factor"].view(3, 1, 1, 1))


@pytest.mark.parametrize("setting", ["highest", "high", "medium"])
def test_a_call_computes_in_float32_whatever_is_set_around_it(setting):
    recorder = Recorder()
    outer = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(setting)
        before = precision()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            degraded, _ = recorder(pictures(1, 8, 8).double().requires_grad_(), Keys(torch.arange(1)))
        assert precision() == before
    finally:
        torch.set_float32_matmul_precision(outer)
    assert (recorder.dtype, recorder.product, recorder.grad) == (torch.float32, torch.float32, False)
    assert recorder.precision == ["ieee"] * 4 + ["highest"]
    assert degraded.dtype == torch.float32
    assert not degraded.requires_grad


def test_the_newer_switches_survive_a_call_and_an_error_in_it():
    class Broken(Recorder):
        def apply(self, images: Tensor, params: Params) -> Tensor:
            raise ArithmeticError

    matmul = torch.backends.cuda.matmul
    outer = matmul.fp32_precision
    try:
        matmul.fp32_precision = "tf32"
        recorder = Recorder()
        recorder(pictures(1, 8, 8), Keys(torch.arange(1)))
        with pytest.raises(ArithmeticError):
            Broken()(pictures(1, 8, 8), Keys(torch.arange(1)))
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = outer
    assert recorder.precision[0] == "ieee"


def test_a_call_never_returns_its_input():
    images = pictures(2, 8, 8)
    degraded, _ = Recorder()(images, Keys(torch.arange(2)))
    assert torch.equal(degraded, images)
    assert degraded.data_ptr() != images.data_ptr()


def test_random_apply_touches_the_chosen_samples_only():
    inner, images, keys = Darken(), pictures(200, 4, 4), Keys(torch.arange(200))
    before = images.clone()
    degraded, params = RandomApply(inner, 0.3)(images, keys)
    applied = params["applied"]
    assert torch.equal(images, before)
    assert 35 < int(applied.sum()) < 85
    assert len(inner.seen[0]) == int(applied.sum())
    assert torch.equal(degraded[~applied], images[~applied])
    expected = images * params["factor"].view(-1, 1, 1, 1)
    assert torch.equal(degraded[applied], expected[applied])


@pytest.mark.parametrize(("p", "calls"), [(0.0, 0), (1.0, 1)])
def test_random_apply_at_the_ends(p, calls):
    inner, images, keys = Darken(), pictures(5, 4, 4), Keys(torch.arange(5))
    degraded, params = RandomApply(inner, p)(images, keys)
    assert len(inner.seen) == calls
    assert torch.equal(degraded, images * params["factor"].view(-1, 1, 1, 1) if p else images)
    assert degraded.data_ptr() != images.data_ptr()


def test_compose_names_parameters_and_gives_every_member_its_own_draws():
    keys = Keys(torch.arange(50))
    params = Compose([Resolution([7, 14]), Darken(), Darken(), HorizontalFlip()]).sample(keys)
    assert set(params) == {
        "resolution.size_px",
        "darken_1.factor",
        "darken_2.factor",
        "horizontal_flip.flipped",
    }
    assert not (params["darken_1.factor"] == params["darken_2.factor"]).any()
    # position and name: exchanging a member for another leaves the draws of the rest as they were
    assert torch.equal(params["darken_2.factor"], Darken().sample(keys.fold("2.darken"))["factor"])


def test_compose_applies_in_order_and_leaves_the_input_alone():
    images, keys = pictures(40, 8, 8), Keys(torch.arange(40))
    before = images.clone()
    chain = Compose([RandomApply(Darken(), 0.5), RandomApply(ZeroPadCrop(), 0.5), Compose([HorizontalFlip(0.5)])])
    degraded, params = chain(images, keys)
    assert torch.equal(images, before)
    expected = images.clone()
    for i in range(40):
        if params["darken.applied"][i]:
            expected[i] *= params["darken.factor"][i]
        if params["zero_pad_crop.applied"][i]:
            crop = {key.split(".")[1]: value[i : i + 1] for key, value in params.items() if "crop" in key}
            expected[i : i + 1] = ZeroPadCrop().apply(expected[i : i + 1], crop)
        if params["compose.horizontal_flip.flipped"][i]:
            expected[i] = expected[i].flip(2)
    assert torch.equal(degraded, expected)


def test_a_whole_chain_can_be_applied_at_random():
    images, keys = pictures(60, 8, 8), Keys(torch.arange(60))
    chain = RandomApply(Compose([Darken(), RandomApply(Darken(), 0.5)]), 0.5)
    degraded, params = chain(images, keys)
    factor = params["darken_0.factor"] * torch.where(params["darken_1.applied"], params["darken_1.factor"], 1.0)
    factor = torch.where(params["applied"], factor, 1.0)
    torch.testing.assert_close(degraded, images * factor.view(-1, 1, 1, 1))
    assert chain.name == "compose"


def test_an_empty_chain_is_the_identity():
    images = pictures(2, 4, 4)
    degraded, params = Compose([])(images, Keys(torch.arange(2)))
    assert torch.equal(degraded, images)
    assert params == {}


def test_names_are_snake_case():
    assert ZeroPadCrop().name == "zero_pad_crop"
    assert RandomApply(Resolution([7]), 0.5).name == "resolution"
    assert repr(RandomApply(Resolution([7]), 0.5)) == "RandomApply(degradation=Resolution(sizes_px=(7,)), p=0.5)"


def test_a_chain_is_built_from_yaml():
    text = """
    class_path: facequal.degradations.base.Compose
    init_args:
      degradations:
        - class_path: facequal.degradations.resolution.Resolution
          init_args: {sizes_px: [7, 14, 28]}
        - class_path: facequal.degradations.base.RandomApply
          init_args:
            p: 0.25
            degradation:
              class_path: facequal.degradations.resolution.DownUpScale
              init_args: {scale: [0.1, 0.5], filters: [nearest, area]}
        - class_path: facequal.degradations.jpeg.JPEG
          init_args: {quality: [60, 95]}
        - class_path: facequal.degradations.suites.AdaFaceAugmentation
          init_args: {p_crop: 0.5}
    """
    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--degradation", type=Degradation)
    chain = parser.instantiate_classes(parser.parse_object({"degradation": yaml.safe_load(text)})).degradation
    assert repr(chain).startswith(
        "Compose(degradations=[Resolution(sizes_px=(7, 14, 28)), "
        "RandomApply(degradation=DownUpScale(scale=(0.1, 0.5), filters=('nearest', 'area')), p=0.25), "
        "JPEG(quality=(60, 95)), AdaFaceAugmentation(degradations=[RandomApply(degradation=ZeroPadCrop("
    )
    images = pictures(4, 16, 16)
    assert chain(images, Keys(torch.arange(4)))[0].shape == images.shape


def test_wrong_input_is_named():
    flip, keys = HorizontalFlip(), Keys(torch.arange(2))
    with pytest.raises(TypeError, match=r"not torch\.uint8: divide uint8 by 255"):
        flip(torch.zeros(2, 3, 4, 4, dtype=torch.uint8), keys)
    with pytest.raises(ValueError, match=r"not the shape \(3, 4, 4\)"):
        flip(torch.zeros(3, 4, 4), keys)
    with pytest.raises(ValueError, match=r"not the shape \(2, 1, 4, 4\)"):
        flip(torch.zeros(2, 1, 4, 4), keys)
    with pytest.raises(ValueError, match="3 images, but keys for 2 samples"):
        flip(torch.zeros(3, 3, 4, 4), keys)
    with pytest.raises(ValueError, match=r"images are on meta, but keys\.index is on cpu"):
        flip(torch.zeros(2, 3, 4, 4, device="meta"), keys)
    with pytest.raises(ValueError, match=r"p must be in \[0, 1\], not 2"):
        RandomApply(flip, 2.0)
    with pytest.raises(ValueError, match="RandomApply within a RandomApply"):
        RandomApply(RandomApply(flip, 0.5), 0.5)


def test_only_the_chosen_are_converted_and_get_copies():
    images, positions = pictures(5, 6, 7), []

    def blacken(part, chosen):
        positions.extend(chosen.tolist())
        return part.zero_()

    chosen, before = torch.tensor([False, True, False, False, True]), images.clone()
    converted = replace(images, chosen, blacken)
    assert positions == [1, 4]
    assert torch.equal(images, before)
    assert torch.equal(converted, torch.where(chosen.view(-1, 1, 1, 1), 0.0, images))
    assert replace(images, torch.zeros(5, dtype=torch.bool), blacken) is images
    assert not replace(images, torch.ones(5, dtype=torch.bool), blacken).any()
    assert torch.equal(images, before)
    assert replace(images, chosen, blacken, in_place=True) is images
    assert torch.equal(images, converted)


def test_parameters_follow_their_samples():
    params = {"a": torch.arange(4), "b": torch.arange(8.0).view(4, 2)}
    chosen = select(params, torch.tensor([3, 0]))
    assert chosen["a"].tolist() == [3, 0]
    assert chosen["b"].tolist() == [[6, 7], [0, 1]]
