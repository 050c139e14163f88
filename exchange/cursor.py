"""`next`: where a page ended in the member's own time, and the query it belongs to, signed.

It holds nothing that an entry hidden from the member could change (policy.md channel 14), needs no memory of the
server, and stays good for ever and in every process: `next` is `added_after` with the filters remembered.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from itsdangerous import BadData, URLSafeSerializer

_TAG_BYTES = 12


class NotACursor(ValueError):
    """A text that this exchange never gave out as `next`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """`after` and the query's own `added_after` in microseconds of the member's time; `said` its match fields."""

    after: int
    added_after: int | None
    said: Mapping[str, str]


class Cursors:
    """Makes and reads `next` texts with one secret of the exchange."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._serializer = URLSafeSerializer(secret, salt="taxii next")

    def issue(self, holder: str, cursor: Cursor) -> str:
        """The text of a cursor; `holder` says whose view it is, and cannot be read from it."""
        return str(self._serializer.dumps([self._tag(holder), cursor.after, cursor.added_after, dict(cursor.said)]))

    def read(self, holder: str, text: str) -> Cursor | None:
        """The cursor; None if it belongs to another holder. Raises `NotACursor`."""
        try:
            tag, after, added_after, said = self._serializer.loads(text)
        except BadData as error:
            raise NotACursor from error
        if not hmac.compare_digest(str(tag), self._tag(holder)):
            return None
        return Cursor(after=after, added_after=added_after, said=said)

    def _tag(self, holder: str) -> str:
        digest = hmac.digest(self._secret, holder.encode(), "sha256")
        return urlsafe_b64encode(digest[:_TAG_BYTES]).decode()
