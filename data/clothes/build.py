"""Rebuilds the demo data byte for byte, or checks what is there.

    python build.py --check              compare the files beside this script with checksums.json
    python build.py --check --out DIR    compare the files in DIR
    python build.py --out DIR            build all files in DIR and compare them
    python build.py --record             build the files beside this script, note their checksums

The originals are the files of Debian's package dataset-fashion-mnist, as its authors made them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL
import pyarrow as pa
import pyarrow.parquet as pq
import scipy
from numpy.typing import NDArray
from PIL import features
from scenes import compose, to_jpeg

from story import POPULATIONS, SEED, Intake, Population, tell

HERE = Path(__file__).resolve().parent
ORIGINALS = Path("/usr/share/datasets/fashion-mnist")
SAMPLE_SCHEMA = pa.schema({
    "sample_id": pa.string(), "image": pa.binary(), "label": pa.string(), "station": pa.string(),
    "hour": pa.int64(), "camera": pa.string(), "operator": pa.string(),
})  # fmt: skip
TRUTH_SCHEMA = pa.schema({
    "sample_id": pa.string(), "dusk": pa.bool_(), "red_carpet": pa.bool_(),
    "label_flipped": pa.bool_(), "true_label": pa.string(), "source": pa.string(),
    "original": pa.int64(),
})  # fmt: skip


def originals(source: str, folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read images (n, 28, 28) and class indices (n,) of the Fashion-MNIST file `source`."""
    images = gzip.decompress((folder / f"{source}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((folder / f"{source}-labels-idx1-ubyte.gz").read_bytes())
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def intakes(folder: Path) -> Iterator[tuple[Population, list[Intake], NDArray[np.uint8]]]:
    """Yield each population with its intakes and the images of its source file."""
    first_number = 1
    for population in POPULATIONS:
        images, labels = originals(population.source, folder)
        yield population, tell(population, labels, first_number), images
        first_number += population.size


def photograph(intake: Intake, images: NDArray[np.uint8]) -> bytes:
    """Make the JPEG of one intake; its generator is its own, so any can be rebuilt alone."""
    rng = np.random.default_rng([SEED, intake.number, 1])
    return to_jpeg(compose(images[intake.original], intake.scene, rng))


def build(out: Path, folder: Path) -> None:
    """Write all files to `out`, from the originals in `folder`."""
    out.mkdir(parents=True, exist_ok=True)
    truth: list[dict[str, object]] = []
    for population, told, images in intakes(folder):
        print(f"{population.name}: {len(told)} photographs", file=sys.stderr)
        rows = [{"image": photograph(intake, images), **_recorded(intake)} for intake in told]
        truth += [_planted(intake, population) for intake in told]
        _write(rows, SAMPLE_SCHEMA, out / f"{population.name}.parquet")
    _write(truth, TRUTH_SCHEMA, out / "truth.parquet")


def _recorded(intake: Intake) -> dict[str, object]:
    return {
        "sample_id": intake.sample_id, "label": intake.label, "station": intake.station,
        "hour": intake.hour, "camera": intake.camera, "operator": intake.operator,
    }  # fmt: skip


def _planted(intake: Intake, population: Population) -> dict[str, object]:
    return {
        "sample_id": intake.sample_id, "dusk": intake.scene.dusk,
        "red_carpet": intake.scene.background == "red carpet",
        "label_flipped": intake.label_flipped, "true_label": intake.true_label,
        "source": population.source, "original": intake.original,
    }  # fmt: skip


def _write(rows: list[dict[str, object]], schema: pa.Schema, path: Path) -> None:
    # One page holds many pictures, so zstd takes out the JPEG headers that they share.
    table = pa.Table.from_pylist(rows, schema)
    pq.write_table(table, path, compression="zstd", compression_level=12, use_dictionary=False)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each data file that is in `folder`."""
    names = [f"{population.name}.parquet" for population in POPULATIONS] + ["truth.parquet"]
    paths = [folder / name for name in names if (folder / name).is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def versions() -> dict[str, str]:
    """Versions of everything that has a say in the bytes."""
    return {
        "numpy": np.__version__, "scipy": scipy.__version__, "pillow": PIL.__version__,
        "libjpeg-turbo": str(features.version("libjpeg_turbo")), "pyarrow": pa.__version__,
    }  # fmt: skip


def differing(folder: Path) -> list[str]:
    """Name the files in `folder` that are missing, or are not what checksums.json says."""
    expected = json.loads((HERE / "checksums.json").read_text())["sha256"]
    found = digests(folder)
    return [name for name in expected if found.get(name) != expected[name]]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--record", action="store_true", help="build, and write checksums.json")
    what.add_argument("--check", action="store_true", help="build nothing, compare only")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of the Parquet files")
    parser.add_argument("--originals", type=Path, default=ORIGINALS, help="Fashion-MNIST's files")
    arguments = parser.parse_args()
    if not arguments.check:
        build(arguments.out, arguments.originals)
    if arguments.record:
        record = {"sha256": digests(arguments.out), "versions": versions()}
        (HERE / "checksums.json").write_text(json.dumps(record, indent=2) + "\n")
    wrong = differing(arguments.out)
    for name in wrong:
        print(f"{name} is not what checksums.json says; here: {versions()}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
