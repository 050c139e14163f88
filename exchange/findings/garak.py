"""garak's report or hit log, as the list of its lines: one finding per probe and detector that had hits.

Prompts and answers are evidence, the first few of them; the finding says how many of how many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exchange.findings.careful import atlas, items, line, members, name, part, pointer, text
from exchange.findings.finding import Affected, Evidence, Fault, Finding, FoundBy, Model
from exchange.findings.fitting import Place, fitted, settled
from exchange.findings.keys import derived

MAX_EXAMPLES = 5
MAX_SAID = 4_000


@dataclass(slots=True)
class _Run:
    """What the lines say of the run as a whole."""

    version: str | None = None
    kind: str | None = None
    target: str | None = None
    threshold: float = 0.5


@dataclass(slots=True)
class _Pair:
    """One probe and detector: answers judged, hits, and the first of them."""

    judged: int | None = 0  # None: a hit log does not say
    hits: int = 0
    goal: str | None = None
    examples: list[str] = field(default_factory=list)
    techniques: set[str] = field(default_factory=set)
    place: Place = ()
    fault: str | None = None


Pairs = dict[tuple[str, str, str | None], _Pair]  # probe, detector, target of a hit


def read(document: Any) -> Iterator[Finding | Fault]:
    """The findings of a report or hit log. One that is whole and has no hits is good news, and no fault."""
    rows = document if isinstance(document, list) else [document]
    run, pairs, ended = _Run(), dict[tuple[str, str, str | None], _Pair](), False
    for row in rows:
        _setup(row, run)
    for index, row in enumerate(rows):
        kind = part(row, "entry_type")
        if kind == "eval":
            ended = True
            _eval(row, pairs, index)
        elif kind == "attempt":
            _attempt(row, pairs, run.threshold)
        elif kind is None and isinstance(part(row, "detector"), str):
            ended = True
            _hit(row, pairs, index)
    if not ended:
        yield Fault("", "has no line of the kind `eval`, so the run did not end: push the report of a whole run")
    yield from settled(_findings(run, pairs))


def _findings(run: _Run, pairs: Pairs) -> Iterator[tuple[Place, Finding | Fault]]:
    for (probe, detector, target), pair in pairs.items():
        kind, model = _target(target) if target else (run.kind, run.target)
        place = pair.place
        if pair.fault:
            yield place, Fault(pointer(*place), pair.fault)
        elif place and pair.hits and not (kind or model):
            yield (
                place,
                Fault(pointer(*place), "is a hit on a model that no line names: keep the `start_run setup` line"),
            )
        elif place and pair.hits:
            yield place, _finding(run, probe, detector, pair, Model(name=model or kind or "", provider=kind))


def _setup(row: Any, run: _Run) -> None:
    kind = part(row, "entry_type")
    if kind == "init":
        run.version = run.version or name(part(row, "garak_version"))
    if kind != "start_run setup":
        return
    run.version = name(row.get("_config.version")) or run.version
    run.kind = name(row.get("plugins.target_type")) or name(row.get("plugins.model_type"))
    run.target = name(row.get("plugins.target_name")) or name(row.get("plugins.model_name"))
    limit = row.get("run.eval_threshold")
    if isinstance(limit, int | float) and 0 <= limit <= 1:
        run.threshold = float(limit)


def _eval(row: Any, pairs: Pairs, index: int) -> None:
    probe, detector = name(part(row, "probe")), name(part(row, "detector"))
    detector = detector.removeprefix("detector.") if detector else None
    pair = pairs.setdefault((probe or "", detector or "", None), _Pair())
    pair.place = (index,)
    passed, total = _count(part(row, "passed")), _count(part(row, "total_evaluated"))
    total = _count(part(row, "total")) if total is None else total
    if not (probe and detector) or passed is None or total is None or passed > total:
        pair.fault = (
            "is no line of results: `probe`, `detector`, `passed` and `total_evaluated` (or `total`) are needed"
        )
        return
    pair.judged = (pair.judged or 0) + total
    pair.hits += total - passed
    pair.techniques |= set(atlas(part(row, "tags")))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else None


def _attempt(row: Any, pairs: Pairs, threshold: float) -> None:
    """The examples for the results, which come later in the report."""
    probe = name(part(row, "probe_classname"))
    for detector, scores in list(members(row, "detector_results").items())[:100]:
        pair = pairs.setdefault((probe or "", name(detector) or "", None), _Pair())
        pair.goal = pair.goal or line(part(row, "goal"))
        for number, score in enumerate(scores if isinstance(scores, list) else []):
            if len(pair.examples) >= MAX_EXAMPLES:
                break
            if isinstance(score, int | float) and score >= threshold:
                outputs = items(row, "outputs")
                pair.examples.append(_example(part(row, "prompt"), outputs[number] if number < len(outputs) else None))


def _hit(row: Any, pairs: Pairs, index: int) -> None:
    probe, detector = name(part(row, "probe")), name(part(row, "detector"))
    pair = pairs.setdefault((probe or "", detector or "", name(part(row, "generator"))), _Pair())
    pair.place, pair.judged = pair.place or (index,), None
    if not (probe and detector):
        pair.fault = "is no hit: `probe` and `detector` are needed"
    pair.hits += 1
    pair.goal = pair.goal or line(part(row, "goal"))
    if len(pair.examples) < MAX_EXAMPLES:
        pair.examples.append(_example(part(row, "prompt"), part(row, "output")))


def _target(generator: str) -> tuple[str | None, str | None]:
    """`openai gpt-4o`: what serves the model, and the model."""
    kind, _, model = generator.partition(" ")
    return (kind, model) if model and model != "None" else (None, kind)


def _example(prompt: Any, output: Any) -> str:
    return f"Prompt: {_said(prompt)}\nAnswer: {_said(output)}"


def _said(value: Any) -> str:
    """A text; in newer reports a message with `text`, or a conversation whose last turn is the prompt."""
    if isinstance(value, dict):
        turns = items(value, "turns")
        value = part(turns[-1], "content", "text") if turns else value.get("text")
    return text(value, MAX_SAID) or "(none)"


def _finding(run: _Run, probe: str, detector: str, pair: _Pair, model: Model) -> Finding:
    rate = f"{pair.hits} of {pair.judged} answers" if pair.judged else f"{pair.hits} answers"
    made = fitted(
        kind="model-weakness",
        title=line(f"{model.name}: {probe}, {rate} judged as hits by {detector}"),
        description=[
            f"garak's probe {probe} had {rate} judged as hits by the detector {detector}.",
            f"The probe's goal: {pair.goal}." if pair.goal else None,
        ],
        found_by=[FoundBy(kind="tool", name="garak", version=run.version, harness=line(f"{probe} {detector}", 250))],
        key=None,
        affected=[Affected(model=model)],
        atlas=sorted(pair.techniques),
        evidence=[Evidence(text=one) for one in pair.examples],
    )
    return msgspec.structs.replace(made, key=derived(made, tool="garak", rule=f"{probe} {detector}"))
