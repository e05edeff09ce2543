"""Whoever goes elsewhere gives up what was still being asked."""

from aggressors_app.leaving import Visitors


def test_a_new_run_of_a_session_gives_up_the_one_before():
    visitors = Visitors()
    before, other = visitors.arrive("one"), visitors.arrive("two")
    now = visitors.arrive("one")
    assert before.given_up
    assert not now.given_up
    assert not other.given_up
    assert visitors.asker("one") is now


def test_a_closed_tab_gives_up_and_is_forgotten():
    visitors = Visitors()
    gone, here = visitors.arrive("gone"), visitors.arrive("here")
    visitors.give_up_absent(frozenset({"here"}))
    assert gone.given_up
    assert not here.given_up
    assert visitors.known() == {"here"}
