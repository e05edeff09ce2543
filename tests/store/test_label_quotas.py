"""How many samples a label queue may hold."""

from __future__ import annotations

import json

import pytest

from aggressors.errors import UsageError
from aggressors.store.label_queues import NOT_OF_GROUP, LabelQueue, Quota
from queues import chosen


def test_a_quota_takes_the_first_that_fit(queue: LabelQueue) -> None:
    queue.set_quota(Quota(total=6, at_most=3, of={"dawn": 1}), by="Ann")
    assert queue.quota == Quota(6, 3, None, {"dawn": 1})
    first = queue.add(chosen("a", "b", "c", "d"))
    assert (first.added, first.over_quota) == (("a", "b", "c"), ("d",))
    assert first.sentence == "Added 3; 1 left out by the quota."
    assert queue.add(chosen("e", "f", group="dawn", rank=2)).added == ("e",)
    third = queue.add(chosen("g", "h", "i", group="noon", rank=3))
    assert (third.added, third.over_quota) == (("g", "h"), ("i",))  # six in all
    queue.mark(["a"], "rejected", why=NOT_OF_GROUP)
    queue.remove(["g"])
    assert queue.add(chosen("d", "k")).added == ("d",)  # what was rejected takes no place
    queue.set_quota(Quota())
    assert not queue.quota.limits
    assert queue.add(chosen("k", "l")).added == ("k", "l")


def test_a_share_is_of_the_total() -> None:
    assert Quota(total=100, share=0.29).room("g") == 29
    assert Quota(total=100, at_most=10, share=0.29).room("g") == 10
    assert Quota(total=100, share=0.29, of={"g": 50}).room("g") == 50
    for wrong in ({"share": 0.5}, {"total": -1}, {"total": 5, "share": 1.5}, {"of": {"g": -1}}):
        with pytest.raises(UsageError):
            Quota(**wrong)


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"total": "many"}', b'{"share": 0.5}', b"\xff", b'{"total": true}']
)
def test_a_broken_quota_is_named_and_the_one_before_holds(
    queue: LabelQueue, content: bytes
) -> None:
    queue.set_quota(Quota(total=2))
    (queue.folder / "99999999999999999999-00000000.quota.json").write_bytes(content)
    assert queue.quota == Quota(total=2)
    assert "is no quota" in queue.broken[0]
    assert len(queue.add(chosen("a", "b", "c")).added) == 2


def test_a_quota_file_says_who_set_it(queue: LabelQueue) -> None:
    queue.set_quota(Quota(total=9), by="Ann")
    (path,) = queue.folder.glob("*.quota.json")
    told = json.loads(path.read_text())
    assert (told["total"], told["by"]) == (9, "Ann")
