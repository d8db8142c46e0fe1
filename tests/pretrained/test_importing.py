import copy
import functools
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facequal.models.backbones import TimmBackbone
from facequal.models.heads import AdaFaceHead, CosFaceHead, CurricularFaceHead
from facequal.models.iresnet import IResNet, IRTiny
from facequal.pretrained.importing import load_backbone_weights, load_weights
from tests.models.reference_ir import randomised, reference_features

CLASSES, DIM = 6, 8


@functools.cache
def drawn_ir() -> IResNet:
    torch.manual_seed(0)
    return IResNet(18, embedding_dim=DIM, input_size_px=32).eval()


def small_ir() -> IResNet:
    return copy.deepcopy(drawn_ir())  # a tenth of the time of drawing 11 M weights again


def published_checkpoint(classes: int = CLASSES) -> dict[str, Any]:
    """The layout of the released AdaFace files: a Lightning checkpoint with `model.*` and `head.*`, trained on BGR."""
    weights = randomised(dict(small_ir().state_dict()), seed=7)
    state = OrderedDict((f"model.{key}", value) for key, value in weights.items())
    state["head.kernel"] = torch.randn(DIM, classes)
    state["head.t"] = torch.zeros(1)
    state["head.batch_mean"] = torch.tensor([23.5])
    state["head.batch_std"] = torch.tensor([4.5])
    return {"state_dict": state, "epoch": 25, "global_step": 1000, "pytorch-lightning_version": "1.4.4"}


@pytest.fixture
def published(tmp_path: Path) -> Path:
    path = tmp_path / "adaface_ir18.ckpt"
    torch.save(published_checkpoint(), path)
    return path


def test_published_checkpoint_gives_the_same_embeddings(published: Path) -> None:
    backbone, head = small_ir(), AdaFaceHead(DIM, CLASSES)
    report = load_weights(backbone, head, published, colour_order="bgr")
    state = torch.load(published, weights_only=True)["state_dict"]
    images = torch.rand(3, 3, 32, 32)
    blue_first = (images[:, [2, 1, 0]] - 0.5) / 0.5  # what the released code feeds
    original = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    features = reference_features(original, blue_first)
    with torch.no_grad():
        embedding, norm = backbone(images)
    torch.testing.assert_close(embedding * norm, features, rtol=1e-4, atol=1e-4)
    assert backbone.colour_order == "rgb"
    torch.testing.assert_close(head.weight.detach(), state["head.kernel"].T)
    assert (head.batch_mean.item(), head.batch_std.item(), head.num_updates.item()) == (23.5, 4.5, 1)
    assert report.head_restored
    assert report.colour_order == "bgr"
    assert report.num_tensors == len(original)
    assert report.ignored == ("head.t",)
    text = str(report)
    assert "published AdaFace checkpoint" in text
    assert "converted from BGR to RGB" in text
    assert "head of 6 classes restored" in text
    assert text.endswith("head.t ignored")


def test_rgb_weights_are_not_reordered(published: Path) -> None:
    rgb, bgr = small_ir(), small_ir()
    assert load_backbone_weights(rgb, published, "rgb").colour_order == "rgb"
    load_backbone_weights(bgr, published, "bgr")
    assert torch.equal(rgb.input_layer[0].weight, bgr.input_layer[0].weight.flip(1))
    assert torch.equal(rgb.output_layer[3].weight, bgr.output_layer[3].weight)


def test_import_into_a_model_declared_bgr(published: Path) -> None:
    backbone, declared = small_ir(), IResNet(18, DIM, 32, colour_order="bgr").eval()
    for model in (backbone, declared):
        load_backbone_weights(model, published, "bgr")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(declared(images)[0], backbone(images)[0])
    assert declared.colour_order == "rgb"


