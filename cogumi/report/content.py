"""What a report says, in the order of reading: the verdict, then its evidence, then how it was come by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cogumi.planning.manifest import Manifest, as_json
from cogumi.records import JSON, Raw
from cogumi.report import words
from cogumi.report.blocks import Banner, Bars, Block, Heading, Paragraph, Range, Side, SideBySide, Table, Terms
from cogumi.report.controls import controls
from cogumi.report.side_by_side import Said, Shown
from cogumi.report.temperatures import chosen_sentences
from cogumi.results import (
    CELLS,
    CategoryDistillation,
    Change,
    Comparison,
    Criterion,
    Diagnosis,
    Distillation,
    EvaluationComparison,
    EvaluationResult,
    ExternalComparison,
    HeadToHead,
    Match,
    TrainingResult,
    Verdict,
)
from cogumi.runs import RunView
from cogumi.stats import Interval

SHOWN_SAMPLES = 4
SETTING_LIMIT = 300
HEADER = ("metric", "before", "after", "change", "p", "minimum detectable effect")


def build(view: RunView, examples: Sequence[Shown]) -> Iterator[Block]:
    """The whole report. What the run did not come to is left out."""
    verdict, before, after, comparison = view.verdict, view.before, view.after, view.comparison
    assert verdict is not None
    yield Heading(1, f"Is the model more consistent, and no worse? Phase {verdict.phase}")
    yield Banner(verdict.verdict, verdict.sentence, verdict.next)
    for warning in unsaid(verdict):
        yield Paragraph(warning)
    if before is not None and after is not None and comparison is not None:
        yield from _before_and_after(before, after, comparison)
        yield from _external(comparison)
    elif before is not None:
        yield from _before_alone(before)
    for sentence in chosen_sentences(view.temperatures, before):
        yield Paragraph(sentence)
    yield from criteria(verdict)
    yield from _head_to_head(view.head_to_head)
    if comparison is not None:
        yield from _problem_by_problem(comparison)
    yield from _distillation(view.distillation)
    yield from _training(view.training)
    yield from controls(view.controls, view.before, view.seconds)
    yield from _examples(examples)
    yield from _provenance(view.manifest)
    yield Heading(2, "Words")
    yield Terms(words.GLOSSARY)


def metric_rows(old: EvaluationResult, new: EvaluationResult, found: EvaluationComparison) -> list[tuple[str, ...]]:
    """Per metric: name, before, after, change, p, minimum detectable effect; then what can be had without training."""
    rows = []
    for name in _in_order(old.metrics, new.metrics):
        sides = [side.metrics.get(name) for side in (old, new)]
        share = all(words.is_share(name, values) for values in sides if values is not None)
        cells = ["not measured" if values is None else words.estimate(values, share=share) for values in sides]
        rows.append((words.metric(name), *cells, *_change_cells(found.metrics.get(name), share=share)))
    return [*rows, *baseline_rows(old)]


def baseline_rows(old: EvaluationResult) -> list[tuple[str, ...]]:
    """The untouched model at lower temperatures, and what guessing gives."""
    guessing = [("chance", words.percent(old.chance), "", "", "", "")] if old.chance else []
    lower = [
        (f"accuracy at temperature {temperature}", words.estimate(interval, share=True), "", "", "", "")
        for temperature, interval in old.baselines.items()
    ]
    return [*guessing, *lower]


def unsaid(verdict: Verdict) -> list[str]:
    """The warnings that the verdict's sentence does not hold already."""
    return [warning for warning in verdict.warnings if warning not in verdict.sentence]


def criteria(verdict: Verdict) -> Iterator[Block]:
    """The table of all that the verdict rests on."""
    yield Heading(2, "Criteria")
    rows = tuple((title(c), words.STATUSES[c.status], " ".join(filter(None, (c.sentence, c.next)))) for c in verdict.criteria)
    yield Table("All that the verdict rests on", ("criterion", "status", "evidence"), rows)


