"""The other direction: a stock medallion server that serves this exchange's store under its policy.

medallion's configuration names this module and a home (docs/medallion.md). It then authenticates by its own list of
users, where a user is the member of the same name, and looks at headers in its own, stricter way; from the policy on
everything is ours, by the same code as in the exchange itself. Its views take dicts, so objects are parsed once more
and lose how numbers and the order of keys were written.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
from flask import g, request
from medallion import auth
from medallion.backends.base import Backend as MedallionBackend
from medallion.exceptions import ProcessingError
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from exchange import app, inforce, intake, ledger, policy, store, taxii, taxiierrors, taxiiquery, taxiirights
from exchange.credentials import Key
from exchange.taxiidoor import Asked, asked
from exchange.taxiierrors import TaxiiError
from exchange.taxiirights import Caller, Place

_log = logging.getLogger("exchange.medallion")

_Answer = tuple[dict[str, Any], dict[str, str]]


class Backend(MedallionBackend):  # type: ignore[misc]  # medallion has no types
    """medallion makes it from the table `backend` of its configuration, whose keys are these arguments.

    Puts the home's files in force as far as `exchange serve` would, and raises what that raises.
    """

    def __init__(self, *, module: str, module_class: str, home: str) -> None:
        folder = Path(home).resolve()
        app.apply_files(folder)
        exchange = app.open_exchange(folder)
        self._exchange, self._service = exchange, app.service(exchange)
        self._taxii = taxii.Backend(self._service)
        self._threads: list[Thread] = []
        exchange.close()  # a server that forks must not hand its children a connection
        _log.info("%s.%s serves %s", module, module_class, folder)

    # Discovery, API root, status -----------------------------------------------------------------------------------

    def server_discovery(self) -> dict[str, Any]:
        with self._passed():
            return self._taxii.server_discovery()

    def get_api_root_information(self, root: str) -> dict[str, Any] | None:
        """None for another root, which medallion makes a 404 of."""
        with self._passed():
            if root != asked().caller.state.config.root:
                return None
            return self._taxii.get_api_root_information(root)

    def get_status(self, root: str, status_id: str) -> dict[str, Any]:
        with self._passed():
            return _parsed(self._taxii.get_status(root, status_id))

    # Collections: the views look at these first, and refuse by them ------------------------------------------------

    def get_collections(self, root: str) -> dict[str, Any]:
        with self._passed():
            return self._taxii.get_collections(root)

    def get_collection(self, _root: str, collection: str) -> dict[str, Any] | None:
        """None if it is not listed for the member."""
        with self._passed():
            place = self._place(collection)
            return place.resource if place else None

    # Objects: the right is asked for again, in the snapshot that answers -------------------------------------------

    def get_objects(self, root: str, collection: str, _args: object, _allowed: object, limit: int) -> _Answer:
        with self._reading(collection, taxiiquery.PAGE, limit):
            return _dicts(self._taxii.get_objects(root, collection))

    def get_object_manifest(self, root: str, collection: str, _args: object, _allowed: object, limit: int) -> _Answer:
        with self._reading(collection, taxiiquery.PAGE, limit):
            return _dicts(self._taxii.get_object_manifest(root, collection))

    def get_object(
        self, root: str, collection: str, object_id: str, _args: object, _allowed: object, limit: int
    ) -> _Answer:
        with self._reading(collection, taxiiquery.OBJECT, limit):
            return _dicts(self._taxii.get_object(root, collection, object_id))

    def get_object_versions(
        self, root: str, collection: str, object_id: str, _args: object, _allowed: object, limit: int
    ) -> _Answer:
        with self._reading(collection, taxiiquery.VERSIONS, limit):
            return _dicts(self._taxii.get_object_versions(root, collection, object_id))

    def add_objects(self, root: str, collection: str, _read: object, _time: object) -> dict[str, Any]:
        """From the bytes that came: what medallion read of them has lost repeated keys."""
        with self._passed() as stack:
            place = self._listed(collection)
            stack.close()  # a writer holds no snapshot; intake looks at the right again in its own transaction
            g.asked = replace(asked(), snapshot=None, place=place, body=request.get_data())
            return self._taxii.add_objects(root, place.uid)

    def delete_object(self, root: str, collection: str, object_id: str, _args: object, _allowed: object) -> None:
        with self._passed() as stack:
            place = self._listed(collection)
            stack.close()
            g.asked = replace(asked(), snapshot=None, place=place, query=taxiiquery.read_delete(request.args))
            self._taxii.delete_object(root, place.uid, object_id)

    # What the door does for the exchange's own server --------------------------------------------------------------

    @contextmanager
    def _passed(self) -> Iterator[ExitStack]:
        """The request of an active member, with a snapshot; failures leave as medallion's own errors."""
        if not any(thread.is_alive() for thread in self._threads):  # no thread passes into a forked child
            self._threads = [app.keep_saving(self._service.polls), app.keep_releases(self._exchange)]
        with _medallion_errors(self._service), ExitStack() as stack:
            if not all(value.isprintable() for value in (request.view_args or {}).values()):
                raise TaxiiError(404)  # no id has such letters, and PostgreSQL takes no NUL
            conn = stack.enter_context(store.reading(self._service.engine))
            now = self._service.clock.now(conn)
            g.asked = Asked(caller=_caller(conn, auth.current_user(), now), now=now, snapshot=conn)
            yield stack

    @contextmanager
    def _reading(self, collection: str, known: frozenset[str], limit: int) -> Iterator[None]:
        with self._passed():
            place = self._listed(collection)
            if not place.can_read:
                raise TaxiiError(403)
            found = replace(asked(), place=place)
            query = taxiiquery.read(request.args, known, self._service.secrets.cursors, found.holder)
            # medallion's own max_page_size counts too: it has cut the limit down to that.
            g.asked = replace(found, query=replace(query, limit=min(limit, taxiiquery.MAX_LIMIT)))
            yield

    def _listed(self, collection: str) -> Place:
        place = self._place(collection)
        if place is None:
            raise TaxiiError(404)
        return place

    def _place(self, collection: str) -> Place | None:
        return taxiirights.find(asked().caller, self._service.secrets.policy_uid, collection)


