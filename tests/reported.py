"""Planted runs with everything that a report shows, hostile text included; and the page as tags."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
from PIL import Image

from aggressors import report
from aggressors.stages.tables import rows
from aggressors.store.read import open_run
from aggressors.store.workspace import Workspace
from versions import analysed

EVIL = "<script>alert(1)</script> \"' | `x` @all https://evil.example"
UNSAFE = {"script", "link", "iframe", "object", "embed", "base", "form", "foreignobject"}


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text outside of style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags[-1:] and self.tags[-1][0] != "style":
            self.words.append(data)

    def names(self):
        return {tag for tag, _ in self.tags}

    def all(self, tag):
        """Attributes of the tags of this name."""
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def picture(shade: int, size: int = 24, kind: str = "JPEG") -> bytes:
    """A real picture, as thumbnails are."""
    file = io.BytesIO()
    Image.new("RGB", (size, size), (shade, 80, 40)).save(file, kind)
    return file.getvalue()


def detailed() -> dict[str, pa.Table]:
    """Planted tables whose aggressor has everything that a card shows."""
    _, tables = analysed()
    ids = tables["samples"]["sample_id"].to_pylist()
    members = tables["assignments"]["row_id"].to_pylist()
    media = [
        {"row_id": row, "sample_id": ids[row], "kind": "image", "thumbnail": picture(50 * at)}
        for at, row in enumerate(members[:3])
    ]
    media.append({"row_id": members[3], "sample_id": ids[members[3]], "kind": "text", "text": EVIL})
    media.append(
        {
            "row_id": members[4], "sample_id": ids[members[4]], "kind": "image",
            "thumbnail": b"<svg onload=alert(1)>",
        }
    )  # fmt: skip
    shown = [
        {"concept_id": 1, "reason": "worst", "rank": rank, "sample_id": ids[row], "alike": 2}
        for rank, row in enumerate(members[:5], start=1)
    ]
    shown += [
        {"concept_id": 1, "reason": reason, "rank": 1, "sample_id": ids[members[3]], "alike": 0}
        for reason in ("central", "diverse", "counter")
    ]
    words = [
        {
            "concept_id": 1, "rank": rank, "word": word, "z": 4.0, "q_value": 0.001,
            "n_inside": 12, "of_inside": 20, "n_outside": n, "of_outside": 100, "stratum": "label",
        }
        for rank, (word, n) in enumerate((("alert", 5), ("script", 0)), start=1)
    ]  # fmt: skip
    found = {
        "concept_id": 1, "field": "brightness", "target": "membership", "stratum": "label",
        "statistic": "rank-biserial", "effect": -0.9, "low": -0.95, "high": -0.8, "q_value": 0.001,
        "n": 600, "detail": json.dumps({"sentence": f"brightness below 0.22 {EVIL}"}),
    }  # fmt: skip
    maps = [
        {
            "concept_id": 1, "of": of, "method": "grad-cam", "target": "prediction", "n": 9,
            "height": 2, "width": 2, "scale": 1.5, "pixels": pixels,
        }
        for of, pixels in (("core", bytes([0, 80, 160, 255])), ("rest", bytes([9, 9, 9, 9])))
    ]  # fmt: skip
    stats = {
        "concept_id": 1, "gap": 1.5, "gap_low": 1.2, "gap_high": 1.8, "q_value": 1e-6, "n": 40,
        "mean_loss": 2.0, "rest_loss": 0.5,
    }  # fmt: skip
    return tables | {
        "media": rows("media", media),
        "representatives": rows("representatives", shown),
        "words": rows("words", words),
        "correlations": rows("correlations", [found]),
        "mean_maps": rows("mean_maps", maps),
        "yields": rows(
            "yields", [{"concept_id": 1, "count": 200, "expected": 0.61, "low": 0.5, "high": 0.7}]
        ),
        "concept_stats": rows(
            "concept_stats",
            [
                {**stats, "population": "validation", "fold": "confirm"},
                {**stats, "population": "test", "fold": "both", "gap": 1.1},
            ],
        ),
    }


def written(workspace: Workspace | None, run: Path | str, out: Path) -> str:
    """The report of a run as text; without a workspace `run` is a path."""
    path = workspace.resolve(run) if workspace and isinstance(run, str) else Path(run)
    with open_run(path) as opened:
        size = report.write(opened, out, workspace)
    text = out.read_text(encoding="utf-8")
    assert size == len(text.encode())
    return text
