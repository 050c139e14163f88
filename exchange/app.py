"""The composition root: the only reader of clock, environment and fresh ids, and the server's processes.

`open_exchange` opens a home, `create_app` makes its web application, `serve` runs it: a master that applies the files
at the start and at SIGHUP, and workers that each open the database for themselves and read the config in force with
every request, so that no change of the config restarts one.
"""

from __future__ import annotations

import gc
import logging
import os
import secrets
import time
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from flask import Flask
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.log import LOGGING_CONFIG
from granian.log import logger as granian_log
from granian.server import MPServer
from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from exchange import api, config, inforce, ledger, openfiles, releasing, store, taxii
from exchange.calling import TICK, Caller
from exchange.config import ConfigError
from exchange.following import Follower
from exchange.inforce import Effect
from exchange.ledger import Ledger
from exchange.notices import Notifier
from exchange.polls import Polls
from exchange.release import Releaser, Steady
from exchange.releasing import FileLock, Lock, SessionLock, keep_calling, keep_releasing
from exchange.sequencer import Clock

THREADS = 16  # a worker's, and as many database connections
LEDGER_CONNECTIONS = 4  # a worker's: one writes for all threads, the others store and ask about polls
RELEASE_CONNECTIONS = 3
RELEASE_SECONDS = 0.5  # between two rounds: a stage is entered within a second of its time
CALL_SECONDS = 1  # between two looks at the tick
SAVE_SECONDS = 10  # a killed worker forgets as much of what was polled in vain
STOP_SECONDS = 60  # what a request that is under way gets when the server stops

