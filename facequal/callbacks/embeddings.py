"""`facequal predict`: embeddings and norms of a data set as a Parquet file."""

from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from facequal.data.source import FaceSource
from facequal.evaluation.collection import OutputCollector
from facequal.methods.restoration.base import RestoringMethod
from facequal.reports.run_folder import run_folder


class EmbeddingWriter(Callback):
    """A file with one row per predicted image: index, source, label, class, norm and the unit embedding.

    Args:
        path: The file; None writes `embeddings.parquet` into the folder of the run.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self.collector = OutputCollector()

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin with no rows."""
        self.collector = OutputCollector()

    def on_predict_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Keep the rows of a batch of embeddings; of restored pictures nothing is kept."""
        if "embedding" in outputs:
            self.collector.add(outputs)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gather the rows of all ranks and write them on rank 0."""
        if isinstance(pl_module, RestoringMethod):
            return
        rows = self.collector.gather(trainer)
        path = Path(self.path) if self.path is not None else run_folder(trainer) / "embeddings.parquet"
        if trainer.is_global_zero:
            source: FaceSource = trainer.datamodule.predict_source  # type: ignore[attr-defined]
            write_embeddings(path, rows, source)
        rank_zero_info(f"{len(rows['index'])} embeddings: {path}")


def write_embeddings(path: Path, rows: dict[str, Tensor], source: FaceSource) -> None:
    """Write the Parquet file; `embedding` is a list of float32 of fixed length.

    Args:
        path: The file; its folder is made.
        rows: `index`, `label` int64 (N,), `norm` (N,1) and `embedding` (N,D) float32.
        source: Gives the images' names.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    indices, labels = rows["index"].tolist(), rows["label"].tolist()
    embedding = rows["embedding"]
    flat = pa.array(embedding.flatten().numpy())
    table = pa.table(
        {
            "index": indices,
            "source": [source.describe(index) for index in indices],
            "label": labels,
            "class": [source.classes[label] if label >= 0 else None for label in labels],
            "norm": pa.array(rows["norm"].flatten().numpy()),
            "embedding": pa.FixedSizeListArray.from_arrays(flat, embedding.shape[1]),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
