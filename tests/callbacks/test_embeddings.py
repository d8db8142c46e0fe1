"""`facequal predict` writes a row per image."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from facequal.callbacks.embeddings import EmbeddingWriter, write_embeddings
from facequal.data.datamodule import FaceDataModule
from tests.callbacks.recognition import recognizer
from tests.sources import people
from tests.training import trainer


def test_rows_are_those_of_the_method(tmp_path: Path) -> None:
    source, method = people(3, 2), recognizer()
    datamodule = FaceDataModule(predict=source, eval_batch_size=4)
    run = trainer(tmp_path, callbacks=[EmbeddingWriter()])
    run.predict(method, datamodule=datamodule, return_predictions=False)
    table = pd.read_parquet(tmp_path / "embeddings.parquet")
    assert table.columns.tolist() == ["index", "source", "label", "class", "norm", "embedding"]
    assert table["index"].tolist() == list(range(6))
    assert table["source"].tolist() == [f"image {index}" for index in range(6)]
    assert table["class"].tolist() == [f"person{label}" for label in source.labels]
    with torch.no_grad():
        embedding, norm = method.eval()(source.images.float() / 255)
    np.testing.assert_allclose(np.stack(table["embedding"].tolist()), embedding.numpy(), atol=1e-6)
    np.testing.assert_allclose(table["norm"], norm.flatten().numpy(), rtol=1e-6)


def test_unknown_people_have_no_class_and_the_folder_is_made(tmp_path: Path) -> None:
    rows = {"index": torch.tensor([0, 1]), "label": torch.tensor([-1, 1])}
    rows |= {"norm": torch.tensor([[2.0], [3.0]]), "embedding": torch.eye(2)}
    write_embeddings(tmp_path / "new" / "rows.parquet", rows, people(2, 1))
    table = pd.read_parquet(tmp_path / "new" / "rows.parquet")
    assert table["class"].isna().tolist() == [True, False]
    assert table["class"][1] == "person1"
    assert table["embedding"].map(list).tolist() == [[1, 0], [0, 1]]


def test_a_second_prediction_begins_anew(tmp_path: Path) -> None:
    writer = EmbeddingWriter(str(tmp_path / "rows.parquet"))
    for num in (3, 1):
        datamodule = FaceDataModule(predict=people(num, 2), eval_batch_size=4)
        trainer(tmp_path, callbacks=[writer]).predict(recognizer(), datamodule=datamodule, return_predictions=False)
        assert len(pd.read_parquet(tmp_path / "rows.parquet")) == 2 * num
