"""The schema: every table with its indexes, and what each column means.

Instants are integers: microseconds since 1970-01-01 UTC. Members, collections, objects and versions are known
here by number; their names stand once, in `member`, `collection` and `object`.

The log in five lines. A *version* is one publisher's deposit of one object version in one
collection, with its audience. Each time its audience widens it gets an *entry*: one row of `log` in the common lane
(lane 0), and one in the lane (inbox) of each individual who is treated apart, all at the same instant `at`. A row's
*label* says who may read it; a version's entries partition its audience. `reach` holds the decisions in force:
which member reads which label. A later widening of a member's rights is a *grant*: a block of times of its own.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={"ix": "%(table_name)s_by_%(column_0_N_name)s", "pk": "%(table_name)s_pk",
                       "uq": "%(table_name)s_%(column_0_N_name)s_key"}
)  # fmt: skip
Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only under the word INTEGER

secret = Table(  # made once when the store is made; whoever has them can forge `next` and marking ids
    "secret", metadata,
    Column("name", String(40), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)  # fmt: skip

config = Table(  # every version that was ever in force; the highest is
    "config", metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("files", Text, nullable=False),  # JSON: file name → text
    Column("departed", Text, nullable=False),  # JSON: member name → its last profile, for who was taken out
)  # fmt: skip

member = Table(  # a name is never given to another organisation, so a row is never deleted
    "member", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("name", String(64), nullable=False, unique=True),
    Column("since", BigInteger, nullable=False),  # the config version that brought it: its `policy` date_added
)  # fmt: skip

word = Table(  # groups, and ``release:NAME``: since when each name can be used in markings
    "word", metadata,
    Column("name", String(64), primary_key=True),
    Column("since", BigInteger, nullable=False),
)  # fmt: skip

gained = Table(  # words that a member came to be able to use later than they were there
    "gained", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("word", String(64), primary_key=True),  # ``group:NAME``, ``member:NAME``
    Column("since", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

collection = Table(  # the row that the sequencer locks
    "collection", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("uid", String(36), nullable=False, unique=True),
    Column("last", BigInteger, nullable=False),  # the greatest instant given out in its log
)  # fmt: skip

key = Table(
    "key", metadata,
    Column("id", String(16), primary_key=True),
    Column("member", Integer, ForeignKey(member.c.number), nullable=False),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the secret; the secret itself is kept nowhere
    Column("scope", String(20), nullable=False),  # "read", "write" or "read,write"
    Column("collections", Text),  # comma-joined collection ids; NULL: all
    Column("client", String(40)),
    Column("note", Text),
    Column("made", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
)  # fmt: skip

object_ = Table(  # STIX ids, once
    "object", metadata,
    Column("number", Number, primary_key=True),
    Column("id", String(300), nullable=False, unique=True),
    Column("type", String(250), nullable=False),
)  # fmt: skip

audience = Table(  # interned label.Audience texts
    "audience", metadata,
    Column("number", Number, primary_key=True),
    Column("digest", LargeBinary(16), nullable=False, unique=True),
    Column("text", Text, nullable=False),
)  # fmt: skip

body = Table(  # the bytes as they came, written once, never parsed to be served
    "body", metadata,
    Column("number", Number, primary_key=True),
    Column("json", LargeBinary, nullable=False),
)  # fmt: skip

version = Table(
    "version", metadata,
    Column("number", Number, primary_key=True),
    Column("collection", Integer, nullable=False),
    Column("publisher", Integer, nullable=False),  # 0: the exchange; -n: member n, anonymously
    Column("object", BigInteger, nullable=False),
    Column("ver", BigInteger, nullable=False),  # `modified` (else `created`, else 0) in microseconds
    Column("ver_text", String(40), nullable=False),  # the same as the object says it (T-2-02)
    Column("body", BigInteger, nullable=False),
    Column("said", Text, nullable=False),  # what its markings said (markings.Said.text), for `explain`
    Column("refs", Text, nullable=False),  # object numbers it refers to that its publisher had deposited then
    Column("creator", Boolean, nullable=False),  # its created_by_ref is its publisher's registered identity
    Column("received", BigInteger, nullable=False),
    Column("deleted", BigInteger),
    Column("base", BigInteger, nullable=False),  # audience by rules 2 to 7
    Column("whole", BigInteger, nullable=False),  # … and 8 and 9: stays after deletion, for closure
    Column("shown", BigInteger, nullable=False),  # … and 10: what its entries partition
    Column("ever", BigInteger, nullable=False),  # `base` once every stage of its release plan has fallen due
    Column("eventual", BigInteger, nullable=False),  # `whole` likewise, of all its publisher's deposits
    Column("started", BigInteger, nullable=False),  # when the clock of its release plan began to run
    Column("steps", Text, nullable=False),  # what is still to come: ``instant:audience``, rising (entries.pack_steps)
    Column("due", BigInteger),  # the first of them; NULL: none
    Column("state", String(12), nullable=False),  # "", or "held"; of a deleted one also "refused" or "withdrawn"
    Column("submission", BigInteger),  # of the POST that brought it (entries.submission_of); NULL: older
    Column("source", BigInteger),  # of an anonymous copy: the deposit that it stands for
    Index("version_by_deposit", "publisher", "object", "collection", "ver", unique=True),
    Index("version_by_object", "collection", "object"),
    Index("version_by_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index("version_by_source", "source",
          sqlite_where=text("source IS NOT NULL"), postgresql_where=text("source IS NOT NULL")),
)  # fmt: skip

former = Table(  # numbers of versions that are rows no longer: a line of the ledger may name them for ever
    "former", metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("collection", Integer, nullable=False),  # 0, with all that follows: lost in a power cut before its answer
    Column("publisher", Integer, nullable=False),
    Column("object", BigInteger, nullable=False),
    Column("ver", BigInteger, nullable=False),
    Column("ver_text", String(40), nullable=False),
    Column("received", BigInteger, nullable=False),
    Index("former_by_object", "object"),
)  # fmt: skip

reference = Table(  # the known references, backwards: who must follow when the audience of `target` changes
    "reference", metadata,
    Column("publisher", Integer, primary_key=True, autoincrement=False),
    Column("target", BigInteger, primary_key=True, autoincrement=False),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)  # fmt: skip

claim = Table(  # rule 10, only for ids with several publishers in one collection: who was readable first, and by whom
    "claim", metadata,
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("object", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("publisher", Integer, nullable=False),
    Column("audience", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

label = Table(
    "label", metadata,
    Column("number", Number, primary_key=True),
    Column("collection", Integer, nullable=False),
    Column("lane", Integer, nullable=False),  # 0: common; else a member's number
    Column("expr", Text, nullable=False),  # label.Expr text
    Column("parent", Integer, nullable=False),  # 0, or the label that rows were narrowed from
    Column("root", Integer, nullable=False),  # the first of the chain of parents; itself if none
    Column("top", Integer, nullable=False),  # of a root: the greatest n given out
    Index("label_by_expr", "collection", "lane", "expr", "parent", unique=True),
)  # fmt: skip

log = Table(
    "log", metadata,
    Column("label", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # unique per collection and lane, rising
    Column("collection", Integer, nullable=False),
    Column("lane", Integer, nullable=False),
    Column("n", Integer, nullable=False),  # position among the rows of the label's root
    Column("version", BigInteger, nullable=False),
    Column("object", BigInteger, nullable=False),
    Column("publisher", Integer, nullable=False),
    Column("ver", BigInteger, nullable=False),
    Column("apart", Boolean, nullable=False),  # of a common row: some members have a row in their own lane instead
    Column("superseded", Boolean, nullable=False),  # a newer version of the object has the same label
    Index("log_by_n", "label", "n", unique=True),
    Index("log_by_lane", "collection", "lane", "at", unique=True,
          sqlite_where=text("lane <> 0"), postgresql_where=text("lane <> 0")),
    Index("log_by_object", "collection", "object", "publisher", "ver"),
    Index("log_by_version", "version"),
    Index("log_current", "label", "at",
          sqlite_where=text("NOT superseded"), postgresql_where=text("NOT superseded")),
    sqlite_with_rowid=False,
)  # fmt: skip

reach = Table(  # decisions in force, stored: what a change of config or of a rule in new software is compared with
    "reach", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("label", Integer, primary_key=True, autoincrement=False),
    Column("g", Integer, nullable=False),  # the member's grant that the label came with; 0: none
    Column("base", BigInteger, nullable=False),  # the row with position n stands at the grant's start + base + n
    Column("upto", Integer, nullable=False),  # … for n up to here; later rows stand in the log
    Index("reach_by_grant", "member", "collection", "g", "base"),
    Index("reach_by_label", "label"),
    sqlite_with_rowid=False,
)  # fmt: skip

grant = Table(  # one row per widening of one member's rights in one collection
    "grants", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("g", Integer, primary_key=True, autoincrement=False),  # 1, 2, …
    Column("head", BigInteger, nullable=False),  # entries up to here are read before it or in it, later ones after
    Column("start", BigInteger, nullable=False),  # its block of times: start < time <= stop
    Column("stop", BigInteger, nullable=False),
    Column("shift", BigInteger, nullable=False),  # what this member's later times are moved by
    sqlite_with_rowid=False,
)  # fmt: skip

label_set = Table(  # interned sets of label numbers, for `tally`
    "label_set", metadata,
    Column("digest", LargeBinary(16), primary_key=True),
    Column("labels", Text, nullable=False),  # rising, with blanks between them
    sqlite_with_rowid=False,
)  # fmt: skip

tally = Table(  # how many objects stand under which labels (exchange.tallies): the size of a change of rights
    "tally", metadata,
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("lane", Integer, primary_key=True, autoincrement=False),  # 0: every object; else those with a row in it
    Column("common", LargeBinary(16), primary_key=True),  # the label_set of the common rows
    Column("own", LargeBinary(16), primary_key=True),  # the label_set that the lane's member uses; empty in lane 0
    Column("objects", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

shadow = Table(  # a version under `newer` hides one of the same object under `older`
    "shadow", metadata,
    Column("older", Integer, primary_key=True, autoincrement=False),
    Column("newer", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)  # fmt: skip

tick = Table(  # one row: the instant up to which releases were carried out
    "tick", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

status = Table(
    "status", metadata,
    Column("id", String(36), primary_key=True),
    Column("member", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("json", Text, nullable=False),
    Column("collection", Integer),  # with `key` NULL where it came before they were kept
    Column("key", String(16)),  # the key's id
    Index("status_by_member", "member", "at"),
)  # fmt: skip

held = Table(  # deposits that wait for a person's word
    "held", metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("reasons", String(100), nullable=False),  # words of policy.REASONS
    Column("key", String(16), nullable=False),  # the id of the key that posted it
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

verdict = Table(  # a person's word on a deposit, and why
    "verdict", metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("state", String(12), nullable=False),  # what the deposit was from then on, as in `version`
    Column("code", String(40), nullable=False),  # of a fixed list; empty where it was approved
    Column("key", String(16), nullable=False),  # the id of the key that said so; empty: the operator
    sqlite_with_rowid=False,
)  # fmt: skip

alias = Table(  # the only link from an anonymous copy to its publisher (channel 7)
    "alias", metadata,
    Column("publisher", Integer, primary_key=True, autoincrement=False),
    Column("object", BigInteger, primary_key=True, autoincrement=False),  # as its publisher calls it
    Column("copy", BigInteger, nullable=False),  # as everybody else does
    Index("alias_by_copy", "publisher", "copy", unique=True),
    sqlite_with_rowid=False,
)  # fmt: skip

notice = Table(  # what some members are yet to be told of a version, by a note of the exchange
    "notice", metadata,
    Column("number", Number, primary_key=True),
    Column("kind", String(20), nullable=False),  # of noticerows
    Column("version", BigInteger, nullable=False),
    Column("reason", String(100), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("due", BigInteger),  # when to look next whom it concerns; NULL: done
    Index("notice_by_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
    Index("notice_by_version", "version"),
)  # fmt: skip

told = Table(  # who was told, and by which note
    "told", metadata,
    Column("notice", BigInteger, primary_key=True, autoincrement=False),
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),  # of the note
    sqlite_with_rowid=False,
)  # fmt: skip

response = Table(  # versions that answer a finding; they follow its audience (exchange.following)
    "response", metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(12), nullable=False),  # status, opinion, sighting, use
    Column("word", String(24), nullable=False),
    Column("publisher", Integer, nullable=False),  # whose deposit it answers, with its collection and object
    Column("collection", Integer, nullable=False),
    Column("object", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("due", BigInteger),  # when to look whether that audience changed; NULL: not before it does
    Index("response_by_object", "object"),
    Index("response_by_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")),
)  # fmt: skip

case = Table(  # findings of one publisher under one clock
    "case_", metadata,
    Column("id", String(36), primary_key=True),
    Column("owner", Integer, nullable=False),
    Column("title", String(200), nullable=False),
    Column("at", BigInteger, nullable=False),
)  # fmt: skip

case_finding = Table(
    "case_finding", metadata,
    Column("case", String(36), primary_key=True),
    Column("object", BigInteger, primary_key=True, autoincrement=False),  # as its publisher calls it
    Index("case_finding_by_object", "object"),
    sqlite_with_rowid=False,
)  # fmt: skip

case_party = Table(
    "case_party", metadata,
    Column("case", String(36), primary_key=True),
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

case_request = Table(  # more time, asked for by a party
    "case_request", metadata,
    Column("case", String(36), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("member", Integer, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("answer", String(10), nullable=False),  # empty, accepted or declined
    Column("answered", BigInteger),
    sqlite_with_rowid=False,
)  # fmt: skip

ended = Table(  # when a change of the config last took from a member what it could read in a collection
    "ended", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

looked = Table(  # of members who want to be called: up to where their views were looked at for something new
    "looked", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("reached", BigInteger, nullable=False),  # in the member's own time
    sqlite_with_rowid=False,
)  # fmt: skip

call = Table(  # who is yet to be called, by what; one at a time, since a call says nothing but "poll now"
    "call", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("channel", String(10), primary_key=True),  # webhook, email
    Column("id", String(36), nullable=False),  # the same however often it is tried
    Column("since", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),  # when to try next
    Column("tries", Integer, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip

finding = Table(  # what a member pushed as a finding, by its own key: what was made of it, and by which POST
    "finding", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("collection", Integer, primary_key=True, autoincrement=False),
    Column("key_digest", LargeBinary(16), primary_key=True),
    Column("key", Text, nullable=False),
    Column("object", BigInteger, nullable=False),  # the vulnerability, incident or indicator
    Column("objects", Text, nullable=False),  # all that was made of it as it is now, the main one first
    Column("digest", LargeBinary(16), nullable=False),  # of what was pushed, and for whom
    Column("status", String(36), nullable=False),  # of the POST that brought it as it is now
    Column("at", BigInteger, nullable=False),
    Index("finding_by_object", "member", "object"),
    sqlite_with_rowid=False,
)  # fmt: skip

answered = Table(  # answers to requests with an Idempotency-Key, for a day
    "answered", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("key_digest", LargeBinary(16), primary_key=True),
    Column("request", LargeBinary(16), nullable=False),  # digest of what was asked
    Column("json", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("answered_by_at", "at"),
    sqlite_with_rowid=False,
)  # fmt: skip

spent = Table(  # of members with a quota: how much of it is left, and when that was
    "spent", metadata,
    Column("member", Integer, primary_key=True, autoincrement=False),
    Column("left", BigInteger, nullable=False),  # microfindings
    Column("at", BigInteger, nullable=False),
)  # fmt: skip
