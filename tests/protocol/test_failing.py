"""What a client hears when the exchange itself is in trouble: an error object, and nothing of the reason."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text

from exchange import app, credentials, inforce, store
from tests.protocol.served import MEDIA_TYPE, files, indicator, write


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[app.Exchange]:
    """An exchange with nothing in force yet."""
    found = app.open_exchange(write(tmp_path, {"config/exchange.yaml": files()["config/exchange.yaml"]}))
    yield found
    found.close()


@pytest.fixture
def applied(exchange: app.Exchange) -> app.Exchange:
    name = "collections/fresh00.yaml"
    write(exchange.home, {name: files()[name]})
    app.apply_files(exchange.home)
    return exchange


def _client(exchange: app.Exchange) -> FlaskClient:
    return app.create_app(exchange).test_client()


def _headers(exchange: app.Exchange) -> dict[str, str]:
    with store.writing(exchange.engine) as conn:
        state = inforce.current(conn)
        assert state
        key = credentials.new(
            conn, member=state.numbers["alpha"], scope=("read", "write"), now=0, token=app.random_bytes
        )
    return {"Authorization": f"Bearer {key}", "Content-Type": MEDIA_TYPE}


@pytest.mark.row("T-3.6-03")
@pytest.mark.parametrize("path", ["/readyz", "/taxii2/"])
def test_before_the_first_apply_nothing_is_served(exchange: app.Exchange, path: str) -> None:
    found = _client(exchange).get(path)
    assert (found.status_code, found.headers["Retry-After"]) == (503, "5")
    assert _client(exchange).get("/healthz").status_code == 200


@pytest.mark.row("T-3.1-03", "T-B-01")
def test_a_fault_is_logged_by_its_error_id_and_told_to_nobody(
    applied: app.Exchange, caplog: pytest.LogCaptureFixture
) -> None:
    client, headers = _client(applied), _headers(applied)
    with store.writing(applied.engine) as conn:
        conn.execute(text("INSERT INTO config SELECT version + 1, at, 'no JSON', departed FROM config"))
    with caplog.at_level(logging.ERROR, logger="exchange.taxii"):
        found = client.get("/exchange/collections/fresh00/objects/indicator--secret/", headers=headers)
    assert (found.status_code, found.content_type) == (500, MEDIA_TYPE)
    assert json.loads(found.text)["error_id"] in caplog.text
    assert "indicator--secret" not in caplog.text
    assert "JSON" not in found.text
    assert "JSONDecodeError" in caplog.text


@pytest.mark.row("T-3.6-03")
def test_a_database_that_stays_locked_is_a_503_with_a_time_to_come_back(applied: app.Exchange) -> None:
    event.listen(applied.engine, "connect", _wait_for_nothing)
    applied.engine.dispose()
    client, headers = _client(applied), _headers(applied)
    with sqlite3.connect(applied.home / "data" / "exchange.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        path = "/exchange/collections/fresh00/objects/"
        found = client.post(path, headers=headers, json={"objects": [indicator()]})
        assert (found.status_code, found.headers["Retry-After"]) == (503, "5")
        assert client.get(path, headers=headers).status_code == 200
        other.execute("ROLLBACK")
    other.close()
    assert client.post(path, headers=headers, json={"objects": [indicator()]}).status_code == 202


def _wait_for_nothing(dbapi: sqlite3.Connection, _record: object) -> None:
    dbapi.execute("PRAGMA busy_timeout = 1")


def test_a_get_leaves_no_transaction_open(applied: app.Exchange) -> None:
    client, headers = _client(applied), _headers(applied)
    for path in ("/taxii2/", "/exchange/collections/fresh00/objects/", "/nothing/", "/exchange/status/x/"):
        client.get(path, headers=headers)
    client.get("/taxii2/")
    assert _checked_out(applied.engine) == 0


def _checked_out(engine: Engine) -> int:
    return int(engine.pool.checkedout())  # type: ignore[attr-defined]  # a QueuePool's
