"""Whatever is posted, the answer is a list of faults and never an exception."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchange.stix import faults, marking_refs, references
from tests.unit.test_stix_samples import NOW, SAMPLES

NAMES = st.one_of(
    st.text(max_size=5),
    st.sampled_from(sorted({name for obj in SAMPLES.values() for name in obj} | {"lang", "extensions"})),
    st.sampled_from(["object_marking_refs", "granular_markings", "external_references", "defanged", "labels"]),
    st.sampled_from(["selectors", "marking_ref", "source_name", "external_id", "archive-ext", "contains_refs"]),
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.text(st.characters(categories=["Cs", "Cc"]), max_size=2),
        st.sampled_from(["2.1", "2026-05-01T12:00:00.000Z", "stix", "new-sco", "tlp", "[file:name", "0", "cve"]),
        st.sampled_from([obj["id"] for obj in SAMPLES.values()]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_json_object_gets_an_answer(obj: dict[str, Any]) -> None:
    for fault in faults(obj, now=NOW):
        assert fault.message


@given(st.sampled_from(sorted(SAMPLES)), st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_a_sample_with_anything_put_in_gets_an_answer(stix_type: str, changes: dict[str, Any]) -> None:
    obj = {**SAMPLES[stix_type], **changes}
    for fault in faults(obj, now=NOW):
        assert fault.message
    references(obj)
    marking_refs(obj)


@given(st.sampled_from(sorted(SAMPLES)), st.dictionaries(NAMES, VALUES, min_size=1, max_size=3))
def test_a_path_leads_to_its_place(stix_type: str, changes: dict[str, Any]) -> None:
    obj = {**SAMPLES[stix_type], **changes}
    for fault in faults(obj, now=NOW):
        value: Any = obj
        *parents, _last = fault.path.split("/")[1:] or [""]
        for part in (name.replace("~1", "/").replace("~0", "~") for name in parents):
            value = value[int(part)] if isinstance(value, list) else value[part]
        assert isinstance(value, (list, dict)), fault


def test_nesting_without_end_gets_an_answer() -> None:
    deep: Any = "end"
    for _ in range(50_000):
        deep = {"x_own": [deep]}
    assert [fault.path for fault in faults({**SAMPLES["tool"], "x_deep": deep}, now=NOW)] == ["/x_deep"]


def test_the_deepest_object_allowed_can_be_read_by_every_json_reader() -> None:
    deep: Any = 5
    for _ in range(63):
        deep = {"x_own": deep}
    obj = {**SAMPLES["tool"], "x_deep": deep["x_own"]}
    assert faults(obj, now=NOW) == ()
    assert json.loads(json.dumps(obj)) == obj
