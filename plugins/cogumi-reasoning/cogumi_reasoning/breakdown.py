"""Accuracy by subject, as MMLU is reported.

    {"macro_accuracy": 0.75, "micro_accuracy": 0.667, "problems": 3,
     "subjects": {"anatomy": {"accuracy": 0.5, "n": 2}, "virology": {"accuracy": 1.0, "n": 1}}, "domains": {...}}

Macro is the mean over subjects, micro the mean over problems; the accuracy of a problem is the mean over its samples.
Source: Hendrycks et al. 2021; the domains are those of their appendix B, table 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from cogumi.records import JSON

DOMAINS: Mapping[str, str] = {
    subject: domain
    for domain, subjects in {
        "STEM": "abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science "
        "college_mathematics college_physics computer_security conceptual_physics electrical_engineering "
        "elementary_mathematics high_school_biology high_school_chemistry high_school_computer_science "
        "high_school_mathematics high_school_physics high_school_statistics machine_learning",
        "humanities": "formal_logic high_school_european_history high_school_us_history high_school_world_history "
        "international_law jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory "
        "professional_law world_religions",
        "social sciences": "econometrics high_school_geography high_school_government_and_politics "
        "high_school_macroeconomics high_school_microeconomics high_school_psychology human_sexuality "
        "professional_psychology public_relations security_studies sociology us_foreign_policy",
        "other": "business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing "
        "medical_genetics miscellaneous nutrition professional_accounting professional_medicine virology",
    }.items()
    for subject in subjects.split()
}
"""The domain of each of MMLU's 57 subjects."""


def by_subject(known: Iterable[tuple[str, float]]) -> dict[str, JSON]:
    """The breakdown of (subject, accuracy of a problem); subjects that are not MMLU's are in no domain."""
    groups: dict[str, list[float]] = defaultdict(list)
    for subject, accuracy in known:
        groups[subject].append(accuracy)
    domains: dict[str, list[float]] = defaultdict(list)
    for subject, those in groups.items():
        if subject in DOMAINS:
            domains[DOMAINS[subject]] += those
    every = [accuracy for subject in sorted(groups) for accuracy in groups[subject]]
    return {
        "macro_accuracy": fmean(fmean(those) for _, those in sorted(groups.items())) if groups else None,
        "micro_accuracy": fmean(every) if every else None,
        "problems": len(every),
        "subjects": _means(groups),
        "domains": _means(domains),
    }


def _means(groups: Mapping[str, Sequence[float]]) -> dict[str, JSON]:
    return {name: {"accuracy": fmean(those), "n": len(those)} for name, those in sorted(groups.items())}
