"""The commands that begin and run an exchange: init, check, serve."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

import click

from exchange.cliparts import (
    Refusal,
    home_option,
    json_option,
    opened,
    plural,
    print_json,
    say,
    table,
    warn,
    why_no_listening,
)
from exchange.config import ConfigError, Problem, example_files, parse, read_home, suspicions

IGNORED_BY_GIT = "# What the exchange writes: databases and its secrets. Never in version control.\n/data/\n"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
def init(folder: Path, as_json: bool) -> None:
    """Write a ready example home into DIR, and say what to do next."""
    files = {**example_files(), ".gitignore": IGNORED_BY_GIT}
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise Refusal(f"{folder / there[0]}: is there already, nothing was written; choose a new folder")
    try:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{error.filename}: cannot be written: {error.strerror}") from error
    if as_json:
        print_json({"home": str(folder), "files": sorted(files)})
        return
    say(f"{folder} is an example home: {', '.join(sorted(files))}\n\nNext:")
    table(
        ("", ""),
        (
            (f"  cd {folder}", "then edit config/exchange.yaml and collections/ as you like"),
            ("  exchange check", "says what is wrong or looks like a mistake"),
            ("  exchange apply", "puts the files in force"),
            ("  exchange key new skyline", "makes a key for a member, and prints it this one time"),
            ("  exchange serve", "serves on http://127.0.0.1:8000/taxii2/"),
        ),
    )


@click.command()
@home_option
@json_option
def check(home: Path, as_json: bool) -> None:
    """Say what is wrong or suspicious in the files; change nothing."""
    from exchange import app

    errors: Sequence[Problem] = ()
    suspicious: Sequence[Problem] = ()
    summary = ""
    try:
        config = parse(read_home(home), fresh_id=app.new_id)
    except ConfigError as error:
        errors = error.problems
    else:
        suspicious = suspicions(config)
        parts = (("member", config.members), ("group", config.groups), ("collection", config.collections))
        summary = ", ".join(plural(len(found), noun) for noun, found in parts)
    if as_json:
        print_json({"valid": not errors, "errors": _told(errors), "suspicious": _told(suspicious)})
    else:
        for problem in errors:
            warn(str(problem))
        for problem in suspicious:
            say(f"{problem} (suspicious)")
        if not errors:
            say(f"valid: {summary}")
    click.get_current_context().exit(1 if errors else 0)


def _told(problems: Sequence[Problem]) -> list[dict[str, object]]:
    return [
        {"file": one.place.file, "line": one.place.line, "key": one.key, "message": one.message} for one in problems
    ]


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", type=click.IntRange(1, 256), help="Processes; as many as there are processors if not said.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM chain.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM key, PKCS#8.")
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Not supported yet.")
@home_option
def serve(
    host: str, port: int, workers: int | None, tls_cert: Path | None, tls_key: Path | None,
    metrics_port: int | None, home: Path,
) -> None:  # fmt: skip
    """Serve what is in force. The first start applies the files; SIGHUP applies changed ones where that is safe."""
    from exchange import app

    if metrics_port is not None:
        raise click.UsageError("--metrics-port is not supported yet")
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    # What can be wrong is said before any process is started.
    if tls_cert and tls_key:
        _check_certificate(tls_cert, tls_key)
    if reason := why_no_listening(host, port):
        raise Refusal(f"{host} port {port}: cannot be listened on: {reason}; choose another with --host or --port")
    with opened(home):
        pass
    app.serve(home, host=host, port=port, workers=workers, tls_cert=tls_cert, tls_key=tls_key)


def _check_certificate(cert: Path, key: Path) -> None:
    """`Refusal` where the two do not make a TLS server, or the key is in a form that this one does not read."""
    if b"-----BEGIN PRIVATE KEY-----" not in key.read_bytes():
        raise Refusal(f"{key}: is no PKCS#8 key in PEM; `openssl pkcs8 -topk8 -nocrypt -in {key} -out NEW` makes one")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise Refusal(f"{cert}: does not go with {key}: {error.reason or error}") from error
