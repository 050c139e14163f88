"""`POST /api/v1/collections/NAME/findings`: findings in any form that is understood, one, many or a stream of lines.

One finding is answered with all that became of it and with who reads it. Of several, the good ones are taken and the
others listed by their place. A stream is read, taken and answered a line at a time, so its length costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
from werkzeug.datastructures import MultiDict

from exchange import filing, findingrows, intake, preview, stix, store
from exchange.drafting import Failed, Filed
from exchange.filing import Foreseen
from exchange.findings import documents, formats, reading
from exchange.findings.finding import Fault, Finding
from exchange.findingterms import Defaults
from exchange.intake import Poster
from exchange.taxiierrors import TaxiiError

PARAMETERS = frozenset({"dry_run", "tlp", "plan", "embargo_until", "recipient"})
SPOOLED = 4 << 20  # bytes of a stream's answer that are kept in memory
KEPT = 256 << 10  # bytes of an answer that is kept for its Idempotency-Key
DAY = 86_400_000_000  # microseconds
_KEY = 255
ALIKE = 200  # findings of a stream that are looked at before any is stored
_RECIPIENTS = 500

_Entry = tuple[int, Finding | tuple[Fault, ...]]
_Outcome = Filed | Failed | Foreseen


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Where findings go and how; `status` makes the URL of a POST's status from its id."""

    poster: Poster
    number: int  # the member's
    uid: str
    defaults: Defaults
    dry_run: bool
    new_id: Callable[[], str]
    status: Callable[[str], str]

    def outcomes(self, entries: Iterable[_Entry]) -> Iterator[_Outcome]:
        """Of each entry, in their order."""
        some: list[_Entry] = []
        for entry in entries:
            some.append(entry)
            if len(some) == ALIKE:
                yield from self._settled(some)
                some = []
        yield from self._settled(some)

    def _settled(self, some: list[_Entry]) -> Iterator[_Outcome]:
        found: list[_Outcome] = [Failed(index=i, faults=one) for i, one in some if not isinstance(one, Finding)]
        for batch in filing.batches([(i, one) for i, one in some if isinstance(one, Finding)]):
            if self.dry_run:
                found += filing.foresee(self.poster, self.uid, batch, self.defaults)
            else:
                found += filing.file(self.poster, self.uid, batch, self.defaults, self.new_id())
        yield from sorted(found, key=lambda one: one.index)


def asked(args: MultiDict[str, str]) -> tuple[Defaults, bool]:
    """What the query says for all findings, and whether nothing is to be stored. Raises `TaxiiError`."""
    if unknown := sorted(args.keys() - PARAMETERS):
        known = ", ".join(sorted(PARAMETERS))
        raise TaxiiError(400, f'There is no parameter "{unknown[0][:50]}" here: it takes {known}.')
    for name in PARAMETERS - {"recipient"}:
        if len(args.getlist(name)) > 1:
            raise TaxiiError(400, f"{name} is there twice: give it once.")
    dry_run = args.get("dry_run", "false")
    if dry_run not in ("true", "false"):
        raise TaxiiError(400, "dry_run takes true or false.")
    if len(recipients := args.getlist("recipient")) > _RECIPIENTS:
        raise TaxiiError(400, f"recipient is there more than {_RECIPIENTS} times.")
    plan, until = args.get("plan"), args.get("embargo_until")
    if plan and until:
        raise TaxiiError(400, "Give plan or embargo_until, not both.")
    defaults = Defaults(tlp=args.get("tlp"), plan=plan, embargo_until=until, recipients=tuple(recipients))
    return defaults, dry_run == "true"


# A body that is read as a whole -----------------------------------------------------------------------------------


def of_body(push: Push, body: bytes) -> dict[str, Any]:
    """The answer to one document or several. Raises `TaxiiError` where nothing is taken of it."""
    found = list(documents.documents(body))
    if len(found) == 1 and not isinstance(found[0], Fault):
        (document,) = found
        kind = formats.recognise(document)
        if kind == "stix":
            return _of_stix(push, body)
        if kind == "plain" and isinstance(document, dict):
            return _of_one(push, document)
    return _of_many(push, enumerate(chain.from_iterable(map(_findings, found))))


def _findings(document: Any) -> Iterator[Finding | tuple[Fault, ...]]:
    """Of one document, each; of an array those of each element, whatever they are."""
    if isinstance(document, Fault):
        yield (document,)
    elif (kind := formats.recognise(document)) == "plain":
        yield reading.convert(document)
    elif kind is None and isinstance(document, list):
        for one in document:
            yield from _findings(one)
    else:
        for found in formats.findings(document):
            yield found if isinstance(found, Finding) else (found,)


def _of_one(push: Push, document: dict[str, Any]) -> dict[str, Any]:
    (outcome,) = push.outcomes([(0, reading.convert(document))])
    if isinstance(outcome, Failed):
        raise _refused(outcome.faults, outcome.retry)
    return _one(push, outcome)


def _one(push: Push, outcome: Filed | Foreseen) -> dict[str, Any]:
    if isinstance(outcome, Foreseen):
        return {"dry_run": True, **_foreseen(outcome)}
    forecast = filing.audience(push.poster, push.uid, outcome.finding)
    return {**_filed(push, outcome), "audience": forecast.resource if forecast else None}


