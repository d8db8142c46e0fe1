"""The search: which batch trains what, and what is written."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyLogger

from facequal.callbacks.search_report import SearchReport
from facequal.data.protocols.restoration import RestorationSet
from facequal.data.sampling.identity_pairs import IdentityPairs
from facequal.data.sources.images import read_image
from facequal.evaluation.callback import ProtocolEvaluation
from facequal.methods.nasfe.network.genotype import load_genotype
from facequal.methods.nasfe.network.network import NASFENetwork
from facequal.methods.nasfe.network.operators import OPERATORS
from facequal.methods.nasfe.search import NASFESearch
from tests.loggers import RememberedRun
from tests.methods.nasfe.tiny import SPACE, TINY, Shades, search, search_data
from tests.sources import people
from tests.training import trainer

FEW = people(4, 6, size_px=16)


class Watch(Callback):
    """What changed in every step: weights of the network, of its encoders, the architecture."""

    def __init__(self) -> None:
        self.changes: list[set[str]] = []
        self.people: list[set[int]] = []

    def state(self, module: NASFESearch) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in module.network.named_parameters()}

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self.before = self.state(pl_module)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        changed = [name for name, value in self.state(pl_module).items() if not torch.equal(value, self.before[name])]
        kinds = {
            "architecture" if name in ("fusion.alpha", "fusion.edge_weights", "fusion.beta") else name.split(".")[0]
            for name in changed
        }
        self.changes.append(kinds)
        self.people.append(set(batch["label"].tolist()))


def test_weights_and_architecture_in_turn_on_people_of_their_own(tmp_path: Path) -> None:
    watch = Watch()
    trainer(tmp_path, max_epochs=2, callbacks=[watch]).fit(search(), datamodule=search_data(train=FEW))
    assert len(watch.changes) == 8  # two epochs of two batches of each half
    for number, changed in enumerate(watch.changes):
        if number % 2 == 0:
            assert changed == {"encoders", "fusion", "decoder"}
        else:  # in the first half of the training the architecture stays
            assert changed == ({"architecture"} if number >= 4 else set())
    of_weights, of_architecture = (set().union(*watch.people[half::2]) for half in (0, 1))
    assert of_weights.isdisjoint(of_architecture)


def test_rates_of_both_optimizers() -> None:
    module = search(encoder_rate=0.1, optimizer=lambda groups: torch.optim.Adam(groups, lr=0.02))
    weights, architecture = module.configure_optimizers()
    assert [group["lr"] for group in weights.param_groups] == pytest.approx([0.02, 0.002])
    assert [group["weight_decay"] for group in architecture.param_groups] == [0.0]  # it would hold alpha at 0
    of_encoders = {id(parameter) for parameter in module.network.encoders.parameters()}
    assert {id(parameter) for parameter in weights.param_groups[1]["params"]} == of_encoders
    assert [tuple(parameter.shape) for parameter in architecture.param_groups[0]["params"]] == [
        (5, 11),
        (5,),
        (2, 2, 2),
    ]
    together = sum(len(group["params"]) for optimizer in (weights, architecture) for group in optimizer.param_groups)
    assert together == len(list(module.network.parameters()))


class PictureLogger(DummyLogger):  # type: ignore[misc]  # as W&B's: it takes pictures from files
    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[tuple[str, int]] = []

    def log_image(self, key: str, images: list[str], step: int) -> None:
        assert all(read_image(path).size for path in images)
        self.pictures.append((key, step))


@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning:wandb")
def test_it_searches_and_writes_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "data"))
    module, logger = (
        search(features=Shades(), optimizer=lambda groups: torch.optim.Adam(groups, lr=0.01)),
        PictureLogger(),
    )
    remembered = RememberedRun()
    loggers = [logger, WandbLogger(experiment=remembered, save_dir=tmp_path)]
    run = trainer(tmp_path, max_epochs=3, callbacks=[SearchReport()], logger=loggers, log_every_n_steps=1)
    run.fit(module, datamodule=search_data(train=FEW))
    (path,) = tmp_path.rglob("genotype.json")
    genotype = load_genotype(path)
    assert (genotype.nodes, genotype.cells) == (module.derive().nodes, module.derive().cells)
    assert genotype.source == {"epoch": 2, "seed": 4}
    assert genotype.counts.get("skip", 0) <= 2
    content = json.loads(path.read_text())
    assert content["score"]["entropy"] < 1.0
    derived = NASFENetwork(str(path), **TINY)
    size = sum(parameter.numel() for parameter in derived.parameters()) / 1e6
    assert content["params_m"] == pytest.approx(size, abs=1e-4)
    for name in ("cell", "alpha"):
        assert min(read_image(path.parent / f"{name}.png").shape[:2]) > 100
    logged = run.callback_metrics
    assert {f"search/share/{name}" for name in OPERATORS} <= set(logged)
    for name in ("train/loss", "search/loss", "search/psnr", "search/entropy", "search/skip_fraction"):
        assert torch.isfinite(logged[name])
    # Loggers that take pictures get them after every epoch.
    assert [key for key, _ in logger.pictures] == ["search/cell", "search/alpha"] * 3
    assert logger.pictures[0][1] < logger.pictures[-1][1]
    (artifact,) = remembered.artifacts
    entries = artifact.manifest.entries
    assert (artifact.type, set(entries)) == ("genotype", {"genotype.json", "cell.png", "alpha.png"})
    assert Path(entries["genotype.json"].local_path).read_text() == path.read_text()


def test_the_mixture_is_evaluated(tmp_path: Path) -> None:
    evaluation = ProtocolEvaluation(folder=str(tmp_path))
    data = search_data(test=[RestorationSet(people(4, 5, size_px=16), "Test-N", num_images=4)])
    trainer(tmp_path, callbacks=[evaluation]).test(search(), datamodule=data, verbose=False)
    assert "restored" in {result.column for result in evaluation.results}


def test_a_collapse_is_warned_of(tmp_path: Path) -> None:
    module = search(warmup=0.0)
    with torch.no_grad():
        module.fusion.alpha[:, OPERATORS.index("skip")] += 5.0
    with pytest.warns(UserWarning, match="100% of the edges prefer the skip: the search collapses"):
        trainer(tmp_path, max_epochs=1).fit(module, datamodule=search_data(train=FEW))
    assert module.derive().counts.get("skip", 0) <= 2


def test_what_cannot_be_searched(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the network has nothing to search: set network.init_args.search"):
        NASFESearch(NASFENetwork(**TINY))
    with pytest.raises(ValueError, match="the search takes no references: leave identity_channels out"):
        NASFESearch(NASFENetwork(search=SPACE, identity_channels=6, **TINY))
    with pytest.raises(ValueError, match="the search takes no class prior: leave class_prior out"):
        NASFESearch(NASFENetwork(search=SPACE, class_prior=True, **TINY))
    with pytest.raises(ValueError, match="a network is searched or has a genotype, not both"):
        NASFENetwork("tiny", search=SPACE, **TINY)
    with pytest.raises(ValueError, match=r"warmup is a share of the training in \[0, 1\), got 1"):
        search(warmup=1.0)
    for arguments, message in (
        ({"degradation": None}, "a search learns to undo a degradation"),
        ({"alternate_halves": False}, "a search needs batches of two halves of the people"),
    ):
        with pytest.raises(ValueError, match=message):
            trainer(tmp_path).fit(search(), datamodule=search_data(**arguments))
    with pytest.raises(ValueError, match="either identity_pairs or alternate_halves"):
        search_data(identity_pairs=IdentityPairs())