def title(criterion: Criterion) -> str:
    """A criterion's name and limit in words, and whom it is about."""
    about = f" ({criterion.subject})" if criterion.subject is not None else ""
    if criterion.metric == "training_hours":
        return "training took less than an hour"
    if criterion.kind not in ("target", "guard") or criterion.threshold is None or criterion.relation is None:
        return f"{criterion.name}{about}"
    side = {">=": "at least", "<": "under"}[criterion.relation]
    return f"{criterion.name}: {side} {criterion.threshold * 100:.0f} %"


def _before_and_after(before: Diagnosis, after: Diagnosis, comparison: Comparison) -> Iterator[Block]:
    yield Heading(2, "Before and after")
    for name, found in sorted(comparison.evaluations.items()):
        yield from _category(name, before.evaluations[name], after.evaluations[name], found)


def _category(name: str, old: EvaluationResult, new: EvaluationResult, found: EvaluationComparison) -> Iterator[Block]:
    purpose = words.PURPOSES[new.purpose]
    yield Heading(3, f"{name} ({new.benchmark}{purpose})")
    text = f"The same {words.count(found.problems, 'problem')} before and after, "
    text += f"{words.count(new.samples, 'sample')} each at temperature {new.temperature:g}."
    if found.clusters is not None:
        text += f" They were made from {words.count(found.clusters, 'template')}: intervals are over templates."
    yield Paragraph(text + _omissions(old, new))
    yield Paragraph(f"Before: {old.cause} After: {new.cause}")
    yield Table(f"{name}: metrics before and after", HEADER, tuple(metric_rows(old, new, found)))
    yield Bars(f"{name}: shares before and after with 95 % intervals", _bars(old, new))
    yield from _at_k(name, old, new)


def _at_k(name: str, old: EvaluationResult, new: EvaluationResult) -> Iterator[Block]:
    """What k samples can do: one right among them, their vote, all of them right."""
    rows = []
    for figure in sorted(new.at_k):
        for k, interval in enumerate(new.at_k[figure], 1):
            was = old.at_k.get(figure, ())
            before = words.estimate(was[k - 1], share=True) if k <= len(was) else "not measured"
            rows.append((figure.replace("k", str(k)), before, words.estimate(interval, share=True)))
    if rows:
        yield Table(f"{name}: what k samples can do", ("figure", "before", "after"), tuple(rows))


def _before_alone(before: Diagnosis) -> Iterator[Block]:
    """A run that stopped before it trained."""
    yield Heading(2, "The untouched model")
    for name, old in sorted(before.evaluations.items()):
        yield Heading(3, f"{name} ({old.benchmark}{words.PURPOSES[old.purpose]})")
        yield Paragraph(old.cause)
        rows = [(words.metric(m), words.estimate(i, share=words.is_share(m, i))) for m, i in _ordered(old.metrics)]
        rows += [(name, value) for name, value, *_ in baseline_rows(old)]
        yield Table(f"{name}: metrics", ("metric", "value"), tuple(rows))


def _ordered(metrics: Mapping[str, Interval]) -> list[tuple[str, Interval]]:
    return [(name, metrics[name]) for name in _in_order(metrics)]


def _external(comparison: Comparison) -> Iterator[Block]:
    """What external evaluators measured."""
    for name, found in sorted(comparison.external.items()):
        yield Heading(3, f"{name} (an external evaluation)")
        yield Paragraph(f"The same {words.count(found.problems, 'item')}; {found.metric} counts in a head to head.")
        yield Table(f"{name}: metrics before and after", HEADER, tuple(_external_rows(found)))


def _external_rows(found: ExternalComparison) -> Iterator[tuple[str, ...]]:
    for metric, change in found.metrics.items():
        yield (metric, *change_row(change))


def change_row(found: Change) -> tuple[str, ...]:
    """Before, after, change, p, minimum detectable effect; shares in percent where both sides are shares."""
    share = all(0 <= side <= 1 for side in (found.before, found.after))
    sides = (words.percent(side) if share else f"{side:.3g}" for side in (found.before, found.after))
    return (*sides, *_change_cells(found, share=share))


