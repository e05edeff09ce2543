"""How to read the figures of a report: what was measured, on which samples, against what."""

from __future__ import annotations

from aggressors.contracts import Settings
from aggressors.report.gathered import Report
from aggressors.report.markup import Html, el
from aggressors.words import percent, spoken, typeset

_TESTS = (
    "A saved test compares the same samples under two models. Fail: its mean is worse by more than "
    "the margin and what chance makes of two equal models in one check of twenty, whatever the "
    "number of its tests. Pass: the whole 95 % interval of the difference is better than the "
    "margin. Inconclusive: neither. Missing: too few of its samples are in the run. Open: no run "
    "has solved it yet, which does not block a model. Solved: one has. Regressed: solved, and it "
    "fails again."
)
_ALONE = (
    "This report is of a run file on its own. Saved tests, what the team decided, hypotheses and "
    "the comparison with other models live in a workspace."
)


def method(report: Report) -> Html:
    """Close the page with definitions, halves, thresholds and where these come from."""
    summary = report.summary
    facts, info = summary.facts, summary.info
    signal, settings = spoken(info.settings.signal), info.settings
    tested = f"{facts.tested:,} groups were tested. " if facts.tested else ""
    told = [
        ("Halves", f"Groups are sought on {facts.n_discover:,} {settings.analysed} samples and "
         f"judged on {facts.n_confirm:,} others; every gap, interval and q-value is of the latter. "
         "Members are counted in both."),
        ("Confirmed", f"{tested}A group counts at a false discovery rate of {percent(facts.fdr)} "
         f"({_origin(settings, 'fdr')}) if the lower bound of its gap exceeds "
         f"{settings.materiality:g} × the mean {signal} ({_origin(settings, 'materiality')})."),
        ("Severity and impact", "Severity is the lower bound of the gap, the mean "
         f"{signal} of members minus that of the rest. Impact is members × gap ÷ all {signal}."),
        ("Failing", f"A member fails where its {signal} exceeds that of "
         f"{percent(settings.core_quantile)} of the rest "
         f"({_origin(settings, 'core_quantile')})."),
        ("Saved tests", _TESTS if report.tests and report.tests.history.tests else ""),
        ("Run file alone", _ALONE if report.alone else ""),
        ("Made by", f"aggressors {info.engine_version}, seed {info.seed}, "
         f"{info.loss_name}, task {info.task}, model digest {info.model_digest[:12]}, "
         f"data digest {info.data_digest[:12]}."),
    ]  # fmt: skip
    items = [
        el("div", el("dt", name), el("dd", typeset(text))) for name, text in told if text
    ]  # fmt: skip
    return el("footer", el("h2", "Method", id="method"), el("dl", *items, class_="method"))


def _origin(settings: Settings, name: str) -> str:
    """Say where a threshold comes from."""
    return "the default" if getattr(settings, name) == getattr(Settings(), name) else "set here"