def test_head_of_other_classes_is_left(published: Path) -> None:
    head = AdaFaceHead(DIM, CLASSES + 1)
    before = head.weight.detach().clone()
    report = load_weights(small_ir(), head, published, "bgr")
    assert torch.equal(head.weight, before)
    assert head.batch_mean.item() == 20.0
    assert not report.head_restored
    assert "the file has 6 classes of 8 dimensions, the head 7 of 8: head left as it was" in str(report)
    assert set(report.ignored) == {"head.kernel", "head.t", "head.batch_mean", "head.batch_std"}


def test_other_heads_take_the_class_weights_only(published: Path) -> None:
    for head in (CosFaceHead(DIM, CLASSES), CurricularFaceHead(DIM, CLASSES)):
        report = load_weights(small_ir(), head, published, "bgr")
        assert report.head_restored
        assert set(report.ignored) == {"head.t", "head.batch_mean", "head.batch_std"}
    given = AdaFaceHead(DIM, CLASSES, quality="given", init_stats="first_batch")
    load_weights(small_ir(), given, published, "bgr")
    assert (given.batch_mean.item(), given.num_updates.item()) == (20.0, 0)


def test_no_head_asked_for(published: Path) -> None:
    report = load_weights(small_ir(), None, published, "bgr")
    assert not report.head_restored
    assert "no head asked for" in str(report)


class Method(nn.Module):
    """A method of this package, as far as its checkpoint goes."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = AdaFaceHead(DIM, CLASSES)
        self.register_buffer("step", torch.zeros(1))


@pytest.mark.parametrize("colour_order", ["rgb", "bgr"])
def test_own_checkpoint_records_its_colour_order(colour_order: Any, tmp_path: Path) -> None:
    method = Method(IRTiny(DIM, 32, colour_order=colour_order).eval())
    method.head.loss(torch.zeros(2, DIM), torch.tensor([[3.0], [9.0]]), torch.tensor([0, 1]))
    torch.save({"state_dict": method.state_dict()}, tmp_path / "last.ckpt")
    backbone, head = IRTiny(DIM, 32).eval(), AdaFaceHead(DIM, CLASSES)
    report = load_weights(backbone, head, tmp_path / "last.ckpt")
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(backbone(images)[0], method.backbone(images)[0])
    assert backbone.colour_order == "rgb"
    for key, value in method.head.state_dict().items():
        assert torch.equal(head.state_dict()[key], value), key
    assert report.colour_order == colour_order
    assert report.layout == "facequal checkpoint"
    assert report.ignored == ("step",)
    other = "bgr" if colour_order == "rgb" else "rgb"
    with pytest.raises(ValueError, match=f"records colour order '{colour_order}', but colour_order='{other}'"):
        load_weights(backbone, head, tmp_path / "last.ckpt", other)


def test_plain_state_dict(tmp_path: Path) -> None:
    source, target = IRTiny(DIM, 32), IRTiny(DIM, 32)
    torch.save(dict(source.state_dict()), tmp_path / "plain.pt")
    report = load_backbone_weights(target, tmp_path / "plain.pt", "rgb")
    assert report.layout == "plain state dict"
    for key, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[key], value), key


def test_only_a_leading_prefix_is_stripped(tmp_path: Path) -> None:
    class Outer(IRTiny):
        def __init__(self) -> None:
            super().__init__(DIM, 32)
            self.model = nn.Linear(2, 2)  # keys of its own begin with "model."

    source, target = Outer(), Outer()
    torch.save({"state_dict": {f"model.{k}": v for k, v in source.state_dict().items()}}, tmp_path / "nested.ckpt")
    load_backbone_weights(target, tmp_path / "nested.ckpt", "rgb")
    assert torch.equal(target.model.weight, source.model.weight)


def test_bgr_timm_weights(tmp_path: Path) -> None:
    source = TimmBackbone("test_resnet", DIM, 32, colour_order="bgr").eval()
    target = TimmBackbone("test_resnet", DIM, 32).eval()
    torch.save(source.state_dict(), tmp_path / "timm.pt")
    load_backbone_weights(target, tmp_path / "timm.pt")
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(target(images)[0], source(images)[0])


def test_unknown_colour_order(published: Path) -> None:
    with pytest.raises(ValueError, match=r"does not record its colour order: pass colour_order='bgr'"):
        load_backbone_weights(small_ir(), published)
    with pytest.raises(ValueError, match=r"colour_order must be one of \('rgb', 'bgr'\) or None, got 'BGR'"):
        load_backbone_weights(small_ir(), published, "BGR")


def unchanged(backbone: nn.Module, before: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_misfits_are_listed_and_change_nothing(tmp_path: Path) -> None:
    checkpoint = published_checkpoint()
    state = checkpoint["state_dict"]
    del state["model.body.3.res_layer.1.weight"]
    state["model.input_layer.2.weight"] = torch.zeros(32)
    for index in range(10):
        state[f"model.extra.{index}"] = torch.zeros(1)
    torch.save(checkpoint, tmp_path / "wrong.ckpt")
    backbone = small_ir()
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    with pytest.raises(ValueError, match="does not fit the network") as caught:
        load_weights(backbone, AdaFaceHead(DIM, CLASSES), tmp_path / "wrong.ckpt", "bgr")
    lines = str(caught.value).splitlines()
    assert lines[1] == "  1 missing: body.3.res_layer.1.weight"
    assert lines[2].startswith("  10 unexpected: extra.0, extra.1,")
    assert lines[2].endswith(", ... (2 more)")
    assert lines[3] == "  1 of another shape: input_layer.2.weight (32,) instead of (64,)"
    assert unchanged(backbone, before)


def test_another_architecture(published: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no weights of TimmBackbone: its keys are model\.input_layer"):
        load_backbone_weights(TimmBackbone("test_resnet", DIM, 32), published, "bgr")
    with pytest.raises(ValueError, match=r"instead of \(8, 4608\)"):
        load_backbone_weights(IResNet(18, DIM, 48), published, "bgr")


class Executed:
    """Pickles to a call, which an unsafe load would run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


