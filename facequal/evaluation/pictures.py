"""What the evaluators of restoration share: baselines beside the method, a table of all pictures, a grid of some."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor

from facequal.evaluation.collection import gather_once, gather_shown
from facequal.evaluation.evaluator import Evaluator, ProtocolT
from facequal.evaluation.restoration_grid import write_grid
from facequal.evaluation.settings import INPUT, RESTORED, EvaluationSettings
from facequal.reports.results import write_atomically


class PictureEvaluator(Evaluator[ProtocolT]):
    """Scores of the inputs, of what baselines make of them, and of what a step restored; pictures are not kept.

    A step returns `restored` (B,3,H,W), `index` (B,) and, where a method has several ways to restore, the `mode` it
    used, which names its column.

    Args:
        protocol: The set.
        settings: How it is evaluated; while fitting, the baselines are left out.

    Attributes:
        restored: Name of the method's column.
        rows: After `compute`, scores (N,M) of N pictures and M columns by name, and `index` int64 (N,).
        shown: Pictures of the grid by their numbers, (3,H,W) each by column.
    """

    def __init__(self, protocol: ProtocolT, settings: EvaluationSettings) -> None:
        super().__init__(protocol, settings)
        self.baselines = [] if settings.fitting else settings.restoration.baselines or []
        self.restored = RESTORED
        self.batches: list[dict[str, Tensor]] = []
        self.rows: dict[str, Tensor] = {}
        self.shown: dict[int, dict[str, Tensor]] = {}
        self.grid = self.grid_numbers(min(settings.restoration.num_grid_rows, len(protocol.images)))

    @property
    def columns(self) -> list[str]:
        """Names of what is scored."""
        return [INPUT, *[baseline.name for baseline in self.baselines], self.restored]

    @abstractmethod
    def grid_numbers(self, num_shown: int) -> set[int]:
        """Return the numbers of the pictures that the grid shows.

        Args:
            num_shown: How many it shows.
        """

    @abstractmethod
    def line(self, position: int) -> dict[str, object]:
        """Return what stands before the scores of a picture in the table, by heading.

        Args:
            position: Position of the picture in `rows`.
        """

    @abstractmethod
    def score_names(self) -> dict[str, str]:
        """Return the name in `rows` of each score in the table, by heading."""

    def restorations(self, outputs: Mapping[str, Any], batch: Mapping[str, Any]) -> list[Tensor]:
        """Return the inputs, what every baseline makes of them, and what the step restored, (B,3,H,W) each."""
        self.restored = f"{RESTORED} ({outputs['mode']})" if "mode" in outputs else RESTORED
        inputs = batch["lq"]
        return [inputs, *[baseline(inputs) for baseline in self.baselines], outputs["restored"].detach()]

    def keep(self, rows: Mapping[str, Tensor], pictures: Mapping[str, Tensor]) -> None:
        """Keep the scores of a batch, and those of its pictures that the grid shows, on the CPU.

        Args:
            rows: Scores (B,M) by name, and `index` int64 (B,), the numbers of the pictures.
            pictures: (B,3,H,W) by column.
        """
        self.batches.append({name: values.detach().cpu() for name, values in rows.items()})
        for position, number in enumerate(rows["index"].tolist()):
            if number in self.grid:
                self.shown[number] = {name: images[position].float().cpu() for name, images in pictures.items()}

    def gather(self, trainer: Trainer) -> None:
        """Fill `rows` and `shown` from all ranks.

        Raises:
            ValueError: If pictures are missing.
        """
        self.rows = gather_once(self.batches, trainer, len(self.protocol.images), self.protocol.name)
        self.batches, self.shown = [], gather_shown(self.shown, trainer)

    def write(self, folder: Path) -> list[Path]:
        """Write `NAME.csv`, a line per picture and column, and `NAME.png`, some pictures with their PSNR, if any.

        Args:
            folder: Folder of the report.
        """
        import pandas as pd

        num = len(self.rows["index"])
        scores = {
            heading: self.rows[name].tolist() if name in self.rows else [[]] * num
            for heading, name in self.score_names().items()
        }
        lines = [
            self.line(position)
            | {"restoration": column}
            # A clean picture has no PSNR, and without a recogniser nothing has a rank.
            | {heading: row[position][n] if n < len(row[position]) else "" for heading, row in scores.items()}
            for position in range(num)
            for n, column in enumerate(self.columns)
        ]
        table = pd.DataFrame(lines).to_csv(index=False, lineterminator="\n", na_rep="nan")
        name = self.protocol.name.replace("/", "_")
        written = [write_atomically(folder / f"{name}.csv", table)]
        if self.shown:
            psnrs = dict(zip(self.rows["index"].tolist(), scores.get("psnr_db", [[]] * num), strict=True))
            shown = [(self.shown[number], psnrs[number]) for number in sorted(self.shown)]
            written.append(write_grid(folder / f"{name}.png", self.protocol.name, shown))
        return written
