"""What a report says, in the order of reading: the verdict, then its evidence, then how it was come by."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from cogumi.compare import CELLS
from cogumi.report import words
from cogumi.report.blocks import Banner, Bars, Block, Heading, Paragraph, Range, Side, SideBySide, Table, Terms

Run: TypeAlias = Mapping[str, Any]
"""run.json (`settings`, `strategies`, `fingerprints`, ...), and `distillation` by category and `training`, where there are."""
Example: TypeAlias = Mapping[str, Any]
"""`category`, `id`, `prompt`, `reference`, and per side the texts (`before`, `after`) and answers (`before_answers`, ...).
Where these are only the first few samples, `before_different` and `after_different` count the different texts among all."""

SHOWN_SAMPLES = 4
SETTING_LIMIT = 300


def build(
    run: Run, before: Mapping[str, Any], after: Mapping[str, Any], verdict: Mapping[str, Any], examples: Sequence[Example]
) -> Iterator[Block]:
    """The whole report."""
    yield Heading(1, f"Is the model more consistent, and no worse? Phase {verdict['phase']}")
    yield Banner(verdict["verdict"], verdict["why"], verdict["next"])
    yield from _before_and_after(before["categories"], after["categories"], verdict["comparisons"])
    yield from _outside(verdict.get("outside") or {})
    yield from criteria(verdict)
    yield from _head_to_head(run.get("head_to_head") or {})
    yield from _problem_by_problem(verdict["comparisons"])
    yield from _distillation(run.get("distillation") or {})
    yield from _training(run.get("training"))
    yield from _examples(examples)
    yield from _provenance(run)
    yield Heading(2, "Words")
    yield Terms(words.GLOSSARY)


def metric_rows(old: Mapping[str, Any], new: Mapping[str, Any], comparison: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Per metric: name, before, after, change, p, smallest visible change."""
    rows = []
    for name in _in_order(old["metrics"], new["metrics"]):
        sides = [side["metrics"].get(name) for side in (old, new)]
        share = all(words.is_share(name, values) for values in sides if values)
        cells = ["not measured" if values is None else words.estimate(values, share=share) for values in sides]
        found = comparison["metrics"].get(name)
        rows.append((words.metric(name), *cells, *_change_cells(found, share=share)))
    return rows


def criteria(verdict: Mapping[str, Any]) -> Iterator[Block]:
    """The table of gates and added criteria."""
    yield Heading(2, "Criteria")
    rows = tuple((title(c), words.STATUSES[c["status"]], c["evidence"]) for c in verdict["criteria"])
    yield Table("Every gate of the phase, and what was added to it", ("criterion", "status", "evidence"), rows)


def title(criterion: Mapping[str, Any]) -> str:
    """A criterion's name and limit in words; added ones say which category they are about."""
    if criterion["name"].startswith("no collapse"):
        return f"{criterion['name']} ({criterion['category']})"
    if criterion["metric"] == "training_hours":
        return "training took less than an hour"
    side = {">=": "at least", "<": "under"}[criterion["relation"]]
    return f"{criterion['name']}: {side} {criterion['threshold'] * 100:.0f} %"


