"""`exchange backup` and `exchange restore`: the whole exchange in one file, while it serves, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version as release_of
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliparts import (
    Refusal,
    database_of,
    home_option,
    json_option,
    opened,
    plural,
    print_json,
    progress,
    say,
    warn,
)

if TYPE_CHECKING:
    from exchange.app import Exchange
    from exchange.backup import Held, Stores, Taken
    from exchange.restoring import Restored


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@home_option
@json_option
def backup(file: Path, home: Path, as_json: bool) -> None:
    """Write everything that the exchange holds into FILE, as it is at one instant; it goes on serving meanwhile.

    FILE must not be there yet, and appears once it is whole. It holds every object and the exchange's secrets.
    """
    from exchange import backup, store

    with opened(home) as exchange:
        with store.reading(exchange.engine) as conn:
            if not store.config_version(conn)[0]:
                raise Refusal("nothing is in force yet, so there is nothing to back up; `exchange apply` begins")
        try:
            taken = backup.write(_stores(exchange), file, clock=exchange.clock, release=_release(), progress=progress)
        except FileExistsError as error:
            raise Refusal(f"{file}: is there already, nothing was written; name another file") from error
        except OSError as error:
            raise Refusal(f"{file}: cannot be written: {error.strerror}; name a file in a folder of yours") from error
        except backup.Unwritable as error:
            raise Refusal(f"{file}: cannot be written: {error}; make room, or name a file on another disk") from error
    if as_json:
        print_json({"file": str(file), "bytes": file.stat().st_size, **_told(taken)})
        return
    say(f"{file}: {_words(taken.held)}, as of {_time(taken.at)}, {file.stat().st_size:,} bytes")
    warn("It holds every object and the exchange's secrets: keep it as safe as data/.")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Replace what the exchange of this home holds.")
@home_option
@json_option
def restore(file: Path, yes: bool, home: Path, as_json: bool) -> None:
    """Put what a backup FILE holds in place of everything that the exchange of this home holds.

    Whole or not at all, also while it serves. A home without files gets those that were in force then.
    """
    from exchange import backup, restoring, store

    try:
        restoring.check(file)
        with _folder(home) as data, restoring.opened(file, data) as source:
            with store.reading(source) as conn:
                files = _sound(file, restoring.files(conn))
            with database_of(home, ", nothing was changed") as exchange:
                done = restoring.load(source, _stores(exchange), clock=exchange.clock, replace=yes, progress=progress)
    except restoring.Unusable as error:
        raise Refusal(str(error)) from error
    except restoring.HoldsSomething as error:
        raise Refusal(
            f"the exchange of this home holds {_words(error.held)}, nothing was changed: "
            "`exchange backup OTHER` keeps that, and --yes replaces it"
        ) from error
    except backup.Unwritable as error:
        raise Refusal(f"nothing was changed, the database cannot be written: {error}; make room") from error
    state = _write_files(home, files)
    if as_json:
        print_json({
            "file": str(file), **_told(done.taken), "replaced": _held(done.replaced) if done.replaced else None,
            "same_exchange": done.same, "in_force": done.version, "files": state,
        })  # fmt: skip
        return
    _say(done, state)


def _say(done: Restored, state: str) -> None:
    say(f"restored: {_words(done.taken.held)}, as of {_time(done.taken.at)}")
    if done.same:
        say(f"keys and the record of what was served stay as they are; config version {done.version} is in force")
    else:
        warn(f"Keys that were revoked after {_time(done.taken.at)} work again: look at `exchange key list`.")
    if done.replaced and not done.same:
        warn("Another exchange was here: a server that runs has its secrets still, so start it anew.")
    if state == "differ":
        warn(
            "The files of this home say something else: `exchange diff` shows what, `exchange apply` puts it in force."
        )
    if state == "written":
        say("the files that were in force are in config/ and collections/")


# Homes ------------------------------------------------------------------------------------------------------------


def _stores(exchange: Exchange) -> Stores:
    from exchange import backup

    return backup.Stores(main=exchange.engine, ledger=exchange.ledger)


def _release() -> str:
    return release_of("stix-exchange")


@contextmanager
def _folder(home: Path) -> Iterator[Path]:
    """The home's data/, made if it is missing. `Refusal` where that or a copy in it cannot be."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        data = home / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        yield data
    except OSError as error:
        name = error.filename2 or error.filename or home
        raise Refusal(f"{name}: cannot be written: {error.strerror}; name another home with --home") from error


def _sound(file: Path, files: Mapping[str, str]) -> Mapping[str, str]:
    """The files of the version in force, if this release can read them; a name that is no home's is an error, too."""
    from exchange import config

    try:
        config.parse(files)
    except config.ConfigError as error:
        raise Refusal(
            f"{file}: what was in force cannot be read by this release, nothing was changed:\n{error}"
        ) from error
    return files


def _write_files(home: Path, files: Mapping[str, str]) -> str:
    """Into a home that has none. What became of them: "written", "same" or "differ" (what is there was kept)."""
    from exchange import config

    if (home / config.MAIN_FILE).exists():
        try:
            return "same" if config.read_home(home) == dict(files) else "differ"
        except config.ConfigError:
            return "differ"
    try:
        # The main file last: whoever is interrupted and starts again gets the rest, too.
        for name in sorted(files, key=lambda name: name == config.MAIN_FILE):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(files[name], encoding="utf-8")
    except OSError as error:
        raise Refusal(
            f"everything is restored but {error.filename}: cannot be written: {error.strerror}; run it again"
        ) from error
    return "written"


# Words ------------------------------------------------------------------------------------------------------------


def _words(held: Held) -> str:
    return f"{plural(held.objects, 'object')}, {plural(held.members, 'member')} and config version {held.version}"


def _held(held: Held) -> dict[str, int]:
    return {"objects": held.objects, "members": held.members, "version": held.version}


def _told(taken: Taken) -> dict[str, object]:
    return {"taken": _time(taken.at), "release": taken.release, **_held(taken.held)}


def _time(at: int) -> str:
    from exchange.stix import format_timestamp

    return format_timestamp(at)
