"""Writes what a search has come to: the genotype, its drawing, the heat map of alpha."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info

from facequal.analysis.nasfe_drawings import draw_alpha, draw_cell
from facequal.evaluation.folders import run_folder
from facequal.evaluation.pictures import png
from facequal.evaluation.results import write_atomically
from facequal.methods.nasfe_search import NASFESearch

GENOTYPE_FILE = "genotype.json"


class SearchReport(Callback):
    """After every epoch ``genotype.json``, ``cell.png`` and ``alpha.png`` in the folder of the run.

    Loggers that take images (W&B, TensorBoard) get both pictures as ``search/cell`` and ``search/alpha``.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the files.

        Raises:
            TypeError: the method searches nothing.
        """
        if not isinstance(pl_module, NASFESearch):
            raise TypeError(f"SearchReport is for NASFESearch, not for {type(pl_module).__name__}")
        folder, genotype = run_folder(trainer), pl_module.derive()
        if not trainer.is_global_zero:
            return
        folder.mkdir(parents=True, exist_ok=True)
        genotype.save(folder / GENOTYPE_FILE, pl_module.derived_size(genotype))
        with torch.no_grad():
            probabilities = torch.cat(pl_module.fusion.operator_weights()).float().cpu().numpy()
            edges = torch.cat(pl_module.fusion.input_weights()).float().cpu().numpy()
        for name, figure in (("cell", draw_cell(genotype)), ("alpha", draw_alpha(probabilities, edges))):
            path = write_atomically(folder / f"{name}.png", png(figure, dpi=120))
            hand_to_loggers(trainer, f"search/{name}", str(path))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say what was found."""
        assert isinstance(pl_module, NASFESearch)
        genotype = pl_module.derive()
        counts = ", ".join(f"{number} {name}" for name, number in sorted(genotype.counts.items()))
        size = f"{pl_module.derived_size(genotype):.3f} M parameters"
        rank_zero_info(f"genotype: {run_folder(trainer) / GENOTYPE_FILE}: {counts}; {size}")


def hand_to_loggers(trainer: Trainer, name: str, path: str) -> None:
    """Give a picture to every logger that takes images from files."""
    for logger in trainer.loggers:
        log_image: Any = getattr(logger, "log_image", None)
        if log_image is not None:
            log_image(key=name, images=[path], step=trainer.global_step)