def _before_and_after(old: Mapping[str, Any], new: Mapping[str, Any], comparisons: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(2, "Before and after")
    for name, comparison in sorted(comparisons.items()):
        yield from _category(name, old[name], new[name], comparison)


def _category(name: str, old: Mapping[str, Any], new: Mapping[str, Any], comparison: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(3, f"{name} ({old['benchmark']}{words.ROLES[old.get('role', 'trained')]})")
    problems, samples = words.count(comparison["problems"], "problem"), words.count(old["samples"], "sample")
    yield Paragraph(f"The same {problems}, {samples} each at temperature {old['temperature']:g}.{_omissions(old, new)}")
    yield Paragraph(f"Before: {old['cause']} After: {new['cause']}")
    header = ("metric", "before", "after", "change", "p", "visible from")
    yield Table(f"{name}: metrics before and after", header, tuple(metric_rows(old, new, comparison)))
    yield Bars(f"{name}: shares before and after with 95 % intervals", _bars(old, new))


def _outside(comparisons: Mapping[str, Any]) -> Iterator[Block]:
    """What outside evaluators measured."""
    for name, comparison in sorted(comparisons.items()):
        yield Heading(3, f"{name} (an outside evaluation)")
        yield Paragraph(
            f"The same {words.count(comparison['problems'], 'item')}; {comparison['metric']} counts in a head to head."
        )
        header = ("metric", "before", "after", "change", "p", "visible from")
        rows = tuple(_outside_row(metric, change) for metric, change in comparison["metrics"].items())
        yield Table(f"{name}: metrics before and after", header, rows)


def _outside_row(metric: str, change: Mapping[str, Any]) -> tuple[str, ...]:
    share = all(0 <= change[side] <= 1 for side in ("before", "after"))
    sides = (words.percent(change[side]) if share else f"{change[side]:.3g}" for side in ("before", "after"))
    return (metric, *sides, *_change_cells(change, share=share))


def _head_to_head(found: Mapping[str, Any]) -> Iterator[Block]:
    """Who does better, problem by problem: on scores, and by the judge where there is one."""
    rows = [
        (name, words.RIVALS[rival], words.WAYS[way], *_match(outcome))
        for rival, exams in found.items()
        for name, ways in sorted(exams.items())
        for way, outcome in ways.items()
        if outcome is not None and outcome["n"]
    ]
    if rows:
        yield Heading(2, "Head to head")
        yield Paragraph("The trained model, problem by problem: (wins + ties / 2) / problems; 50 % is no difference.")
        header = ("measured", "against", "decided by", "won", "lost", "even", "score", "p")
        yield Table("Head to head", header, tuple(rows))


def _match(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    score = f"{words.percent(outcome['score'])} ({outcome['low'] * 100:.1f} to {outcome['high'] * 100:.1f})"
    return (*(f"{outcome[key]:,}" for key in ("wins", "losses", "ties")), score, words.p_value(outcome["p"]))


def _omissions(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What could not be counted, said only where there is something."""
    parts = [
        f" {side}: {words.count(d['errors'], 'sample')} failed, {words.count(d['unscored'], 'sample')} could not be scored."
        for side, d in (("Before", old), ("After", new))
        if d["errors"] or d["unscored"]
    ]
    return "".join(parts)


def _bars(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[tuple[str, Range, Range], ...]:
    rows = []
    for name in _in_order(old["metrics"], new["metrics"]):
        b, a = old["metrics"].get(name), new["metrics"].get(name)
        if b and a and words.is_share(name, b) and words.is_share(name, a):
            rows.append((words.metric(name), _range(b), _range(a)))
    return tuple(rows)


def _range(values: Mapping[str, Any]) -> Range:
    return Range(values["value"], values["low"], values["high"])


def _in_order(*sides: Mapping[str, Any]) -> list[str]:
    """The known metrics in the order of reading, then a task's own by name."""
    names = {name for side in sides for name in side}
    return [name for name in words.METRICS if name in names] + sorted(names - words.METRICS.keys())


def _change_cells(found: Mapping[str, Any] | None, *, share: bool) -> tuple[str, str, str]:
    if found is None:
        return "", "", ""
    smallest = f"{found['detectable'] * 100:.1f} points" if share else f"{found['detectable']:.1f}"
    return words.change(found, share=share), words.p_value(found["p"]), smallest


def _problem_by_problem(comparisons: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(2, "Problem by problem")
    for name, comparison in sorted(comparisons.items()):
        moves = comparison["transitions"]
        yield Heading(3, name)
        if not moves["n"]:
            yield Paragraph("No problem could be scored on both sides.")
            continue
        yield Paragraph(_wrong_but_sure(comparison))
        yield Paragraph(_control(comparison))
        rows = tuple((word, f"{moves[word]:,}", meaning) for word, meaning in words.TRANSITIONS.items())
        yield Table(f"{name}: what became of each problem", ("became", "problems", "meaning"), rows)
        yield _cells(name, moves["table"])


def _wrong_but_sure(comparison: Mapping[str, Any]) -> str:
    wrong, head = comparison["consistent_but_wrong"], comparison["head_to_head"]
    text = f"Consistent but wrong: {words.percent(wrong['before'])} before, {words.percent(wrong['after'])} after, "
    text += f"{words.with_p(wrong, share=True)}."
    if head is not None:
        text += f" Head to head on accuracy: {head['wins']} won, {head['losses']} lost, {head['ties']} even."
    return text


def _control(comparison: Mapping[str, Any]) -> str:
    sentences = []
    for side, control in comparison["vote_control"].items():
        if control is not None:
            rates = f"{words.percent(control['majority_vote'])} against {words.percent(control['random_vote'])}"
            gain = words.with_p(control, share=True)
            sentences.append(f"Majority vote against random vote {side} training: {rates}, {gain}.")
    return " ".join(sentences)


def _cells(name: str, table: Mapping[str, Mapping[str, int]]) -> Table:
    header = ("before, then after:", *(words.CELLS[cell] for cell in CELLS))
    rows = tuple((words.CELLS[b], *(f"{table[b][a]:,}" for a in CELLS)) for b in CELLS)
    return Table(f"{name}: where each problem was and where it went", header, rows)


def _distillation(distillation: Mapping[str, Any]) -> Iterator[Block]:
    yield Heading(2, "Distillation")
    if not distillation:
        yield Paragraph("Nothing was distilled.")
        return
    header = ("category", "problems", "kept", "dropped, by reason", "agreement of the kept", "kept and correct")
    rows = tuple((name, *_distilled(counts)) for name, counts in sorted(distillation.items()))
    yield Table("Training problems kept and dropped", header, rows)


def _distilled(counts: Mapping[str, Any]) -> tuple[str, ...]:
    dropped = ", ".join(f"{reason} {number:,}" for reason, number in sorted(counts["dropped"].items()))
    shares = (counts.get(key) for key in ("mean_agreement", "label_accuracy"))
    known = ("not known" if share is None else words.percent(share) for share in shares)
    return f"{counts['problems']:,}", f"{counts['kept']:,}", dropped or "none", *known


def _training(training: Mapping[str, Any] | None) -> Iterator[Block]:
    yield Heading(2, "Training")
    if not training:
        yield Paragraph("Nothing was trained.")
        return
    losses = training["losses"]
    rows = [("steps", f"{training['steps']:,}")]
    if losses:
        rows.append(("loss, first and last logged", f"{losses[0]:.4f}, {losses[-1]:.4f}"))
    rows += [("weight change", f"{training['weight_change']:.3g}"), ("base held as", training["quantization"])]
    rows += [("note", note) for note in training["notes"]]
    yield Table("What training did", ("what", "value"), tuple(rows))


def _examples(examples: Sequence[Example]) -> Iterator[Block]:
    if not examples:
        return
    yield Heading(2, "Side by side")
    for example in examples:
        yield Heading(3, f"{example['category']}: {example['id']}")
        sides = [_side(example, side) for side in ("before", "after")]
        reference = example.get("reference")
        yield SideBySide(example["prompt"], "" if reference is None else _plain(reference), *sides)


def _side(example: Example, side: str) -> Side:
    texts: Sequence[str] = example[side]
    different = example.get(f"{side}_different")
    if different is None:
        seen = f"{words.count(len(set(texts)), 'different text')} in {words.count(len(texts), 'sample')}; answers:"
    else:
        seen = f"{words.count(different, 'different text')} in all samples; answers of the first {len(texts)}:"
    return Side(f"{seen} {_answers(example[f'{side}_answers'])}", tuple(texts[:SHOWN_SAMPLES]))


def _answers(answers: Sequence[str | None]) -> str:
    """The most frequent answers with their counts."""
    counts = Counter("none" if answer is None else answer for answer in answers)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{words.clip(answer, 60)} × {number}" for answer, number in ranked[:5])
    return named + (f" and {len(ranked) - 5} more" if len(ranked) > 5 else "")


def _provenance(run: Run) -> Iterator[Block]:
    for key in ("settings", "strategies", "fingerprints", "versions", "environment"):
        heading = key.capitalize()
        if rows := tuple(_flat(run.get(key) or {})):
            yield Heading(2, heading)
            yield Table(f"{heading} of the run", ("name", "value"), rows)


def _flat(values: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as dotted names with plain values, sorted."""
    for key, value in sorted(values.items()):
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{name}.")
        else:
            yield name, words.clip(_plain(value), SETTING_LIMIT)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
