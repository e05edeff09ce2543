"""How Aggressors reads the shop's model and data: the file that you would write for yours."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from classes import CLASSES
from model import WIDTHS, IntakeNet, to_input

import aggressors as ag

HERE = Path(__file__).resolve().parent


class Photographs:
    """Rows of the shop's table, read as samples."""

    def __init__(self, table: pa.Table) -> None:
        self.rows = table.to_pylist()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> ag.Sample:
        row = self.rows[index]
        return ag.Sample(
            sample_id=row["sample_id"],
            input=to_input(row["image"]),
            label=row["label"],
            image=row["image"],
            metadata={name: row[name] for name in ("station", "hour", "camera", "operator")},
        )


def tables(version: str) -> dict[str, pa.Table]:
    """Read each population; a version's newly labeled samples move from unlabeled to train."""
    names = ("train", "validation", "test", "unlabeled")
    populations = {name: pq.read_table(HERE / f"{name}.parquet") for name in names}
    queue = HERE / "labels" / f"{version}.parquet"
    if queue.exists():
        labels = pq.read_table(queue)
        unlabeled = populations["unlabeled"].drop_columns("label")
        fresh = unlabeled.join(labels, "sample_id", join_type="inner").sort_by("sample_id")
        left = unlabeled.join(labels, "sample_id", join_type="left anti").sort_by("sample_id")
        populations["train"] = pa.concat_tables(
            [populations["train"], fresh.select(populations["train"].column_names)]
        )
        populations["unlabeled"] = left.append_column("label", pa.nulls(len(left), pa.string()))
    return populations


def build(version: str = "v1") -> ag.Integration:
    """Declare one version of the model with the data that it knows."""
    weights = HERE / "models" / f"{version}.safetensors"
    return ag.Integration(
        model_name=f"intake-{version}",
        model=lambda: ag.load_weights(IntakeNet(WIDTHS[version]), weights),
        datasets={name: Photographs(table) for name, table in tables(version).items()},
        classes=CLASSES,
    )


integration = build(os.environ.get("CLOTHES_MODEL", "v1"))
