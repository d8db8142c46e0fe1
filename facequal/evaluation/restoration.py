"""Evaluates a restoration set: how near restored pictures are to the clean ones, and whether the person is the same."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from facequal.data.protocols.restoration import DegradedSet
from facequal.degradations.multi import CLASSES, class_numbers
from facequal.evaluation.baselines import Baseline
from facequal.evaluation.collection import gather_once, gather_shown
from facequal.evaluation.evaluator import Evaluator
from facequal.evaluation.identity import IdentityJudge
from facequal.evaluation.restoration_grid import keep_shown, write_grid
from facequal.metrics.identification import probe_ranks
from facequal.metrics.restoration import Channels, psnr, ssim
from facequal.models.backbones import Backbone
from facequal.reports.results import Result, write_atomically

INPUT, RESTORED, CLEAN = "input", "restored", "clean"
_KINDS = (*CLASSES, "degraded")  # the last where no classes were drawn
_ALL = "all"
_NOT_SEARCHED = 0


@dataclass(frozen=True)
class RestorationSettings:
    """How restoration is evaluated.

    Attributes:
        channels: PSNR and SSIM of "rgb" values or of the luma "y".
        baselines: Restorations without learning, in the same table as the method.
        recognizer: Network that tells whether restored pictures show the same person; None leaves that out.
        recognizer_weights: Its checkpoint, not trained on the people of the test.
        colour_order: Colour order of these weights, where the file does not say.
        ranks: Ranks at which the search for the person of a restored picture is reported.
        num_grid_rows: Pictures shown beside the report; 0 draws none.

    Raises:
        ValueError: If there are weights without a recogniser or the other way round, a rank is below 1, or the channels
            are unknown.
        FileNotFoundError: If there are no such weights.
    """

    channels: Channels = "rgb"
    baselines: list[Baseline] | None = None
    recognizer: Backbone | None = None
    recognizer_weights: str | None = None
    colour_order: str | None = None
    ranks: Sequence[int] = (1, 5)
    num_grid_rows: int = 6

    def __post_init__(self) -> None:
        if (self.recognizer is None) != (self.recognizer_weights is None):
            raise ValueError("evaluation.restoration: recognizer and recognizer_weights are given both or not at all")
        if self.recognizer_weights is not None and not Path(self.recognizer_weights).is_file():
            raise FileNotFoundError(f"evaluation.restoration.recognizer_weights: no file {self.recognizer_weights}")
        if self.channels not in get_args(Channels):
            raise ValueError(
                f"evaluation.restoration.channels must be one of {get_args(Channels)}, got {self.channels!r}"
            )
        if any(rank < 1 for rank in self.ranks):
            raise ValueError(f"evaluation.restoration.ranks must be at least 1, got {list(self.ranks)}")
        names = [INPUT, RESTORED, CLEAN, *[baseline.name for baseline in self.baselines or []]]
        if len(set(names)) < len(names):
            raise ValueError(f"evaluation.restoration.baselines need names of their own, got {', '.join(names[3:])}")

    @cached_property
    def judge(self) -> IdentityJudge | None:
        """The recogniser with its weights, read once, if there is one."""
        if self.recognizer is None or self.recognizer_weights is None:
            return None
        return IdentityJudge(self.recognizer, self.recognizer_weights, self.colour_order)


def restored_column(outputs: Mapping[str, Any]) -> str:
    """Return what the method's column is called: "restored", with the mode if it has one."""
    return f"{RESTORED} ({outputs['mode']})" if "mode" in outputs else RESTORED