def _head_to_head(found: HeadToHead | None) -> Iterator[Block]:
    """Who does better, problem by problem: on scores, and by the judge where there is one."""
    ways = {} if found is None else {"accuracy": found.scores, "the judge": found.judged}
    rows = [
        (name, words.RIVALS[rival], way, *_match(match))
        for way, rivals in ways.items()
        for rival, matches in rivals.items()
        for name, match in sorted(matches.items())
        if match.n
    ]
    unread = [] if found is None else list(_not_judged(found))
    if rows or unread:
        yield Heading(2, "Head to head")
    if rows:
        yield Paragraph("The trained model, problem by problem: (wins + ties / 2) / problems; 50 % is no difference.")
        header = ("measured", "against", "decided by", "wins", "losses", "ties", "score", "p")
        yield Table("Head to head", header, tuple(rows))
    for sentence in unread:
        yield Paragraph(sentence)


def _not_judged(found: HeadToHead) -> Iterator[str]:
    """What of the judge's verdicts does not count, where there is some."""
    for rival, matches in found.judged.items():
        for name, match in sorted(matches.items()):
            if match.unreadable:
                asked = words.count(2 * (match.judged or 0), "verdict")
                told = f"{match.unreadable:,} of the judge's {asked} could not be read"
                yield f"{name} against {words.RIVALS[rival]}: {told}; their pairs are left out and are no half wins."


def _match(match: Match) -> tuple[str, ...]:
    counts = tuple(f"{count:,}" for count in (match.wins, match.losses, match.ties))
    if match.score is None or match.low is None or match.high is None or match.p is None:
        return (*counts, "", "")
    score = f"{words.percent(match.score)} ({match.low * 100:.1f} to {match.high * 100:.1f})"
    return (*counts, score, words.p_value(match.p))


def _omissions(old: EvaluationResult, new: EvaluationResult) -> str:
    """What could not be counted, said only where there is something."""
    parts = [
        f" {side}: {words.count(d.errors, 'sample')} failed, {words.count(d.unscored, 'sample')} could not be scored."
        for side, d in (("Before", old), ("After", new))
        if d.errors or d.unscored
    ]
    return "".join(parts)


def _bars(old: EvaluationResult, new: EvaluationResult) -> tuple[tuple[str, Range, Range], ...]:
    rows = []
    for name in _in_order(old.metrics, new.metrics):
        b, a = old.metrics.get(name), new.metrics.get(name)
        if b and a and words.is_share(name, b) and words.is_share(name, a):
            rows.append((words.metric(name), Range(b.value, b.low, b.high), Range(a.value, a.low, a.high)))
    return tuple(rows)


def _in_order(*sides: Iterable[str]) -> list[str]:
    """The known metrics in the order of reading, then a task's own by name."""
    names = {name for side in sides for name in side}
    return [name for name in words.METRICS if name in names] + sorted(names - words.METRICS.keys())


def _change_cells(found: Change | None, *, share: bool) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    smallest = f"{found.change.detectable * 100:.1f} points" if share else f"{found.change.detectable:.1f}"
    return words.change(found.change, share=share), words.p_value(found.change.p), smallest


def _problem_by_problem(comparison: Comparison) -> Iterator[Block]:
    yield Heading(2, "Problem by problem")
    for name, found in sorted(comparison.evaluations.items()):
        moves = found.transitions
        yield Heading(3, name)
        if not moves.n:
            yield Paragraph("No problem could be scored on both sides.")
            continue
        yield Paragraph(_wrong_but_sure(found))
        yield Paragraph(_vote_gain(found))
        rows = tuple((word, f"{moves.names[word]:,}", meaning) for word, meaning in words.TRANSITIONS.items())
        yield Table(f"{name}: what became of each problem", ("became", "problems", "meaning"), rows)
        yield _cells(name, moves.table)


def _wrong_but_sure(found: EvaluationComparison) -> str:
    wrong, head = found.consistent_but_wrong, found.head_to_head
    text = ""
    if wrong is not None:
        sides = f"{words.percent(wrong.before)} before, {words.percent(wrong.after)} after"
        text = f"Consistent but wrong: {sides}, {words.with_p(wrong.change, share=True)}."
    if head is not None:
        text += f" Head to head on accuracy: {head.wins} wins, {head.losses} losses, {head.ties} ties."
    return text.strip()