_log = logging.getLogger("exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An open exchange: its database and its ledger's, its clock, its home folder, and where new ids come from."""

    engine: Engine
    ledger: Engine
    clock: Clock
    home: Path
    new_id: Callable[[], str]

    def close(self) -> None:
        """Close the connections; what asks again opens new ones."""
        self.engine.dispose()
        self.ledger.dispose()


def new_id() -> str:
    """A fresh UUIDv4."""
    return str(uuid.uuid4())


def random_bytes(count: int) -> bytes:
    """As many bytes that nobody can guess."""
    return secrets.token_bytes(count)


def new_clock() -> Clock:
    """A clock on this host's; one for each process."""
    return Clock(
        host=lambda: time.time_ns() // 1_000,
        elapsed=lambda: time.monotonic_ns() // 1_000,
        wait=lambda microseconds: time.sleep(microseconds / 1_000_000),
    )


def open_exchange(home: Path, database: str | None = None) -> Exchange:
    """The exchange of a home, its schema brought up to date; the home's data/ is made if it is missing.

    `database` is an SQLAlchemy URL; without it EXCHANGE_DATABASE, else SQLite in the home. Raises
    `store.NewerSchema`, and SQLAlchemy's errors where the database cannot be reached.
    """
    exchange = _opened(home, database)
    store.migrate(exchange.engine)
    ledger.migrate(exchange.ledger)
    ledger.hold_numbers(exchange.engine, exchange.ledger)
    exchange.ledger.dispose()  # most commands never ask it
    return _in_step(exchange)


def _opened(home: Path, database: str | None = None) -> Exchange:
    (home / "data").mkdir(mode=0o700, exist_ok=True)  # it holds the exchange's secrets
    url = database or os.environ.get("EXCHANGE_DATABASE") or _sqlite(home / "data" / "exchange.db")
    # Connections of its own: an answer holds one of the others while its line is written.
    beside = _sqlite(home / "data" / "ledger.db") if url.startswith("sqlite") else url
    return Exchange(
        engine=store.connect(url, THREADS), ledger=store.connect(beside, LEDGER_CONNECTIONS),
        clock=new_clock(), home=home, new_id=new_id,
    )  # fmt: skip


def _sqlite(file: Path) -> str:
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def _in_step(exchange: Exchange) -> Exchange:
    with store.reading(exchange.engine) as conn:
        exchange.clock.not_before(conn)
    return exchange


def create_app(exchange: Exchange) -> Flask:
    """The web application of an open exchange, whose schema is up to date."""
    return _mounted(service(exchange))


def _mounted(shared: taxii.Service) -> Flask:
    app = Flask("exchange", static_folder=None)
    taxii.mount(app, shared)
    api.mount(app, shared)
    openfiles.mount(app)
    return app


def service(exchange: Exchange) -> taxii.Service:
    """What a TAXII face of an open exchange stands on."""
    with store.reading(exchange.engine) as conn:
        own = taxii.Secrets.load(conn)
    return taxii.Service(
        engine=exchange.engine, clock=exchange.clock, new_id=exchange.new_id, secrets=own,
        ledger=Ledger(exchange.ledger), polls=Polls(exchange.ledger),
    )  # fmt: skip


def caller(exchange: Exchange, tick: int = TICK) -> Caller:
    """What calls members that something new is there, with connections of its own."""
    engine = _apart(exchange)

    def now() -> int:
        with store.reading(engine) as conn:
            return store.database_clock(conn, time.time_ns() // 1_000)

    password = os.environ.get("EXCHANGE_MAIL_PASSWORD", "")
    return Caller(engine=engine, now=now, new_id=exchange.new_id, password=password, tick=tick)


def _apart(exchange: Exchange) -> Engine:
    """Connections that no request waits for."""
    return store.connect(exchange.engine.url.render_as_string(hide_password=False), RELEASE_CONNECTIONS)


def releaser(exchange: Exchange) -> Releaser:
    """What carries out releases, with connections of its own; its time runs on while the machine sleeps."""
    engine = _apart(exchange)

    def seen() -> int:
        with store.reading(engine) as conn:
            return store.database_clock(conn, time.time_ns() // 1_000)

    def elapsed() -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000

    return Releaser(engine=engine, clock=exchange.clock, steady=Steady(seen=seen, elapsed=elapsed))


def release_lock(exchange: Exchange, engine: Engine) -> Lock:
    return _lock(exchange, engine, "release", releasing.RELEASES)


def calls_lock(exchange: Exchange, engine: Engine) -> Lock:
    return _lock(exchange, engine, "calls", releasing.CALLS)


def _lock(exchange: Exchange, engine: Engine, name: str, number: int) -> Lock:
    if engine.dialect.name == "sqlite":
        return FileLock(exchange.home / "data" / f"{name}.lock")
    return SessionLock(engine, number)


def keep_calls(exchange: Exchange) -> Thread:
    """Call members that something new is there, as long as this process runs and holds the lock."""
    found = caller(exchange)
    return keep_calling(found, calls_lock(exchange, found.engine), lambda: time.sleep(CALL_SECONDS))


def keep_releases(exchange: Exchange) -> Thread:
    """Carry out what falls due, as long as this process runs and holds the release lock."""
    found = releaser(exchange)
    beside = store.connect(exchange.ledger.url.render_as_string(hide_password=False), 1)
    told = Notifier(engine=found.engine, ledger=beside, clock=exchange.clock)
    follower = Follower(engine=found.engine, clock=exchange.clock)
    lock = release_lock(exchange, found.engine)
    return keep_releasing(found, follower, told, lock, lambda: time.sleep(RELEASE_SECONDS))


def keep_saving(polls: Polls) -> Thread:
    """Store the polls in vain every few seconds, in a thread that ends with its process."""

    def save() -> None:
        while True:
            time.sleep(SAVE_SECONDS)
            try:
                polls.save()
            except SQLAlchemyError as error:
                _log.warning("what was polled in vain could not be stored yet: %s", type(error).__name__)

    thread = Thread(target=save, name="polls", daemon=True)
    thread.start()
    return thread


# Serving ----------------------------------------------------------------------------------------------------------


def worker() -> Flask:
    """The application of one worker process, which finds its home in EXCHANGE_HOME; granian calls it by name."""
    _log_to_stderr()
    gc.set_threshold(50_000, 20, 50)  # a publish makes many objects that die young: a third of its time went there
    exchange = _in_step(_opened(Path(os.environ["EXCHANGE_HOME"])))
    shared = service(exchange)
    keep_saving(shared.polls)
    keep_releases(exchange)
    keep_calls(exchange)
    return _mounted(shared)


def serve(
    home: Path, *, host: str = "127.0.0.1", port: int = 8000, workers: int | None = None,
    tls_cert: Path | None = None, tls_key: Path | None = None,
) -> None:  # fmt: skip
    """Serve a home until SIGTERM or SIGINT, which finish what is under way; SIGHUP applies changed files.

    Raises SystemExit with status 1, once the log has said why, where nothing is in force and the files are wrong.
    """
    _log_to_stderr()
    home = home.resolve()
    try:
        apply_files(home)
    except ConfigError as error:
        raise SystemExit(1) from error
    os.environ["EXCHANGE_HOME"] = str(home)
    server = _Server(
        "exchange.app:worker", factory=True, interface=Interfaces.WSGI, address=host, port=port,
        workers=workers or os.cpu_count() or 1, blocking_threads=THREADS,
        respawn_failed_workers=True, workers_kill_timeout=STOP_SECONDS,
        ssl_cert=tls_cert, ssl_key=tls_key, ssl_protocol_min=SSLProtocols.tls12,  # T-8.2-05
        http=HTTPModes.http1, websockets=False, log_dictconfig=_server_log(),
    )  # fmt: skip
    server.home = home
    server.serve()


def _log_to_stderr() -> None:
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s: %(message)s")
    _log.setLevel(logging.INFO)


def _server_log() -> dict[str, Any]:
    """granian's own settings, but to standard error, and without its warning of more threads than processors.

    Most of the threads wait: for the database's write lock, or for the disk.
    """
    granian_log.addFilter(lambda record: "Python threads" not in record.getMessage())
    settings: dict[str, Any] = deepcopy(LOGGING_CONFIG)
    settings["handlers"]["console"]["stream"] = "ext://sys.stderr"
    return settings


class _Server(MPServer):
    """granian's master, which at SIGHUP applies the files instead of starting its workers anew."""

    home: Path

    def _reload(self, spawn_target: object, target_loader: object) -> None:
        # Not in the signal handler: a second signal would run an apply inside an apply.
        self.main_loop_interrupt.clear()
        self.reload_signal = False
        try:
            apply_files(self.home)
        except Exception:  # whatever it is, the workers go on with what is in force
            _log.exception("the files could not be applied: what is in force stays")
        if self.interrupt_signal or self.interrupt_children:  # they came while the event was cleared
            self.main_loop_interrupt.set()


def apply_files(home: Path) -> None:
    """Put a home's files in force, as far as that needs nobody's consent.

    The first time all of it. Later only what lets nobody read an older object above GREEN; else, or if the files are
    wrong, the log says why and the old version stays. Raises `ConfigError` if then nothing is in force.
    """
    exchange = open_exchange(home)
    try:
        _apply(exchange)
    finally:
        exchange.close()  # workers are forked from here, and must not inherit a connection


def _apply(exchange: Exchange) -> None:
    with store.reading(exchange.engine) as conn:
        before = inforce.current(conn)
    version = before.version if before else 0
    try:
        effect = inforce.put(exchange.engine, config.read_home(exchange.home), exchange.clock, _refuse_to_widen)
    except ConfigError as error:
        for problem in error.problems:
            _log.error("%s", problem)
        if before is None:
            raise
        _log.error("the files are wrong: version %d stays in force; mend them and send SIGHUP again", version)
    except _Widens:
        _log.warning(
            "the files let members read older objects above GREEN: version %d stays in force; "
            "`exchange diff` shows what changes, `exchange apply` does it", version,
        )  # fmt: skip
    else:
        _log.info("version %d is in force%s", effect.after.version, "" if effect.changed else ", unchanged")


class _Widens(Exception):
    """Somebody would gain an older object above GREEN: that needs a person's word."""


def _refuse_to_widen(effect: Effect) -> None:
    if inforce.widens(effect):
        raise _Widens
