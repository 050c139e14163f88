"""An owner with nothing but taxii2-client answers a finding, and the finder polls the answer."""

from __future__ import annotations

from tests.protocol.answersite import note
from tests.protocol.served import Member, indicator


def test_a_stock_client_answers_and_the_finder_polls_it(alpha: Member, beta: Member, gamma: Member, fresh: str) -> None:
    words = {o["name"]: o["id"] for o in alpha.collection("policy").get_objects()["objects"]}
    finding = indicator(object_marking_refs=[words["member:beta"], words["named-only"]])
    alpha.collection(fresh).add_objects({"objects": [finding]})
    [found] = beta.collection(fresh).get_objects()["objects"]
    answer = note(found["id"], "status:fixed")

    status = beta.collection(fresh).add_objects({"objects": [answer]})

    assert status.success_count == 1, status.failures
    assert alpha.collection(fresh).get_objects(type="note")["objects"] == [answer]
    assert gamma.collection(fresh).get_objects().get("objects", []) == []