def _caller(conn: Connection, user: str, now: int) -> Caller:
    """The member of that name, with every right that the policy gives it; 401 if it is not active (policy.md 3.4.1)."""
    state = inforce.current(conn)
    if state is None:
        raise TaxiiError(503, headers={"Retry-After": str(taxiierrors.RETRY_SECONDS)})
    if not policy.active(state.config, user, now):
        message = "This user is no active member of the exchange: ask its operator."
        raise TaxiiError(401, message, headers={"WWW-Authenticate": 'Basic realm="exchange"'})
    key = Key(
        id="", member=state.numbers[user], read=True, write=True,
        collections=None, client=None, note=None, made=0, expires=None, revoked=None,
    )  # fmt: skip
    return Caller(key=key, member=user, state=state)


@contextmanager
def _medallion_errors(service: taxii.Service) -> Iterator[None]:
    """Every failure as the error that medallion renders; of what nobody foresaw a number, and the rest in the log."""
    try:
        yield
    except TaxiiError as error:
        raise _told(error) from error
    except intake.Refused as error:
        raise _told(TaxiiError(403 if error.listed else 404)) from error
    except ledger.Unwritten as error:
        _log.error("the ledger cannot be written, so no objects are served: %s", ledger.reason(error))
        raise _told(TaxiiError(503, headers={"Retry-After": str(taxiierrors.RETRY_SECONDS)})) from error
    except (intake.Busy, OperationalError, PoolTimeout) as error:
        _log.warning("busy: %s", type(error).__name__)
        raise _told(TaxiiError(503, headers={"Retry-After": str(taxiierrors.RETRY_SECONDS)})) from error
    except Exception as error:
        error_id = service.new_id()
        _log.exception("error_id %s", error_id)
        message = f"Something failed here; the operator finds it in the log by {error_id}."
        raise _told(TaxiiError(500, message)) from error


def _told(error: TaxiiError) -> ProcessingError:
    found = ProcessingError(taxiierrors.sentence(error).removesuffix("."), error.status)  # it adds the full stop
    found.headers = error.headers
    return found


def _parsed(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(body)
    return found


def _dicts(answer: tuple[bytes, dict[str, str]]) -> _Answer:
    body, headers = answer
    return _parsed(body), headers