def _of_many(push: Push, entries: Iterable[_Entry]) -> dict[str, Any]:
    """A document that has no findings, as a scan that found nothing, is no error."""
    outcomes = list(push.outcomes(entries))
    failed = [one for one in outcomes if isinstance(one, Failed)]
    failures = [{"index": one.index, "errors": _errors(one.faults)} for one in failed]
    if failed and len(failed) == len(outcomes):
        retry = [one.retry for one in failed if one.retry is not None]
        if len(retry) == len(failed):
            raise _over_quota(max(retry))
        raise TaxiiError(422, "Nothing of it could be taken: `failures` says why.", extra={"failures": failures})
    found: dict[str, Any] = {"taken": len(outcomes) - len(failed), "refused": len(failed)}
    if push.dry_run:
        return {"dry_run": True, **found, "findings": [_line(push, o) for o in outcomes], "failures": failures}
    return {
        **found,
        "findings": [_line(push, one) for one in outcomes if not isinstance(one, Failed)],
        "failures": failures,
    }


def _of_stix(push: Push, body: bytes) -> dict[str, Any]:
    """A bundle or envelope, as it is: the same as its POST by TAXII."""
    try:
        if push.dry_run:
            return {"dry_run": True, "stix": preview.preview(push.poster, push.uid, body)}
        status_id = push.new_id()
        resource = intake.publish(push.poster, push.uid, body, status_id)
    except stix.EnvelopeError as error:
        raise TaxiiError(422, f"{error}.") from error
    return {
        "status": push.status(status_id), "taken": resource["success_count"], "refused": resource["failure_count"],
        "stix": resource,
    }  # fmt: skip


# Asked again ------------------------------------------------------------------------------------------------------


def once(push: Push, key: str | None, asked_for: Sequence[bytes], answer: Callable[[], bytes]) -> bytes:
    """The answer, or the one that the same request had under this Idempotency-Key within a day.

    `asked_for`: what makes a request another one. 422 where the key was another request's. An answer above
    `KEPT` bytes is made anew, which says the same: findings have keys of their own.
    """
    if key is None or push.dry_run:
        return answer()
    if not key.isprintable() or not 1 <= len(key) <= _KEY:
        raise TaxiiError(400, f"Idempotency-Key takes 1 to {_KEY} printable letters.")
    wanted = findingrows.digest(push.uid.encode(), *asked_for)
    with store.reading(push.poster.engine) as conn:
        now, number = push.poster.clock.now(conn), push.number
        before = findingrows.answered(conn, number, key, now - DAY)
    if before is not None:
        if before.request != wanted:
            raise TaxiiError(422, "This Idempotency-Key was another request's: give each request its own.")
        return before.json
    made = answer()
    if len(made) <= KEPT:
        with store.writing(push.poster.engine) as conn:
            findingrows.forget_answers(conn, now - DAY)
            findingrows.answer(conn, number, key, findingrows.Answered(request=wanted, json=made), now)
    return made


# A stream of lines ------------------------------------------------------------------------------------------------


def of_lines(push: Push, lines: Iterable[bytes | Fault]) -> Iterator[bytes]:
    """The answer, a line for each of these that is not blank and a last one with the sums; made before it is sent,
    since most clients read nothing before they have sent all."""
    spool = SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115 – it lives as long as its answer
    taken = refused = 0
    for outcome in push.outcomes(enumerate(chain.from_iterable(map(_of_line, lines)))):
        failed = isinstance(outcome, Failed)
        refused, taken = refused + failed, taken + (not failed)
        spool.write(orjson.dumps(_line(push, outcome)) + b"\n")
    spool.write(orjson.dumps({"taken": taken, "refused": refused}) + b"\n")
    spool.seek(0)
    return _sent(spool)


def _sent(spool: SpooledTemporaryFile[bytes]) -> Iterator[bytes]:
    with spool:
        while piece := spool.read(1 << 16):
            yield piece


def _of_line(line: bytes | Fault) -> Iterator[Finding | tuple[Fault, ...]]:
    if isinstance(line, Fault):
        yield (line,)
        return
    found = reading.read(line)  # the fast way of what is nearly every line
    if isinstance(found, Finding):
        yield found
    else:
        yield from chain.from_iterable(map(_findings, documents.documents(line)))


# Answers ----------------------------------------------------------------------------------------------------------


def _line(push: Push, outcome: _Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        return {"index": outcome.index, "errors": _errors(outcome.faults)}
    told = _filed(push, outcome) if isinstance(outcome, Filed) else _foreseen(outcome)
    return {"index": outcome.index, **told}


def _filed(push: Push, one: Filed) -> dict[str, Any]:
    """Without whether it is new: what is sent again is answered alike."""
    return {"finding": one.finding, "key": one.key, "status": push.status(one.status), "objects": list(one.objects)}


def _foreseen(one: Foreseen) -> dict[str, Any]:
    audience = one.audience.resource if one.audience else None
    return {"finding": one.finding, "key": one.key, "objects": list(one.objects), "audience": audience}


def _errors(faults: Iterable[Fault]) -> list[dict[str, str]]:
    return [{"pointer": one.pointer, "detail": one.detail} for one in faults]


def _refused(faults: tuple[Fault, ...], retry: int | None) -> TaxiiError:
    if retry is not None:
        return _over_quota(retry)
    return TaxiiError(422, "The finding is not taken: `errors` says why.", extra={"errors": _errors(faults)})


def _over_quota(retry: int) -> TaxiiError:
    headers: Mapping[str, str] = {"Retry-After": str(retry)}
    return TaxiiError(429, "Your quota of findings is used up: send the rest after Retry-After seconds.", headers)
