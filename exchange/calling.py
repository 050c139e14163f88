"""Telling people without a poller that something new is there: a webhook or an e-mail says "poll now" (channel 27).

A call has no title, no id and no count, and no time of its own: members are called on a fixed tick, and only if what
they may read grew since the last one. Of all workers the one with the lock calls, so nobody is called twice for one
thing but where a process dies between the call and its note; a webhook's `webhook-id` then is the same.

Webhooks are signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com): headers `webhook-id`,
`webhook-timestamp`, and `webhook-signature`, which is ``v1,`` and the base64 of HMAC-SHA256 over
``id.timestamp.body``. Each member has a secret of its own (`secret`).
"""

from __future__ import annotations

import base64
import hmac
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from sqlalchemy import Connection, Engine

from exchange import calls, feed, inforce, pages, policy, store
from exchange.calls import Call
from exchange.config import Config, Mail, Member
from exchange.inforce import InForce

TICK = 60_000_000  # microseconds between two rounds
GIVEN_UP = 3 * 86_400_000_000  # after so long without success
MOST_PAUSE = 6 * 3_600_000_000
TIMEOUT = (5, 10)  # seconds to connect, and between two bytes
AT_ONCE = 8
BODY = b'{"type":"exchange.poll"}'
WEBHOOK, EMAIL = "webhook", "email"

_log = logging.getLogger("exchange.calling")


class Failed(Exception):
    """A call was not taken; why, without its URL, which may hold a secret."""


def secret(marking: bytes, member: str) -> str:
    """The member's webhook secret as Standard Webhooks writes it; `marking` is the exchange's own secret."""
    return "whsec_" + base64.b64encode(_key(marking, member)).decode()


def _key(marking: bytes, member: str) -> bytes:
    return hmac.digest(marking, f"webhook/{member}".encode(), "sha256")


@dataclass(slots=True, kw_only=True)
class Caller:
    """One round after the other. `now` is microseconds UTC; `new_id` makes ids; `password` is for the mail server;
    `tick` is the pause between rounds."""

    engine: Engine
    now: Callable[[], int]
    new_id: Callable[[], str]
    password: str = ""
    tick: int = TICK
    _last: int = field(default=0)

    def round(self) -> int:
        """Find out who is to be called, once a tick, and call who is due; how many were reached."""
        now = self.now()
        if now // self.tick == self._last:
            return 0
        self._last = now // self.tick
        with store.writing(self.engine) as conn:
            state = inforce.current(conn)
            if state is None or not _wanted(state.config):
                if calls.looked(conn):
                    calls.set_looked(conn, {})
                return 0
            self._look(conn, state, now)
            due = calls.waiting(conn, now)
            key = store.secret(conn, "marking")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sum(pool.map(lambda one: self._call(state, key, one, now), due))

    def _look(self, conn: Connection, state: InForce, now: int) -> None:
        """Whose view grew since it was last looked at."""
        before, found = calls.looked(conn), dict[tuple[int, int], int]()
        last = {row.number: row.last for row in store.collections(conn).values()}
        for member in _wanted(state.config):
            number = state.numbers[member.name]
            if not policy.active(state.config, member.name, now):
                found |= {place: reached for place, reached in before.items() if place[0] == number}
                continue
            reads = {state.places[uid] for uid in policy.profile_of(state.config, member.name).reads}
            known = any(place[0] == number for place in before)  # else it just began to want calls
            news = [place for place in before if place[0] == number and place[1] not in reads]  # access that ended
            for collection in sorted(reads):
                place = (number, collection)
                found[place] = calls.reach(conn, number, collection, last[collection])
                reached = before.get(place, 0 if known else found[place])
                if found[place] > reached and _grew(conn, place, reached):
                    news.append(place)
            if news:
                channels = [name for name in (WEBHOOK, EMAIL) if _target(member, name)]
                made = [Call(member=number, channel=c, id=self.new_id(), since=now, due=now, tries=0) for c in channels]
                calls.add(conn, made)
        if found != before:
            calls.set_looked(conn, found)

    def _call(self, state: InForce, key: bytes, one: Call, now: int) -> bool:
        name = state.name(one.member)
        member = state.config.members.get(name)
        target = _target(member, one.channel) if member else None
        reached = True
        try:
            if target and policy.active(state.config, name, now):
                self._make(state.config, _key(key, name), one, target, now)
        except Failed as why:
            reached = False
            _log.warning("%s of %s was not taken (try %d): %s", one.channel, name, one.tries + 1, why)
        with store.writing(self.engine) as conn:
            if reached or now - one.since > GIVEN_UP:
                calls.done(conn, one)
            else:
                calls.later(conn, one, now + min(self.tick << one.tries, MOST_PAUSE))
        return reached

    def _make(self, config: Config, key: bytes, one: Call, target: str, now: int) -> None:
        if one.channel == WEBHOOK:
            _post(target, key, one.id, now)
        elif config.mail is not None:
            _send(config.mail, self.password, config.title, target, now)


def _wanted(config: Config) -> list[Member]:
    return [member for member in config.members.values() if member.notify]


def _target(member: Member, channel: str) -> str | None:
    if member.notify is None:
        return None
    return member.notify.webhook if channel == WEBHOOK else member.notify.email


def _grew(conn: Connection, place: tuple[int, int], reached: int) -> bool:
    view = pages.View(member=place[0], collection=place[1])
    return bool(feed.records(conn, view, after=reached, limit=1))


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _post(url: str, key: bytes, message_id: str, now: int) -> None:
    timestamp = str(now // 1_000_000)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "exchange",
        "webhook-id": f"msg_{message_id}",
        "webhook-timestamp": timestamp,
        "webhook-signature": signature(key, f"msg_{message_id}", timestamp, BODY),
    }
    import requests  # two tenths of a second, which no server should wait for at its start

    try:
        # No redirect is followed: only the address in the config is ever called.
        with requests.post(url, BODY, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            if not 200 <= answer.status_code < 300:
                raise Failed(f"it answered {answer.status_code}")
    except requests.RequestException as error:
        raise Failed(type(error).__name__) from error


def _send(mail: Mail, password: str, title: str, to: str, now: int) -> None:
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, to
    message["Subject"] = f"Something new in {title}"
    message["Date"] = format_datetime(datetime.fromtimestamp(now // 1_000_000, UTC))
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    message.set_content(f"There is something new for you in {title}. Poll your collections to get it.\n")
    try:
        with _session(mail, password) as session:
            session.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        raise Failed(type(error).__name__) from error


@contextmanager
def _session(mail: Mail, password: str) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    if mail.security == "tls":
        made: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=TIMEOUT[1], context=context)
    else:
        made = smtplib.SMTP(mail.host, mail.port, timeout=TIMEOUT[1])
    with made as session:
        if mail.security == "starttls":
            session.starttls(context=context)
        if mail.user:
            session.login(mail.user, password)
        yield session
