"""Tables of the whole-table stages computed from the planted truth, until the stages do it."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
from PIL import Image

from aggressors.stages.tables import rows
from planted import Planted

ACTIONS = {"dusk": "collect", "blurred-shirt": "augment", "swapped-label": "relabel"}
RULES = {
    "dusk": "brightness < 0.25",
    "blurred-shirt": "label = shirt and sharpness < 0.43",
    "swapped-label": "label = boot and operator = op-4",
}


def analyse(planted: Planted) -> dict[str, pa.Table]:
    """Add concepts, aggressors and all that follows to the work tables."""
    samples = planted.tables["samples"].to_pandas()
    metadata = planted.tables["metadata"].to_pandas()
    vectors = np.stack(planted.tables["embeddings"]["vector"].to_pylist()).astype(float)
    labeled = samples["population"].ne("unlabeled").to_numpy()
    tables = {name: table for name, table in planted.tables.items() if name != "probabilities"}
    center = vectors - vectors.mean(axis=0)
    axes = np.linalg.svd(center, full_matrices=False)[2][:2]
    place = center @ axes.T
    schema = tables["samples"].schema
    samples["map_x"], samples["map_y"] = place.T.astype(np.float32)
    tables["samples"] = pa.Table.from_pandas(samples, schema=schema, preserve_index=False)

    outputs = (
        "concepts assignments concept_stats aggressors correlations representatives heatmaps "
        "mean_maps candidates suspects yields"
    )
    found: dict[str, list[dict[str, object]]] = {name: [] for name in outputs.split(" ")}
    validation = samples["population"].eq("validation").to_numpy()
    total = samples["loss"][validation].sum()
    for concept_id, name in enumerate(planted.truth, start=1):
        member = samples["sample_id"].isin(planted.truth[name]).to_numpy()
        rule = {"filter": RULES[name], "precision": 0.97, "recall": 0.95, "found_by": "truth"}
        label = RULES[name].replace(" and ", " · ").replace("label = ", "")
        found["concepts"].append(
            {"concept_id": concept_id, "name": label, "rule": json.dumps(rule), "level": 0}
        )
        for row in np.flatnonzero(member):
            found["assignments"].append(
                {
                    "concept_id": concept_id,
                    "row_id": row,
                    "sample_id": samples["sample_id"][row],
                    "score": 0.5 + 0.5 * ((row * 37) % 100) / 100,
                }
            )
        for population in ("train", "validation", "test"):
            folds = ("discover", "confirm", "both") if population == "validation" else ("both",)
            for fold in folds:
                inside = samples["population"].eq(population).to_numpy()
                part = inside if fold == "both" else inside & samples["fold"].eq(fold).to_numpy()
                found["concept_stats"].append(
                    _stats(concept_id, population, fold, samples["loss"], member, part, total)
                )
        judged = next(
            row
            for row in found["concept_stats"]
            if row["concept_id"] == concept_id and row["fold"] == "confirm"
        )
        bar = samples["loss"][validation & ~member].quantile(0.9)
        found["aggressors"].append(
            {
                "concept_id": concept_id,
                "rank": 0,
                "name": label,
                "status": "confirmed",
                "severity": judged["severity"],
                "impact": judged["impact"],
                "n": int((member & validation).sum()),
                "n_core": int((member & validation & (samples["loss"] > bar)).sum()),
                "action": ACTIONS[name],
                "reasons": json.dumps(
                    [
                        {
                            "action": ACTIONS[name],
                            "evidence": "share of members in train",
                            "value": float(member[samples["population"].eq("train")].mean()),
                            "reference": float(member[validation].mean()),
                            "weight": 1.0,
                        }
                    ]
                ),
            }
        )
        found["correlations"] += _correlations(concept_id, metadata, samples, member, validation)
        chosen = samples[validation & member].sort_values("loss", ascending=False)
        for reason, ids in (
            ("worst", chosen["sample_id"][:12]),
            ("central", chosen["sample_id"][-12:]),
        ):
            found["representatives"] += [
                {"concept_id": concept_id, "reason": reason, "rank": rank, "sample_id": sample_id}
                for rank, sample_id in enumerate(ids, start=1)
            ]
        _similar(found, concept_id, samples, vectors, member, labeled)
    _maps(found, planted)
    found["correlations"] += _correlations(-1, metadata, samples, validation, validation)
    order = sorted(found["aggressors"], key=lambda row: -float(row["impact"]))  # type: ignore[arg-type]
    for rank, row in enumerate(order, start=1):
        row["rank"] = rank
    found["aggressors"] = order
    return tables | {name: rows(name, records) for name, records in found.items()}


def _stats(concept_id, population, fold, loss, member, part, total):  # type: ignore[no-untyped-def]
    inside, rest = loss[part & member], loss[part & ~member]
    gap = inside.mean() - rest.mean()
    error = np.hypot(inside.std() / np.sqrt(len(inside)), rest.std() / np.sqrt(len(rest)))
    return {
        "concept_id": concept_id,
        "population": population,
        "fold": fold,
        "n": len(inside),
        "mean_loss": inside.mean(),
        "rest_loss": rest.mean(),
        "gap": gap,
        "gap_low": gap - 1.96 * error,
        "gap_high": gap + 1.96 * error,
        "p_value": 1e-6 if fold == "confirm" else None,
        "q_value": 1e-5 if fold == "confirm" else None,
        "severity": gap - 1.96 * error,
        "impact": len(inside) * gap / total * (2 if fold == "confirm" else 1),
    }


def _correlations(concept_id, metadata, samples, member, validation):  # type: ignore[no-untyped-def]
    target = member if concept_id > 0 else samples["loss"]
    for name in metadata.columns[1:]:
        values = metadata[name][validation]
        number = values.dtype != object and values.dtype.kind == "f"
        codes = values if number else values.astype("category").cat.codes
        against = np.asarray(target)[validation].astype(float)
        known = np.asarray(codes.notna())
        effect = float(np.corrcoef(np.asarray(codes, float)[known], against[known])[0, 1])
        for stratum in ("all", "label"):
            yield {
                "concept_id": concept_id,
                "field": name,
                "target": "membership" if concept_id > 0 else "loss",
                "stratum": stratum,
                "statistic": "rank-biserial" if number else "cramers-v",
                "effect": effect if number else abs(effect),
                "low": effect - 0.05,
                "high": effect + 0.05,
                "q_value": 0.01,
                "n": int(known.sum()),
                "detail": json.dumps({"sentence": f"{name} differs inside."}),
            }


def _similar(found, concept_id, samples, vectors, member, labeled):  # type: ignore[no-untyped-def]
    mean = vectors[member & labeled].mean(axis=0) - vectors[labeled].mean(axis=0)
    unlabeled = np.flatnonzero(~labeled)
    similarity = vectors[unlabeled] @ mean
    order = np.argsort(-similarity, kind="stable")[:200]
    for rank, place in enumerate(order, start=1):
        found["candidates"].append(
            {
                "concept_id": concept_id,
                "sample_id": samples["sample_id"][unlabeled[place]],
                "rank": rank,
                "similarity": similarity[place],
                "priority": 1 - rank / 201,
                "reason": "close to the members in the embedding",
            }
        )
    for count in (50, 100, 200):
        share = float(member[unlabeled[order[:count]]].mean())
        found["yields"].append(
            {
                "concept_id": concept_id,
                "count": count,
                "expected": share,
                "low": max(0, share - 0.1),
                "high": min(1, share + 0.1),
            }
        )
    wrong = samples[member & labeled & samples["label"].ne(samples["prediction"])]
    for rank, (_, row) in enumerate(wrong.head(20).iterrows(), start=1):
        found["suspects"].append(
            {
                "concept_id": concept_id,
                "sample_id": row["sample_id"],
                "rank": rank,
                "kind": "relabel",
                "suggested": row["prediction"],
                "reason": "the model is sure of another class",
            }
        )


def _maps(found, planted) -> None:  # type: ignore[no-untyped-def]
    """Contrast against the background, 8 x 8, in the place of a model's heatmap."""
    media = planted.tables["media"]
    samples = planted.tables["samples"]
    by_id: dict[str, np.ndarray] = {}
    for sample_id in dict.fromkeys(row["sample_id"] for row in found["representatives"]):
        row = samples["sample_id"].to_pylist().index(sample_id)
        grey = Image.open(io.BytesIO(media["thumbnail"][row].as_py())).convert("L").resize((8, 8))
        pixels = np.abs(np.asarray(grey, float) - float(np.asarray(grey)[0, 0]))
        by_id[sample_id] = pixels
        found["heatmaps"].append(
            {
                "sample_id": sample_id,
                "method": "grad-cam",
                "target": samples["prediction"][row].as_py(),
            }
            | _pixels(pixels)
        )
    for concept in found["concepts"]:
        shown = [
            by_id[row["sample_id"]]
            for row in found["representatives"]
            if row["concept_id"] == concept["concept_id"]
        ]
        for of in ("core", "members", "same_label_well_predicted", "rest"):
            found["mean_maps"].append(
                {
                    "concept_id": concept["concept_id"],
                    "of": of,
                    "method": "grad-cam",
                    "target": "prediction",
                    "n": len(shown),
                }
                | _pixels(np.mean(shown, axis=0))
            )


def _pixels(values: np.ndarray) -> dict[str, object]:
    top = float(values.max()) or 1.0
    return {
        "height": values.shape[0],
        "width": values.shape[1],
        "scale": top,
        "pixels": (255 * values / top).astype(np.uint8).tobytes(),
    }