class RestorationEvaluator(Evaluator):
    """Compares what a step restored with the clean pictures, batch by batch and class by class; only figures are kept.

    A step returns `restored` (B,3,H,W), `index` (B,) and, where a method has several ways to restore, the `mode`
    it used, which the column is named by. The columns of the table are the degraded input, the
    baselines, the method, and with a recogniser the clean pictures themselves, as the most that can be reached.

    Args:
        protocol: The set.
        settings: How it is evaluated.
        fitting: Leave the baselines out: they are the same at every validation, and some are slow.
    """

    def __init__(self, protocol: DegradedSet, settings: RestorationSettings, fitting: bool = False) -> None:
        super().__init__()
        self.protocol, self.settings = protocol, settings
        self.baselines = [] if fitting else settings.baselines or []
        self.restored = RESTORED
        self.batches: list[dict[str, Tensor]] = []
        self.shown: dict[int, dict[str, Tensor]] = {}
        # Other images and other rows from one shown picture to the next.
        num_images, num_rows = len(protocol.chosen), protocol.num_rows
        num_shown = min(settings.num_grid_rows, len(protocol.images))
        places = [(n * num_images // num_shown, n * num_rows // num_shown) for n in range(num_shown)]
        self.grid = {image * num_rows + row for image, row in places}
        self.rows: dict[str, Tensor] = {}

    @property
    def columns(self) -> list[str]:
        """Names of what is compared with the clean pictures."""
        names = [INPUT, *[baseline.name for baseline in self.baselines], self.restored]
        return [*names, CLEAN] if self.settings.judge is not None else names

    def add(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> None:
        """Measure a batch."""
        self.restored = restored_column(outputs)
        clean, degraded, classes = batch["image"], batch["lq"], batch.get("classes")
        restored = [degraded, *[baseline(degraded) for baseline in self.baselines], outputs["restored"].detach()]
        rows = {
            "index": batch["index"],
            "class": batch["index"].new_full((len(clean),), len(CLASSES))
            if classes is None
            else class_numbers(classes),
            "psnr": torch.stack([psnr(images, clean, self.settings.channels) for images in restored], dim=1),
            "ssim": torch.stack([ssim(images, clean, self.settings.channels) for images in restored], dim=1),
        }
        if self.settings.judge is not None:
            rows |= self._identify(self.settings.judge, [*restored, clean], batch["label"])
        self.batches.append({name: values.detach().cpu() for name, values in rows.items()})
        named = dict(zip(self.columns, [*restored, clean], strict=False)) | {CLEAN: clean}
        keep_shown(self.shown, self.grid, batch["index"], named)

    def _identify(self, judge: IdentityJudge, pictures: list[Tensor], labels: Tensor) -> dict[str, Tensor]:
        """Return cosines with the clean picture, and ranks of the person in the gallery, (B,M) each."""
        gallery, people = judge.gallery(self.protocol, labels.device)
        embeddings = [judge.embed(images) for images in pictures]
        rank = torch.full((len(labels), len(pictures)), _NOT_SEARCHED, device=labels.device)
        known = torch.isin(labels, people)
        for column, embedding in enumerate(embeddings if known.any() else []):
            rank[known, column] = probe_ranks(embedding[known], labels[known], gallery, people)
        similarity = torch.stack([(embedding * embeddings[-1]).sum(1) for embedding in embeddings], dim=1)
        return {"similarity": similarity.double(), "rank": rank}

    def compute(self, trainer: Trainer, seed: int | None) -> None:
        """Means over all pictures of all ranks.

        Raises:
            ValueError: If pictures are missing.
        """
        self.rows = gather_once(self.batches, trainer, len(self.protocol.images), self.protocol.name)
        self.batches, self.shown = [], gather_shown(self.shown, trainer)
        kinds = [(name, self.rows["class"] == number) for number, name in enumerate(_KINDS)]
        present = [(name, of_class) for name, of_class in kinds if of_class.any()]
        if len(present) > 1:
            present.insert(0, (_ALL, torch.ones_like(present[0][1])))
        for name, of_class in present:
            rows = {key: values[of_class] for key, values in self.rows.items()}
            for place, column in enumerate(self.columns):
                self.results += self._figures(rows, place, (self.protocol.name, name, column), seed)

    def _figures(
        self, rows: Mapping[str, Tensor], place: int, head: tuple[str, str, str], seed: int | None
    ) -> list[Result]:
        num, results = len(rows["index"]), []
        if place < rows["psnr"].shape[1]:
            # Equal pictures have no PSNR: clean inputs are left out of all columns, if there are others.
            rule, degraded = self.settings.channels, ~rows["psnr"][:, 0].isposinf()
            psnrs = rows["psnr"][degraded if degraded.any() else slice(None), place]
            psnrs = psnrs[~psnrs.isposinf()]
            mean = float(psnrs.mean()) if len(psnrs) else math.inf
            results.append(Result(*head, "psnr", mean, num=len(psnrs), rule=rule, unit="dB", seed=seed))
            mean = float(rows["ssim"][:, place].mean())
            results.append(Result(*head, "ssim", mean, num=num, rule=rule, unit="", seed=seed))
        if self.settings.judge is not None:
            judge, value = self.settings.judge.name, float(rows["similarity"][:, place].mean())
            results.append(Result(*head, "identity similarity", value, num=num, rule=judge, unit="", seed=seed))
            rank = rows["rank"][:, place]
            rank = rank[rank != _NOT_SEARCHED].double()
            if not len(rank):
                return results
            searched = f"{judge}, gallery of {len(self.protocol.gallery)}"
            for k in self.settings.ranks:
                share = float((rank <= k).double().mean())
                results.append(Result(*head, f"top-{k}", share, num=len(rank), rule=searched, seed=seed))
        return results

    def write(self, folder: Path) -> list[Path]:
        """Return `NAME.csv`, one row per picture and column of the table, and `NAME.png`, some of the pictures."""
        name = self.protocol.name.replace("/", "_")
        written = [write_atomically(folder / f"{name}.csv", self._csv())]
        if self.shown:
            psnrs = {int(i): values.tolist() for i, values in zip(self.rows["index"], self.rows["psnr"], strict=True)}
            shown = [(self.shown[index], psnrs[index]) for index in sorted(self.shown)]
            written.append(write_grid(folder / f"{name}.png", self.protocol.name, shown))
        return written

    def _csv(self) -> str:
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(
            ["picture", "image", "row", "class", "restoration", "psnr_db", "ssim", "identity_similarity", "rank"]
        )
        num_rows = self.protocol.num_rows
        kinds = [_KINDS[number] for number in self.rows["class"].tolist()]
        columns = [
            self.rows[name].tolist() if name in self.rows else None for name in ("psnr", "ssim", "similarity", "rank")
        ]
        for line, index in enumerate(self.rows["index"].tolist()):
            image = self.protocol.images.describe(index)
            for place, column in enumerate(self.columns):
                figures = [
                    "" if values is None or place >= len(values[line]) else values[line][place] for values in columns
                ]
                writer.writerow([index, image, index % num_rows, kinds[line], column, *figures])
        return text.getvalue()
