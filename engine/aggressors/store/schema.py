"""THE schema of a run file: every table and column with its meaning and unit.

Tables marked `positional` stand in the row order of `samples`, so that they join by position.
Types may hold a placeholder that is only known at publish: POPULATION and CLASS are ENUMs,
VECTOR is FLOAT[d].
"""

from __future__ import annotations

from dataclasses import dataclass

# 2 added the table `search`, 3 `aggressors.n_known`, 4 what is characteristic: combinations,
# fields_aside, attention, explanation, words
SCHEMA_VERSION = 4


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `unit` is '' where the quantity has none."""

    name: str
    type: str
    comment: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the run file."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    positional: bool = False


def _t(name: str, comment: str, *columns: Column, positional: bool = False) -> Table:
    return Table(name, comment, columns, positional)


C = Column

TABLES: tuple[Table, ...] = (
    _t(
        "run",
        "One row: the model, the data and the settings of this run.",
        C("run_id", "VARCHAR", "digest of inputs and settings; also the file's name"),
        C("name", "VARCHAR", "label chosen by the user"),
        C("schema_version", "INTEGER", "version of this schema"),
        C("created_at", "TIMESTAMP", "when the run was published", "UTC"),
        C("model_name", "VARCHAR", "name of the model"),
        C("model_digest", "VARCHAR", "SHA-256 over the model's weights, or of the table"),
        C("data_digest", "VARCHAR", "SHA-256 over the sample ids, populations and labels"),
        C("task", "VARCHAR", "classification or regression"),
        C("loss_name", "VARCHAR", "name of the per-sample loss"),
        C("settings", "JSON", "every setting with its value"),
        C("seed", "BIGINT", "seed of all random choices"),
        C("engine_version", "VARCHAR", "version of the package that wrote the file"),
        C(
            "derived_from",
            "VARCHAR",
            "run of the model that metadata was added to; '' for a run of its own",
        ),
        C("derived_from_name", "VARCHAR", "what that run was called; '' for a run of its own"),
    ),
    _t(
        "stages",
        "What was computed, from what, and how long it took.",
        C("stage", "VARCHAR", "name of the stage"),
        C("input_digest", "VARCHAR", "digest of what the stage read"),
        C("rows", "BIGINT", "rows written", "rows"),
        C("seconds", "DOUBLE", "wall time", "s"),
    ),
    _t(
        "samples",
        "One row a sample, ordered by population and sample_id.",
        C("row_id", "BIGINT", "position of the sample in this table, from 0"),
        C("sample_id", "VARCHAR", "stable id, unique over all populations, the same in every run"),
        C("population", "POPULATION", "train, validation, test or unlabeled"),
        C("fold", "FOLD", "discover or confirm; NULL outside the analysed population"),
        C("label", "CLASS", "ground truth; NULL where unlabeled"),
        C("prediction", "CLASS", "what the model says"),
        C("confidence", "FLOAT", "probability of the prediction", "share"),
        C("loss", "DOUBLE", "loss of the sample; NULL only where unlabeled", "loss"),
        C("weight", "FLOAT", "weight of the sample in means", "1"),
        C("group_id", "VARCHAR", "samples of one group stay in one fold; NULL where none is given"),
        C("map_x", "FLOAT", "horizontal position on the map", "map"),
        C("map_y", "FLOAT", "vertical position on the map", "map"),
        positional=True,
    ),
    _t(
        "metadata_fields",
        "The metadata fields of this run.",
        C("field", "VARCHAR", "name; also the name of the column in `metadata`"),
        C("kind", "VARCHAR", "number, category, text or identifier"),
        C("unit", "VARCHAR", "unit of a number; '' where it has none"),
        C("source", "VARCHAR", "built-in, integration, table or added"),
        C("missing", "BIGINT", "samples without a value", "samples"),
    ),
    _t(
        "metadata",
        "One row a sample in the order of `samples`; one typed column a field.",
        C("row_id", "BIGINT", "position in `samples`"),
        positional=True,
    ),
    _t(
        "embeddings",
        "What the model sees of each sample.",
        C("row_id", "BIGINT", "position in `samples`"),
        C("vector", "VECTOR", "input of the model's last linear layer, or the user's own"),
        positional=True,
    ),
    _t(
        "metrics",
        "Further numbers per sample: the user's metrics, and confidence_gap of probabilities.",
        C("row_id", "BIGINT", "position in `samples`"),
        C("metric", "VARCHAR", "name of the metric"),
        C("value", "DOUBLE", "value of the metric", "metric"),
    ),
    _t(
        "media",
        "What a person sees of each sample.",
        C("row_id", "BIGINT", "position in `samples`"),
        C("sample_id", "VARCHAR", "id of the sample"),
        C("kind", "VARCHAR", "image, text or row"),
        C("uri", "VARCHAR", "path of the original below a media root; NULL where unknown"),
        C("thumbnail", "BLOB", "JPEG or PNG bytes; NULL where there is no image"),
        C("text", "VARCHAR", "text of the sample; NULL where there is none"),
    ),
    _t(
        "search",
        "One row: how groups were sought.",
        C("n_discover", "BIGINT", "samples among which groups were sought", "samples"),
        C("n_confirm", "BIGINT", "samples that judged them", "samples"),
        C("tested", "BIGINT", "groups that were tested", "groups"),
    ),
    _t(
        "concepts",
        "Groups that are reported: aggressors, their parents and tested near-misses.",
        C("concept_id", "INTEGER", "id within this run"),
        C("name", "VARCHAR", "shortest rule that describes the members"),
        C(
            "rule",
            "JSON",
            "filter text of the name, its precision and recall; how and where it was found",
        ),
        C("parent_id", "INTEGER", "the concept that contains this one; NULL at the top"),
        C("level", "INTEGER", "depth below the top, from 0"),
    ),
    _t(
        "assignments",
        "One row a member of a concept, over all populations.",
        C("concept_id", "INTEGER", "the concept"),
        C("row_id", "BIGINT", "position in `samples`"),
        C("sample_id", "VARCHAR", "id of the sample"),
        C("score", "FLOAT", "how surely it is a member, in [0.5, 1]", "1"),
    ),
    _t(
        "concept_stats",
        "Signal (loss, unless set otherwise) inside against the rest, by population and fold.",
        C("concept_id", "INTEGER", "the concept"),
        C("population", "POPULATION", "population the figures are for"),
        C("fold", "VARCHAR", "discover, confirm or both"),
        C("n", "BIGINT", "members", "samples"),
        C("mean_loss", "DOUBLE", "mean signal inside", "signal"),
        C("rest_loss", "DOUBLE", "mean signal of the rest", "signal"),
        C("gap", "DOUBLE", "mean_loss - rest_loss", "signal"),
        C("gap_low", "DOUBLE", "lower bound of the gap", "signal"),
        C("gap_high", "DOUBLE", "upper bound of the gap", "signal"),
        C("p_value", "DOUBLE", "one-sided test that the gap is positive; NULL outside confirm"),
        C(
            "q_value",
            "DOUBLE",
            "Benjamini-Hochberg over all proposals tested; NULL outside confirm",
        ),
        C("severity", "DOUBLE", "lower bound of the gap", "signal"),
        C("impact", "DOUBLE", "n x gap / summed signal, above its least if negative", "share"),
    ),
    _t(
        "aggressors",
        "Concepts that underperform, ranked.",
        C("concept_id", "INTEGER", "the concept"),
        C("rank", "INTEGER", "1 = first; fixed at publish"),
        C("name", "VARCHAR", "name of the concept"),
        C("status", "VARCHAR", "confirmed (on samples it was not found on) or tentative"),
        C("severity", "DOUBLE", "lower bound of the gap on the confirm half", "signal"),
        C("impact", "DOUBLE", "share of all loss that would vanish with it", "share"),
        C("n", "BIGINT", "members in the analysed population, both halves", "samples"),
        C("n_known", "BIGINT", "members of these with a value of the signal", "samples"),
        C("n_core", "BIGINT", "members whose signal exceeds the rest's core quantile", "samples"),
        C("action", "VARCHAR", "collect, augment, relabel, remove or review_model"),
        C(
            "reasons",
            "JSON",
            "ordered evidence: action, evidence, value, reference, weight, sentence, where known"
            " low and high; then what each action is expected to win, in their order, evidence win",
        ),
    ),
    _t(
        "correlations",
        "Metadata against membership and loss.",
        C("concept_id", "INTEGER", "the concept; -1 = all samples"),
        C("field", "VARCHAR", "metadata field, or label"),
        C("target", "VARCHAR", "membership or loss, which stands for the run's signal"),
        C("stratum", "VARCHAR", "all, or label: within the label, averaged"),
        C(
            "statistic",
            "VARCHAR",
            "rank-biserial, cramers-v, spearman or correlation-ratio; mutual-information of a"
            " number, in any form; missing: of having no value",
        ),
        C("effect", "DOUBLE", "size of the effect, in [-1, 1]", "1"),
        C("low", "DOUBLE", "lower bound", "1"),
        C("high", "DOUBLE", "upper bound", "1"),
        C(
            "q_value",
            "DOUBLE",
            "Holm over the list of the concept and target: each field within labels where it can,"
            " and pairs; the rows of stratum all beside it are a list of their own",
        ),
        C("n", "BIGINT", "samples with a value", "samples"),
        C("detail", "JSON", "the shares or quantiles behind the effect, a filter and a sentence"),
    ),
    _t(
        "combinations",
        "Pairs of conditions that describe a concept better than any one: found on the discover"
        " half, all figures from the confirm half.",
        C("concept_id", "INTEGER", "the concept"),
        C("first", "VARCHAR", "metadata field, or label"),
        C("second", "VARCHAR", "the other field"),
        C("filter", "VARCHAR", "both conditions, as the text of a filter"),
        C("effect", "DOUBLE", "phi of the conditions and membership, in [-1, 1]", "1"),
        C("low", "DOUBLE", "lower bound", "1"),
        C("high", "DOUBLE", "upper bound", "1"),
        C(
            "q_value",
            "DOUBLE",
            "that either condition adds nothing to the other; Holm, with `correlations`",
        ),
        C("gain", "DOUBLE", "F1 of the pair minus that of the better one alone", "1"),
        C("n", "BIGINT", "samples that judged it", "samples"),
        C("detail", "JSON", "shares of the pair and of each condition alone, and a sentence"),
    ),
    _t(
        "fields_aside",
        "Fields that are not shown on their own.",
        C("field", "VARCHAR", "metadata field"),
        C("reason", "VARCHAR", "no value, one value, identifier, text, many values or redundant"),
        C("shown_by", "VARCHAR", "the field that says the same, where redundant; else ''"),
        C("likeness", "DOUBLE", "how far the two say the same, in [0, 1]; NULL otherwise", "1"),
        C("distinct", "BIGINT", "values it takes, where that is the reason", "values"),
    ),
    _t(
        "representatives",
        "Samples that show a concept.",
        C("concept_id", "INTEGER", "the concept"),
        C("reason", "VARCHAR", "central, worst, diverse or counter"),
        C("rank", "INTEGER", "order within the reason, from 1"),
        C("sample_id", "VARCHAR", "id of the sample"),
        C("alike", "BIGINT", "near-duplicates for which it stands, itself left out", "samples"),
    ),
    _t(
        "words",
        "Words that more texts of an aggressor hold than of the rest; each counts once a text.",
        C("concept_id", "INTEGER", "the concept"),
        C("rank", "INTEGER", "1 = the most telling"),
        C("word", "VARCHAR", "the word in lower case"),
        C("z", "DOUBLE", "log-odds against the rest with a Dirichlet prior", "standard errors"),
        C("q_value", "DOUBLE", "Benjamini-Hochberg over the words compared"),
        C("n_inside", "BIGINT", "texts of members that hold it", "samples"),
        C("of_inside", "BIGINT", "texts of members that were read", "samples"),
        C("n_outside", "BIGINT", "texts of the rest that hold it", "samples"),
        C("of_outside", "BIGINT", "texts of the rest that were read", "samples"),
        C("stratum", "VARCHAR", "label: the rest in the members' shares of labels; all: any rest"),
    ),
    _t(
        "explanation",
        "One row where there is a model: which of its layers heatmaps explain, or why none.",
        C("method", "VARCHAR", "grad-cam, grad-cam++, hirescam or eigencam"),
        C("layer", "VARCHAR", "module whose output is explained; NULL where there is none"),
        C("reason", "VARCHAR", "why there are no heatmaps, in a sentence; NULL where there are"),
    ),
    _t(
        "heatmaps",
        "Where the model looks, in some samples.",
        C("sample_id", "VARCHAR", "id of the sample"),
        C("method", "VARCHAR", "as in `explanation`"),
        C("of", "VARCHAR", "prediction, or label: for the true class, where that differs"),
        C("target", "VARCHAR", "the class that the map explains"),
        C("height", "INTEGER", "rows of the map", "cells"),
        C("width", "INTEGER", "columns of the map", "cells"),
        C("scale", "DOUBLE", "attribution that 255 stands for", "attribution"),
        C("pixels", "BLOB", "height x width bytes, row by row, 0 to 255 within the map"),
    ),
    _t(
        "mean_maps",
        "Heatmaps, each divided by its sum, averaged over a set of samples of both halves.",
        C("concept_id", "INTEGER", "the concept"),
        C(
            "of",
            "VARCHAR",
            "core, members, same_label_well_predicted (labels as core), rest; and the mistakes "
            "core_mispredicted and rest_mispredicted (labels as the former)",
        ),
        C("method", "VARCHAR", "as in `explanation`"),
        C(
            "target",
            "VARCHAR",
            "prediction: each map explains its own predicted class; label: its true class, of "
            "mistakes only",
        ),
        C("n", "BIGINT", "maps averaged; those without any attribution are left out", "samples"),
        C("height", "INTEGER", "rows of the map", "cells"),
        C("width", "INTEGER", "columns of the map", "cells"),
        C("scale", "DOUBLE", "what 255 stands for; one for all maps of a concept", "share"),
        C("pixels", "BLOB", "height x width bytes, row by row"),
    ),
    _t(
        "attention",
        "What the heatmaps of a set have in common, in numbers, over samples of both halves.",
        C("concept_id", "INTEGER", "the concept"),
        C("of", "VARCHAR", "as in `mean_maps`, without core_mispredicted"),
        C(
            "measure",
            "VARCHAR",
            "concentration: share of attention in a tenth of the cells; border: in the outer "
            "eighth of each side; distance: share that differs between the maps for the predicted "
            "and the true class, where they differ; strength: mean attribution of a cell",
        ),
        C("value", "DOUBLE", "mean over the samples", "share, or attribution"),
        C("low", "DOUBLE", "lower bound; NULL for one sample"),
        C("high", "DOUBLE", "upper bound; NULL for one sample"),
        C("n", "BIGINT", "samples", "samples"),
        C("reference", "VARCHAR", "what core (members without one) is compared with, else NULL"),
        C("difference", "DOUBLE", "value minus that of the reference", "share, or attribution"),
        C("difference_low", "DOUBLE", "lower bound; all of a concept's hold together"),
        C("difference_high", "DOUBLE", "upper bound; all of a concept's hold together"),
    ),
    _t(
        "candidates",
        "Unlabeled samples similar to an aggressor.",
        C("concept_id", "INTEGER", "the concept"),
        C("sample_id", "VARCHAR", "id of the unlabeled sample"),
        C("rank", "INTEGER", "1 = first to label"),
        C("similarity", "DOUBLE", "log density ratio of members against the rest", "nats"),
        C("chance", "DOUBLE", "expected chance that it is such a sample", "share"),
        C(
            "informative",
            "DOUBLE",
            "how bad its nearest members and how unsure the model, ranked",
            "1",
        ),
        C("priority", "DOUBLE", "what the order follows, in [0, 1]", "1"),
        C("position", "BLOB", "where it lies, 32-bit floats, little-endian", "deviations"),
        C("reason", "VARCHAR", "why it was chosen, in words"),
    ),
    _t(
        "suspects",
        "Samples whose label or input should be looked at.",
        C("concept_id", "INTEGER", "the concept"),
        C("sample_id", "VARCHAR", "id of the sample"),
        C("rank", "INTEGER", "1 = first to review"),
        C("kind", "VARCHAR", "relabel or remove"),
        C("suggested", "VARCHAR", "label to consider; NULL for remove"),
        C("reason", "VARCHAR", "why it is suspected, in words"),
    ),
    _t(
        "yields",
        "Expected share of such samples among the first candidates.",
        C("concept_id", "INTEGER", "the concept"),
        C("count", "BIGINT", "first candidates considered", "samples"),
        C("expected", "DOUBLE", "expected share", "share"),
        C("low", "DOUBLE", "lower bound", "share"),
        C("high", "DOUBLE", "upper bound", "share"),
    ),
)

BY_NAME = {table.name: table for table in TABLES}