def _vote_gain(found: EvaluationComparison) -> str:
    sentences = []
    for side, gain in found.vote_gain.items():
        rates = f"{words.percent(gain.after)} against {words.percent(gain.before)}"
        told = words.with_p(gain.change, share=True)
        sentences.append(f"Majority vote against random vote {side} training: {rates}, {told}.")
    return " ".join(sentences)


def _cells(name: str, table: Mapping[str, Mapping[str, int]]) -> Table:
    header = ("before, then after:", *(words.CELLS[cell] for cell in CELLS))
    rows = tuple((words.CELLS[b], *(f"{table[b][a]:,}" for a in CELLS)) for b in CELLS)
    return Table(f"{name}: where each problem was and where it went", header, rows)


def _distillation(distillation: Distillation | None) -> Iterator[Block]:
    yield Heading(2, "Distillation")
    if distillation is None or not distillation.categories:
        yield Paragraph("Nothing was distilled.")
        return
    header = ("category", "problems", "kept", "dropped, by reason", "agreement of the kept", "kept and correct")
    rows = tuple((name, *_distilled(counts)) for name, counts in sorted(distillation.categories.items()))
    yield Table("Training problems kept and dropped", header, rows)


def _distilled(counts: CategoryDistillation) -> tuple[str, ...]:
    dropped = ", ".join(f"{reason} {number:,}" for reason, number in sorted(counts.dropped.items()))
    known = ("not known" if share is None else words.percent(share) for share in (counts.mean_agreement, counts.label_accuracy))
    kept = f"{counts.kept:,}" + (f", {counts.taught:,} of them by the teacher" if counts.taught else "")
    return f"{counts.problems:,}", kept, dropped or "none", *known


def _training(training: TrainingResult | None) -> Iterator[Block]:
    yield Heading(2, "Training")
    if training is None:
        yield Paragraph("Nothing was trained.")
        return
    losses = training.losses
    rows = [("steps", f"{training.steps:,}")]
    if losses:
        rows.append(("loss, first and last logged", f"{losses[0]:.4f}, {losses[-1]:.4f}"))
    rows += [("weight change", f"{training.weight_change:.3g}"), ("base held as", training.quantization)]
    rows += [("note", note) for note in training.notes]
    yield Table("What training did", ("what", "value"), tuple(rows))


def _examples(examples: Sequence[Shown]) -> Iterator[Block]:
    if not examples:
        return
    yield Heading(2, "Side by side")
    for example in examples:
        yield Heading(3, f"{example.category}: {example.id}")
        reference = "" if example.reference is None else _plain(example.reference)
        yield SideBySide(example.prompt, reference, _side(example.before), _side(example.after))


def _side(said: Sequence[Said]) -> Side:
    different = words.count(len({one.text for one in said}), "different text")
    seen = f"{different} in {words.count(len(said), 'sample')}; answers: {_answers(said)}"
    return Side(seen, tuple(one.text for one in said[:SHOWN_SAMPLES]))


def _answers(said: Sequence[Said]) -> str:
    """The most frequent answers with their counts."""
    counts = Counter("none" if one.answer is None else one.answer for one in said)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{words.clip(answer, 60)} × {number}" for answer, number in ranked[:5])
    return named + (f" and {len(ranked) - 5} more" if len(ranked) > 5 else "")


def _provenance(manifest: Manifest) -> Iterator[Block]:
    shown = as_json(manifest)
    for key in ("settings", "roles", "trainer", "strategies", "evaluations", "data", "versions", "environment"):
        heading = key.capitalize()
        if rows := tuple(_flat(shown[key] or {})):
            yield Heading(2, heading)
            yield Table(f"{heading} of the run", ("name", "value"), rows)


def _flat(values: Raw, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as dotted names with plain values, sorted."""
    for key, value in sorted(values.items()):
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, words.clip(_plain(value), SETTING_LIMIT)


def _plain(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
