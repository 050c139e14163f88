"""inspect-ai's evaluation log in its JSON form: one log is one finding, of one model at one task.

What a score means is the task's affair: 1.0 is good at refusing and bad at making weapons. So the finding says what was
measured, and leaves the judgement to its readers and to the person who pushes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from exchange.findings.careful import atlas, cves, instant, items, line, members, name, part, text
from exchange.findings.finding import Affected, Evidence, Fault, Finding, FoundBy, Model
from exchange.findings.fitting import fitted
from exchange.findings.keys import derived

MAX_SAMPLES = 20
MAX_SAID = 2_000


def read(document: Any) -> Iterator[Finding | Fault]:
    """The finding of a log that ended. The key is of tool, task and model: the next run is the next version."""
    status = part(document, "status")
    if status != "success":
        yield Fault("/status", "is not `success`: push the log of an evaluation that came to its end")
        return
    about = members(document, "eval")
    task, model = name(about.get("task")), name(about.get("model"))
    if task is None or model is None:
        missing = "task" if task is None else "model"
        yield Fault(f"/eval/{missing}", "is no text: the task and the model that was evaluated must be named")
        return
    metrics = list(_metrics(document))
    if not metrics:
        yield Fault("/results/scores", "has no score: push the log of an evaluation that was scored")
        return
    provider, slash, short = model.partition("/")
    made = fitted(
        kind="model-weakness",
        title=line(f"{model}: {task}, {metrics[0]}"),
        description=[
            f"inspect-ai evaluated {model} at the task {task}.",
            f"Scores: {'; '.join(metrics[:50])}.",
            _extent(document),
        ],
        found_by=[FoundBy(kind="tool", name="inspect_ai", version=_version(about), harness=task)],
        key=None,
        affected=[
            Affected(model=Model(name=short or model, provider=provider if slash and provider and short else None))
        ],
        aliases=cves(members(about, "task_args")),
        atlas=atlas([part(about, "tags"), part(about, "metadata"), part(about, "task_attribs")]),
        evidence=_samples(document),
    )
    yield msgspec.structs.replace(made, key=derived(made, tool="inspect_ai", rule=task))


def _version(about: dict[str, Any]) -> str | None:
    return name(part(about, "packages", "inspect_ai"))


def _metrics(document: Any) -> Iterator[str]:
    """`scorer metric value`. The first version of the format had one scorer beside its metrics."""
    results = members(document, "results")
    for score in (*items(results, "scores")[:50], results):
        scorer = part(score, "name") or part(score, "scorer")
        label = name(scorer) or name(part(scorer, "name"))
        for key, metric in list(members(score, "metrics").items())[:50]:
            value = name(part(metric, "value"))
            if value is not None:
                yield " ".join(one for one in (label, name(key), value) if one)


def _extent(document: Any) -> str | None:
    total, done = name(part(document, "results", "total_samples")), name(part(document, "results", "completed_samples"))
    ended = instant(part(document, "stats", "completed_at"))
    counted = f"{done or total} of {total} samples" if total else "The samples are not counted"
    return f"{counted}; ended {ended}." if ended else f"{counted}."


def _samples(document: Any) -> Iterator[Evidence | None]:
    """The first samples with their scores: input and answer are detail for those who have to act."""
    for one in items(document, "samples")[:MAX_SAMPLES]:
        scores = [
            f"{name(key)} {value}"
            for key, score in list(_scores(one).items())[:20]
            if (value := name(part(score, "value")))
        ]
        lines = [
            f"Sample {name(part(one, 'id')) or '?'}: {', '.join(scores) or 'no score'}",
            f"Input: {_said(part(one, 'input'))}",
            f"Answer: {_answer(one)}",
        ]
        found = text("\n".join(lines))
        yield Evidence(text=found) if found else None


def _scores(one: Any) -> dict[str, Any]:
    """By scorer; the first version of the format had one, without its name."""
    stated = members(one, "scores")
    return stated or ({"score": part(one, "score")} if isinstance(part(one, "score"), dict) else {})


def _answer(one: Any) -> str:
    choices = items(one, "output", "choices")
    return _said(part(choices[0], "message", "content")) if choices else "(none)"


def _said(value: Any) -> str:
    """A text; or the last of the messages, or the texts of the parts of one."""
    if isinstance(value, list):
        inner = [part(one, "content") if part(one, "text") is None else part(one, "text") for one in value[-5:]]
        value = "\n".join(one[:MAX_SAID] for one in inner if isinstance(one, str))
    return text(value, MAX_SAID) or "(none)"
