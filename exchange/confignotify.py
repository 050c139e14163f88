"""`notify:` of a member and `mail:`: how people without a poller are told that something new is there (policy 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import urlsplit

from exchange.configtypes import Config, Mail, Notify
from exchange.yamlfile import Problem, Table
from exchange.yamlread import Reader, choice, line

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def read_notify(member: Reader) -> Notify | None:
    """A member's `notify:`; None if it has none."""
    if not _written(member, "notify", "needs a table, like `{ webhook: https://soc.example.org/poll }`"):
        return None
    reader = member.below("notify")
    reader.only(frozenset({"webhook", "email"}), {})
    found = Notify(webhook=reader.value("webhook", webhook, None), email=reader.value("email", address, None))
    if not reader.table.places:
        member.note("notify", "is empty; write `webhook:`, `email:` or both")
    return found


def read_mail(main: Reader) -> Mail | None:
    """`mail:`; None if there is none. The password, where there is a user, comes from the environment."""
    if not _written(main, "mail", "needs a table, like `{ server: smtp.example.org, from: exchange@example.org }`"):
        return None
    reader = main.below("mail")
    reader.only(frozenset({"server", "from", "user", "security"}), {"password": _ELSEWHERE})
    security = reader.value("security", choice(*_PORTS), "starttls")
    nowhere: tuple[str, int | None] = ("", None)
    host, port = reader.required("server", server, nowhere, "write the mail server, like smtp.example.org:587")
    return Mail(
        host=host,
        port=port or _PORTS[security],
        sender=reader.required("from", address, "", "write the address that the exchange writes from"),
        user=reader.value("user", line, None),
        security=security,
    )


_ELSEWHERE = "no secret stands in this file; set EXCHANGE_MAIL_PASSWORD for `exchange serve`"


def _written(reader: Reader, key: str, mend: str) -> bool:
    if key in reader.table.places and not isinstance(reader.table.fields.get(key), Table):
        reader.note(key, mend)
        return False
    return key in reader.table.places


def suspicious_notify(config: Config) -> Iterator[Problem]:
    """What is allowed but looks like a mistake."""
    for member in config.members.values():
        if member.notify and member.notify.email and config.mail is None:
            message = "no e-mail is sent without `mail:`"
            yield Problem(place=member.places["notify"], key=f"members.{member.name}.notify", message=message)


def webhook(text: str) -> str:
    """The form of a URL to call: https, or http on this machine itself; no user, no fragment."""
    try:
        parts = urlsplit(text)
        named, known = parts.hostname, parts.port is None or parts.port > 0
    except ValueError:
        named, known = None, False
    if not named or not known or not text.isprintable() or " " in text or parts.username is not None or parts.fragment:
        raise ValueError(f'"{text}" is not a URL to call; write it like https://soc.example.org/poll')
    if parts.scheme != "https" and not (parts.scheme == "http" and named in _LOOPBACK):
        raise ValueError(f'"{text}" is not called without https: who listens would learn when something new comes')
    return text


def address(text: str) -> str:
    """The form of an e-mail address."""
    try:
        found = Address(addr_spec=text)
    except (MessageError, ValueError, IndexError, AttributeError):
        found = Address()
    if not found.username or not re.fullmatch(r"[A-Za-z0-9.-]+", found.domain):
        raise ValueError(f'"{text}" is not an e-mail address; write it like soc@example.org')
    return text


def server(text: str) -> tuple[str, int | None]:
    """The form of a host, with a port or without."""
    match = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?", text)
    if not match or not 0 < int(match[2] or 1) < 65536:
        raise ValueError(f'"{text}" is not a host; write it like smtp.example.org or smtp.example.org:587')
    return match[1].strip("[]"), int(match[2]) if match[2] else None
