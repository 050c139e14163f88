"""The one command, `exchange`: a table of names, each loaded when it is asked for (interface.md, "Commands").

Loading them all takes seconds (SQLAlchemy, the graph library, the HTTP client), and a command needs a few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def _home(name: str) -> click.Command:
    from exchange import clihome

    return {"init": clihome.init, "check": clihome.check, "serve": clihome.serve}[name]


def _change(name: str) -> click.Command:
    from exchange import clichange

    return {
        "diff": clichange.diff,
        "versions": clichange.versions,
        "apply": clichange.apply,
        "release": clichange.release,
    }[name]


def _take(name: str) -> click.Command:
    from exchange import clitake

    return {"withdraw": clitake.withdraw, "hand-over": clitake.hand_over}[name]


def _key(_name: str) -> click.Command:
    from exchange import clikeys

    return clikeys.key


def _seed(_name: str) -> click.Command:
    from exchange import cliseed

    return cliseed.seed


def _ask(name: str) -> click.Command:
    from exchange import cliask

    return {
        "explain": cliask.explain,
        "who-can": cliask.who_can,
        "who-has": cliask.who_has,
        "view": cliask.view,
        "audit": cliask.audit,
    }[name]


def _review(name: str) -> click.Command:
    from exchange import clireview

    return {"queue": clireview.queue, "approve": clireview.approve, "reject": clireview.reject}[name]


def _backup(name: str) -> click.Command:
    from exchange import clibackup

    return {"backup": clibackup.backup, "restore": clibackup.restore}[name]


def _client(name: str) -> click.Command:
    from exchange import cliclient, clipush

    return {"push": clipush.push, "pull": cliclient.pull}[name]


_LOADERS: dict[str, Callable[[str], click.Command]] = {
    "init": _home,
    "check": _home,
    "diff": _change,
    "versions": _change,
    "apply": _change,
    "release": _change,
    "withdraw": _take,
    "hand-over": _take,
    "serve": _home,
    "key": _key,
    "seed": _seed,
    "explain": _ask,
    "who-can": _ask,
    "who-has": _ask,
    "view": _ask,
    "queue": _review,
    "approve": _review,
    "reject": _review,
    "audit": _ask,
    "backup": _backup,
    "restore": _backup,
    "push": _client,
    "pull": _client,
}


class _Commands(click.Group):
    """A group whose commands are loaded by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_LOADERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        load = _LOADERS.get(cmd_name)
        return load(cmd_name) if load else None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", envvar="EXCHANGE_HOME", type=click.Path(path_type=Path),
              help="The folder of the exchange; else EXCHANGE_HOME, else the current folder.")  # fmt: skip
@click.version_option(package_name="stix-exchange", prog_name="exchange")
def main(**_options: Any) -> None:
    """A TAXII 2.1 exchange: who sees what is written in config/ and collections/ of its home.

    A beginning: exchange init DIR, cd DIR, exchange apply, exchange key new MEMBER, exchange serve.
    """


if __name__ == "__main__":
    main(prog_name="exchange")