def test_unsafe_files_are_refused_with_a_way_out(tmp_path: Path) -> None:
    path, evidence = tmp_path / "unsafe.ckpt", tmp_path / "executed"
    torch.save({**published_checkpoint(), "callbacks": Executed(evidence)}, path)
    with pytest.raises(ValueError, match=r"holds more than tensors.*: it refers to getattr\.") as caught:
        load_backbone_weights(small_ir(), path, "bgr")
    assert not evidence.exists()
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)
    snippet = str(caught.value).split("\n\n")[1]
    exec("\n".join(line.strip() for line in snippet.splitlines()))  # the text must work as printed
    load_backbone_weights(small_ir(), tmp_path / "unsafe_weights.pt", "bgr")


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there are no weights at .*nothing\.ckpt"):
        load_backbone_weights(small_ir(), tmp_path / "nothing.ckpt", "bgr")
    (tmp_path / "empty.ckpt").touch()
    with pytest.raises(ValueError, match=r"empty\.ckpt is damaged or was not written by torch\.save"):
        load_backbone_weights(small_ir(), tmp_path / "empty.ckpt", "bgr")
    (tmp_path / "page.ckpt").write_text("<html>Not found")
    with pytest.raises(ValueError, match=r"page\.ckpt is damaged or was not written by torch\.save"):
        load_backbone_weights(small_ir(), tmp_path / "page.ckpt", "bgr")
    torch.save(published_checkpoint(), tmp_path / "cut.ckpt")
    whole = (tmp_path / "cut.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"cut\.ckpt is damaged"):
        load_backbone_weights(small_ir(), tmp_path / "cut.ckpt", "bgr")
    torch.save({"epoch": 3, "optimizer": []}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"must hold a state dict.*found epoch, optimizer"):
        load_backbone_weights(small_ir(), tmp_path / "other.ckpt", "bgr")
    torch.save([1, 2], tmp_path / "list.ckpt")
    with pytest.raises(ValueError, match=r"must hold a state dict.*found list"):
        load_backbone_weights(small_ir(), tmp_path / "list.ckpt", "bgr")
