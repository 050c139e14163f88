"""Malformed requests of every kind, in this process: always a TAXII error, never a fault (issue 2, Build 8)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange import stix, stixenvelope
from tests.protocol.hostile import CLOSED, FRESH, NOTICE, POST, Hostile, faults_of, hostile
from tests.protocol.served import MEDIA_TYPE, indicator

LIMIT = 2**20


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with hostile(tmp_path_factory.mktemp("hostile")) as found:
        yield found


ODD = [
    "", "a", "é☃", "\x00", "\r\n", "%", "%00", "..", "//", "-1", "0", "9" * 5000, "NaN", "1e3", "None", "null", "true",
    "2024-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:60Z",
    "2024-02-31T00:00:00Z", "2.1", "2.0", "last", "first,last", "all", "all,last", ",", "indicator", "' OR 1 --", "{}",
    "[]", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "a" * 70_000, "Ω" * 300,
]  # fmt: skip
odd = st.one_of(st.sampled_from(ODD), st.text(max_size=20))
segment = st.one_of(
    st.sampled_from([
        "exchange", "taxii2", "collections", "objects", "manifest", "versions", "status", "healthz", "readyz", "policy",
        "notice", "post", NOTICE, POST, CLOSED, FRESH, "indicator--3f1c7a2e-0000-4000-8000-5ec2e75ec2e7",
    ]),
    odd,
)  # fmt: skip
known = st.sampled_from([
    "/taxii2/", "/exchange/", "/exchange/collections/", *(f"/exchange/collections/{uid}/{rest}"
    for uid in (NOTICE, POST, CLOSED, FRESH, "policy") for rest in ("", "objects/", "manifest/", "objects/x--y/",
    "objects/x--y/versions/")), "/exchange/status/x/", "/healthz", "/readyz",
])  # fmt: skip
paths = st.one_of(known, st.lists(segment, max_size=7).map(lambda parts: "/" + "/".join(parts)))
names = st.one_of(
    st.sampled_from([
        "added_after", "limit", "next", "match[id]", "match[type]", "match[version]", "match[spec_version]", "match",
    ]),
    odd,
)  # fmt: skip
queries = st.lists(st.tuples(names, odd), max_size=4).map(lambda pairs: "&".join(f"{k}={v}" for k, v in pairs))
headers = st.dictionaries(
    st.sampled_from([
        "Accept", "Content-Type", "Content-Encoding", "Accept-Encoding", "Authorization", "Content-Length", "Host",
        "Range", "Expect", "Transfer-Encoding", "If-None-Match", "X-HTTP-Method-Override", "Cookie", "Content-Range",
        "X-Forwarded-Host", "Content-Disposition",
    ]),
    st.one_of(
        st.none(), odd.map(lambda text: text.encode().decode("latin-1")),
        st.sampled_from([MEDIA_TYPE, "gzip", "application/taxii+json;version=2.1;q=nan", "*/*;q=1e400", "a;b*=utf-7''c",
                         'application/taxii+json;version="2.1', "application/taxii+json;version*0=2;version*1=.1",
                         "multipart/form-data;boundary=x", "Basic Og==", "Basic ////", "100-continue"]),
    ),
    max_size=4,
)  # fmt: skip
methods = st.one_of(st.sampled_from(["GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "PATCH"]),
                    st.from_regex(r"\A[A-Z!#-]{1,12}\Z"))  # fmt: skip
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(
        st.one_of(st.sampled_from(["objects", "id", "type", "spec_version", "created", "modified",
                                   "object_marking_refs", "granular_markings", "extensions"]), st.text(max_size=6)),
        inner, max_size=5)),
    max_leaves=15,
)  # fmt: skip
bodies = st.one_of(
    st.binary(max_size=100),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.lists(json_values, max_size=3).map(lambda value: json.dumps({"objects": value}).encode()),
)


@given(path=paths, query=queries, method=methods, more=headers, body=bodies)
@settings(max_examples=max(300, settings().max_examples))
def test_no_request_is_answered_by_anything_but_a_success_or_a_taxii_error(
    exchange: Hostile, path: str, query: str, method: str, more: dict[str, str | None], body: bytes
) -> None:
    found = exchange.ask(_bytes(path), _bytes(query), method, headers=more, body=body)
    assert faults_of(found, head=method == "HEAD") == []


@given(body=bodies, packed=st.sampled_from(["", "gzip", "cut", "lie"]))
def test_no_body_is_answered_by_anything_but_a_status_or_a_taxii_error(
    exchange: Hostile, body: bytes, packed: str
) -> None:
    sent = {"": body, "gzip": gzip.compress(body), "cut": gzip.compress(body)[:-3], "lie": body}[packed]
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    path = f"/exchange/collections/{FRESH}/objects/".encode()
    found = exchange.ask(path, method="POST", headers={"Content-Type": MEDIA_TYPE, **encoding}, body=sent)
    assert faults_of(found) == []
    assert found.status in ((202, 400, 422) if packed in ("", "gzip") else (400,))


@given(text=odd, member=st.sampled_from(["alpha", "elastic"]))
def test_no_added_after_is_answered_by_a_fault(exchange: Hostile, text: str, member: str) -> None:
    path = f"/exchange/collections/{NOTICE}/objects/".encode()
    found = exchange.ask(path, _bytes(f"added_after={text.replace('&', '').replace('+', '%2B')}"), member=member)
    assert faults_of(found) == []


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# Found by looking for them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_its_offset_takes_out_of_the_calendar_is_refused(exchange: Hostile, when: str) -> None:
    path = f"/exchange/collections/{NOTICE}/objects/".encode()
    assert exchange.ask(path, f"added_after={when}".encode(), member="elastic").status == 400


@pytest.mark.parametrize("host", ["", "a b", "<script>"])
def test_discovery_without_a_host_gives_no_broken_api_root(exchange: Hostile, host: str) -> None:
    assert exchange.ask(b"/taxii2/", headers={"Host": host}).status == 400


def _post(exchange: Hostile, body: bytes, encoding: str | None = None) -> tuple[int, dict[str, object]]:
    path = f"/exchange/collections/{FRESH}/objects/".encode()
    headers = {"Content-Type": MEDIA_TYPE, "Content-Encoding": encoding}
    found = exchange.ask(path, method="POST", headers=headers, body=body)
    return found.status, json.loads(found.body)


def test_a_gzip_body_of_empty_members_is_refused_at_once(exchange: Hostile) -> None:
    status, said = _post(exchange, gzip.compress(b"") * 20_000, "gzip")
    assert (status, said["description"]) == (400, "The gzip body has more than 4000 members: send it as one.")


def test_a_gzip_body_of_many_members_is_taken(exchange: Hostile) -> None:
    body = json.dumps({"objects": [indicator(description="gestört" * 2_000)]}).encode()
    packed = b"".join(gzip.compress(body[i : i + 100]) for i in range(0, len(body), 100))
    status, said = _post(exchange, packed, "gzip")
    assert (status, said["success_count"]) == (202, 1)


def test_a_gzip_body_that_grows_a_thousandfold_is_too_large(exchange: Hostile) -> None:
    assert _post(exchange, gzip.compress(b" " * (50 * LIMIT)), "gzip")[0] == 413


@pytest.mark.parametrize("entry", [b"1", b"{}", b"[]", b'""', b"NaN"])
def test_more_objects_than_memory_can_hold_are_too_many(exchange: Hostile, entry: bytes) -> None:
    most = stixenvelope.MAX_OBJECTS
    status, said = _post(exchange, b'{"objects":[' + b",".join([entry] * (most + 1)) + b"]}")
    assert (status, said["description"]) == (422, "The body has more than 100000 objects: send fewer at a time.")


def test_the_most_objects_are_not_too_many() -> None:
    body = b'{"objects": [ ' + b" , ".join([b'{"a,":[1,2]}'] * stixenvelope.MAX_OBJECTS) + b" ] }"
    assert len(stix.read_envelope(body)) == stixenvelope.MAX_OBJECTS


def test_a_file_of_ones_own_may_have_more_of_them() -> None:
    body = b'{"objects":[' + b"1," * stixenvelope.MAX_OBJECTS + b"1]}"
    assert len(stix.read_envelope(body, limited=False)) == stixenvelope.MAX_OBJECTS + 1


def test_more_values_than_memory_can_hold_are_too_many() -> None:
    with pytest.raises(stix.TooMany):
        stix.read_envelope(b'{"objects":[{"a":[' + b"1," * stixenvelope.MAX_VALUES + b"1]}]}")


def test_an_object_of_more_values_than_the_schemas_can_bear_is_refused_alone(exchange: Hostile) -> None:
    huge = indicator(x_many=[1] * stixenvelope.MAX_VALUES_OF_ONE)
    status, said = _post(exchange, json.dumps({"objects": [huge, indicator()]}, separators=(",", ":")).encode())
    assert (status, said["success_count"], said["failure_count"]) == (202, 1, 1)


def test_a_huge_body_with_nan_is_refused_whole_instead_of_searched() -> None:
    body = b'{"objects":[{"a":NaN},[' + b'"",' * (stixenvelope.MAX_TOKENS + 1) + b'""]]}'
    with pytest.raises(stix.EnvelopeError, match="not JSON"):
        stix.read_envelope(body)
