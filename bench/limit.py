"""The limit: the exchange's server and framework, with its settings, answering constant bytes.

Nothing is looked up, decided or spliced, so no exchange on this server can be faster. `python -m bench.limit` serves
a folder that holds, for each answer, its bytes (`NAME.body`) and its headers (`NAME.headers`, JSON).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import orjson
from flask import Flask, Response
from granian import Granian
from granian.constants import Interfaces

from exchange.app import THREADS

FOLDER = "BENCH_LIMIT"
SKIPPED = frozenset({"content-length", "date", "server", "connection"})  # the server writes these itself


def keep(folder: Path, name: str, body: bytes, headers: dict[str, str]) -> None:
    """Put an answer into the folder."""
    (folder / f"{name}.body").write_bytes(body)
    kept = {key: value for key, value in headers.items() if key.lower() not in SKIPPED}
    (folder / f"{name}.headers").write_bytes(orjson.dumps(kept))


def worker() -> Flask:
    """The application of one worker process; granian calls it by name."""
    folder = Path(os.environ[FOLDER])
    app = Flask("limit", static_folder=None)
    answers = {file.stem: (file.read_bytes(), orjson.loads(file.with_suffix(".headers").read_bytes()))
               for file in folder.glob("*.body")}  # fmt: skip

    def answer(name: str) -> Response:
        body, headers = answers[name]
        return Response(body, headers=headers)

    app.add_url_rule("/<name>", "answer", answer)
    app.add_url_rule("/readyz", "readyz", lambda: "ready")
    return app


def main(folder: str, port: str) -> None:
    """Serve the folder on a port of loopback."""
    os.environ[FOLDER] = folder
    Granian(
        "bench.limit:worker", factory=True, interface=Interfaces.WSGI, address="127.0.0.1", port=int(port),
        workers=1, blocking_threads=THREADS, respawn_failed_workers=True,
    ).serve()  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
