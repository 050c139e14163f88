"""`exchange key`: make, list and revoke the keys that members ask with. A secret is printed once, when it is made."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.cliparts import Refusal, home_option, in_force, json_option, known, opened, print_json, say, table

if TYPE_CHECKING:
    from exchange.credentials import Key
    from exchange.inforce import InForce

SCOPES = ("read", "write")


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


def _scope(_ctx: click.Context, _param: click.Parameter, given: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in given.split(","))
    if not set(found) <= set(SCOPES):
        raise click.BadParameter(f'"{given}" is not a scope; write read, write, or read,write')
    return found


def _expires(_ctx: click.Context, _param: click.Parameter, given: str | None) -> int | None:
    from exchange.config import duration

    try:
        return None if given is None else duration(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@key.command()
@click.argument("member")
@click.option("--note", help="What it is for; shown by `exchange key list`.")
@click.option("--expires", callback=_expires, metavar="90d", help="How long it holds; for ever if not said.")
@click.option("--scope", default="read,write", show_default=True, callback=_scope)
@click.option(
    "--collection", "collections", multiple=True, metavar="NAME", help="Only for these; say it once for each."
)
@click.option("--client", metavar="NAME", help="Client profile, for clients with habits of their own.")
@home_option
@json_option
def new(
    member: str, note: str | None, expires: int | None, scope: tuple[str, ...], collections: tuple[str, ...],
    client: str | None, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """Make a key for MEMBER and print it, alone, this one time."""
    from exchange import credentials, profiles, store

    if client is not None:
        known("client profile", client, sorted(profiles.CLIENT_PROFILES))
    with opened(home) as exchange, store.writing(exchange.engine) as conn:
        state = in_force(conn)
        known("member", member, list(state.config.members))
        uids = [state.config.collections[known("collection", name, list(state.config.collections))].id
                for name in collections]  # fmt: skip
        now = exchange.clock.now(conn)
        text = credentials.new(
            conn, member=state.numbers[member], scope=scope, now=now,
            expires=None if expires is None else now + expires, collections=uids or None,
            client=client, note=note, token=secrets.token_bytes,
        )  # fmt: skip
    if as_json:
        print_json({"id": text.split("_")[1], "member": member, "key": text})
    else:
        say(text)


@key.command()
@click.argument("member")
@home_option
@json_option
def webhook(member: str, home: Path, as_json: bool) -> None:
    """Print the secret that MEMBER's webhooks are signed with, alone; the same every time."""
    from exchange import calling, store

    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        known("member", member, list(in_force(conn).config.members))
        text = calling.secret(store.secret(conn, "marking"), member)
    if as_json:
        print_json({"member": member, "secret": text})
    else:
        say(text)


@key.command("list")
@home_option
@json_option
def list_keys(home: Path, as_json: bool) -> None:
    """List the keys, never their secrets."""
    from exchange import credentials, store

    with opened(home) as exchange, store.reading(exchange.engine) as conn:
        state = in_force(conn)
        now = exchange.clock.now(conn)
        told = [_told(one, state, now) for one in credentials.listing(conn)]
    if as_json:
        print_json(told)
    elif told:
        used = [name for name in told[0] if any(one[name] is not None for one in told)]
        table(used, [[_cell(one[name]) for name in used] for one in told])
    else:
        say("no key was made yet: `exchange key new MEMBER` makes one")


def _told(one: Key, state: InForce, now: int) -> dict[str, object]:
    from exchange.stix import format_timestamp

    names = {c.id: c.name for c in state.config.collections.values()}
    held = (("read", one.read), ("write", one.write))
    ended = "revoked" if one.revoked is not None else "expired"
    return {
        "id": one.id,
        "member": state.name(one.member),
        "state": "usable" if one.usable(now) else ended,
        "scope": ",".join(right for right, has in held if has),
        "collections": None if one.collections is None else sorted(names.get(uid, uid) for uid in one.collections),
        "client": one.client,
        "note": one.note,
        "made": format_timestamp(one.made),
        "expires": None if one.expires is None else format_timestamp(one.expires),
        "revoked": None if one.revoked is None else format_timestamp(one.revoked),
    }


def _cell(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


@key.command()
@click.argument("key_id", metavar="KEYID")
@home_option
@json_option
def revoke(key_id: str, home: Path, as_json: bool) -> None:
    """Close the key with this id, from the next request on."""
    from exchange import credentials, store

    if key_id.startswith("exk_"):
        raise click.UsageError("give the id alone, which stands between the two underscores; the secret stays secret")
    with opened(home) as exchange, store.writing(exchange.engine) as conn:
        if not credentials.revoke(conn, key_id, exchange.clock.now(conn)):
            raise Refusal(f"there is no key with the id {key_id}; `exchange key list` shows them")
    if as_json:
        print_json({"id": key_id, "state": "revoked"})
    else:
        say(f"{key_id} is revoked")
