"""What the built-in metadata cost: images beside decoding them, and a million samples compared.

`make bench`, or run this file. Images are the demo's photographs in the sizes and formats that data
sets have; the baseline is Pillow, which opens a file and makes an RGB array of it. Figures are
medians over many repeats in process CPU seconds; the two sides take turns and the ratio is taken in
each turn, because on a shared machine both are slowed by the neighbours.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from aggressors.sources.pictures import read_picture
from aggressors.stages import describe_image, describe_row, describe_text
from aggressors.stages.measure import DataType, Own, Whole

ROOT = Path(__file__).resolve().parents[3]
CLOTHES = ROOT / "data" / "clothes"
RESULT = ROOT / "tests" / "bench" / "results" / "describe.json"
N_IMAGES = 256  # the batch of a run
REPEATS = 60
N_SAMPLES = 1_000_000
MOST_RATIO = 0.3  # of measuring to decoding, from 64 pixels on
MOST_SECONDS = 60  # of a million samples beside each other
SEED = 11


def photographs(n: int) -> list[Image.Image]:
    """Photographs of the demo's test population, 64 x 64 pixels."""
    column = pq.read_table(CLOTHES / "test.parquet", columns=["image"])["image"]
    return [Image.open(io.BytesIO(each)).convert("RGB") for each in column.slice(0, n).to_pylist()]


def encoded(image: Image.Image, side: int, kind: str) -> bytes:
    """A photograph as a file; larger than it is with the grain of a sensor, which scaling lacks."""
    image = image.resize((side, side), Image.Resampling.BICUBIC)
    if side > 64:
        rng = np.random.default_rng(SEED)
        grain = rng.normal(0, 4, (side, side, 3))
        image = Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 90} if kind == "JPEG" else {}))
    return buffer.getvalue()


def images(side: int, kind: str) -> dict[str, object]:
    """CPU microseconds an image, to decode and to measure it."""
    files = [encoded(image, side, kind) for image in photographs(N_IMAGES)]
    pictures = [read_picture(each, "a", 96) for each in files]
    decode, measure = [], []
    for _ in range(REPEATS):
        decode.append(
            timed(
                lambda: [np.asarray(Image.open(io.BytesIO(each)).convert("RGB")) for each in files]
            )
        )
        measure.append(timed(lambda: describe_image.measure(pictures)))
    return {
        "side": side,
        "format": kind,
        "bytes_per_image": round(sum(map(len, files)) / len(files)),
        "decode_microseconds": round(float(np.median(decode)) / len(files) * 1e6, 1),
        "measure_microseconds": round(float(np.median(measure)) / len(files) * 1e6, 1),
        "ratio": round(float(np.median(np.divide(measure, decode))), 3),
    }


def timed(work: Callable[[], object]) -> float:
    """Process CPU seconds of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


# --- A run ---


def prints(n: int) -> Whole:
    """`n` images that vary in twelve ways; one of twenty is a copy, and 30,000 are one scene."""
    rng = np.random.default_rng(SEED)
    cells = rng.normal(size=(n, 12)).astype(np.float32) @ rng.normal(size=(12, 64)) * 10 + 128
    crowd, copies = n * 3 // 100, n // 20
    cells[crowd : crowd + copies] = cells[-copies:] + rng.normal(size=(copies, 64))
    cells[:crowd] = cells[0] + rng.normal(size=(crowd, 64)) * 0.8
    levels = np.hstack([cells.clip(0, 255), np.full((n, 2), 256)])
    packed = pa.py_buffer(np.rint(levels * 64).astype(np.uint16).tobytes())
    column = pa.chunked_array([pa.Array.from_buffers(pa.binary(132), n, [None, packed])])
    return Whole(nothing(n), {"image": column}, (), np.zeros(n, dtype=np.bool_))


def rows(n: int) -> Whole:
    """`n` rows of 70 numbers and 30 categories."""
    rng = np.random.default_rng(SEED)
    numbers = [pa.array(rng.normal(size=n)) for _ in range(70)]
    categories = [pa.array(rng.integers(0, 12, n).astype(str)) for _ in range(30)]
    own = [
        Own(f"n{place}", "number", pa.chunked_array([each])) for place, each in enumerate(numbers)
    ]
    own += [
        Own(f"c{place}", "category", pa.chunked_array([each]))
        for place, each in enumerate(categories)
    ]
    return Whole(nothing(n), {}, tuple(own), np.ones(n, dtype=np.bool_))


def texts(n: int) -> Whole:
    """`n` texts of 20 words out of 200,000, as often as Zipf says."""
    rng = np.random.default_rng(SEED)
    words = np.array(
        ["w" + "".join(chr(97 + int(digit)) for digit in str(k)) for k in range(200_000)]
    )
    odds = 1 / np.arange(1, len(words) + 1)
    parts = []
    for start in range(0, n, 50_000):
        count = min(50_000, n - start)
        chosen = words[rng.choice(len(words), (count, 20), p=odds / odds.sum())]
        parts.append(pa.array([" ".join(each) for each in chosen]))
    return Whole(pa.chunked_array(parts), {}, (), np.zeros(n, dtype=np.bool_))


def nothing(n: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(n, pa.string())])


def survey(n: int) -> dict[str, dict[str, float]]:
    """CPU seconds to compare `n` samples, by type of data, and bytes a sample that this takes."""
    found = {}
    for name, part, make in (
        ("texts of 20 words", describe_text, texts),
        ("images", describe_image, prints),
        ("rows of 100 fields", describe_row, rows),
    ):
        whole = make(n)
        seconds = timed(lambda part=part, whole=whole: part.compare(whole))
        found[name] = {
            "cpu_seconds": round(seconds, 1),
            "bytes_per_sample": peak(part, make(n // 20)),
        }
        del whole
    return found


def peak(part: DataType, whole: Whole) -> int:
    """Most bytes a sample that numpy and Python hold while comparing (Arrow's parts are small)."""
    tracemalloc.start()
    part.compare(whole)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(most / len(whole))


def measured(n: int) -> dict[str, object]:
    """Take all figures."""
    sizes = [(28, "PNG"), (64, "PNG"), (64, "JPEG"), (224, "PNG"), (224, "JPEG"), (512, "JPEG")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "load": [round(load, 1) for load in os.getloadavg()],
        "most_ratio": MOST_RATIO,
        "images": [images(side, kind) for side, kind in sizes],
        "samples": n,
        "survey": survey(n),
    }


@pytest.mark.bench
@pytest.mark.timeout(1_200)
def test_measuring_takes_a_third_of_decoding_and_a_million_samples_a_minute():
    figures = measured(N_SAMPLES)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
    large = [entry for entry in figures["images"] if entry["side"] >= 64]
    assert max(entry["ratio"] for entry in large) <= MOST_RATIO
    assert max(entry["cpu_seconds"] for entry in figures["survey"].values()) <= MOST_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=N_SAMPLES)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    arguments = parser.parse_args()
    text = json.dumps(measured(arguments.samples), indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
