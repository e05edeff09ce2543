"""The page Solve: what to do, which samples to label, and the way of a queue out and back."""

from __future__ import annotations

import pytest
from tests.app.reading import component, planted_aggressors, shown

from aggressors.errors import UsageError
from aggressors.queries.handover import Advice
from aggressors.queries.returned import Allowed
from aggressors.stats.diagnosis import Win
from aggressors.store.workspace import Workspace
from aggressors_app import actions, cached, state, wishes
from aggressors_app.components import importing, label_queue, queueing, recommendation

RUN = "v1-0000"


@pytest.fixture
def solve(opened, planted):
    """Open the page on the first aggressor, whose action is to collect."""

    def open_(**view):
        return opened(planted, "solve", run=RUN, f="all", a="1", **{"do": "collect"} | view)

    return open_


def queue_of(planted, name="to-label"):
    return Workspace.open(planted).label_queue(name)


def tiles(app):
    return [item["id"] for item in component(app, "candidates")["items"]]


def test_one_click_queues_what_is_shown_for_the_aggressor(solve, planted):
    app = solve(budget="30")
    offered = tiles(app)
    assert len(offered) == 30
    assert "Expect" in shown(app)
    app.button(key="queue_all").click().run()
    rows = queue_of(planted).rows()
    assert rows["sample_id"].to_pylist() == offered
    assert set(rows["aggressor"].to_pylist()) == {1}
    assert all(0 <= chance <= 1 for chance in rows["expected"].to_pylist())
    assert set(tiles(app)).isdisjoint(offered)


def test_what_another_queue_holds_is_not_offered(solve, planted):
    first = tiles(solve(budget="5"))
    with_queue = solve(budget="5", queue="other")
    with_queue.button(key="queue_all").click().run()
    assert queue_of(planted, "other").rows()["sample_id"].to_pylist() == first
    assert set(tiles(solve(budget="5"))).isdisjoint(first)


def test_budget_and_variety_change_the_grid_at_once(solve):
    app = solve(budget="20", variety="0")
    alike = tiles(app)
    app.number_input(key="wish_budget").set_value(35).run()
    assert len(tiles(app)) == 35
    assert tiles(app)[:20] == alike
    app.slider(key="wish_variety").set_value(100).run()
    assert len(tiles(app)) == 35
    assert app.query_params["budget"] == "35"
    assert app.query_params["variety"] == "100"


def test_examples_move_the_others_and_can_be_taken_back(solve):
    app = solve(budget="20", variety="0")
    before = tiles(app)
    avoided = solve(budget="20", variety="0", less=before[0], more=before[5])
    assert before[0] not in tiles(avoided)
    assert "1 example to be like · 1 example to avoid" in shown_badges(avoided)
    next(button for button in avoided.button if button.label == "Take them back").click().run()
    assert tiles(avoided) == before


def shown_badges(app):
    return "\n".join(str(element.value) for element in app.markdown)


def test_an_example_of_another_aggressor_is_passed_over_and_said(solve):
    plain = solve(budget="20", variety="0")
    app = solve(budget="20", variety="0", more="no-such-sample", less="nor-this")
    assert not app.error
    assert tiles(app) == tiles(plain)
    assert "2 examples of the address are no candidates of this aggressor" in captions(app)
    one = solve(budget="20", more=f"no-such-sample\n{tiles(plain)[5]}")
    assert "1 example to be like" in shown_badges(one)
    assert "1 example of the address is no candidate" in captions(one)
    next(button for button in one.button if button.label == "Forget the examples").click().run()
    assert "of the address" not in captions(one)


def captions(app):
    return "\n".join(str(element.value) for element in app.caption)


def test_one_click_takes_back_what_the_last_click_queued_and_nothing_else(solve, planted):
    app = solve(budget="3")
    assert not has_undo(app)
    first = tiles(app)
    app.button(key="queue_all").click().run()
    app.button(key="queue_all").click().run()
    second = queue_of(planted).rows()["sample_id"].to_pylist()[3:]
    assert len(second) == 3
    assert app.button(key="queue_undo").label == "Undo 3"
    app.button(key="queue_undo").click().run()
    assert queue_of(planted).rows()["sample_id"].to_pylist() == first
    assert not has_undo(app)
    assert tiles(app) == second


def test_nothing_is_taken_back_once_some_of_it_went_out(solve, planted):
    app = solve(budget="3")
    app.button(key="queue_all").click().run()
    assert has_undo(app)
    queue_of(planted).exported(queue_of(planted).rows()["sample_id"].to_pylist()[:1], "csv")
    app.button(key="queue_undo").click().run()  # the page still showed it
    assert "1 went out or came back since" in app.error[0].value
    assert queue_of(planted).rows().num_rows == 3
    assert not has_undo(app)


def has_undo(app):
    return any(button.key == "queue_undo" for button in app.button)


@pytest.mark.parametrize(
    "odd",
    [
        {"budget": "-5"}, {"budget": "many"}, {"budget": "99999"}, {"variety": "900"},
        {"even": "x"}, {"queue": "../up"}, {"do": "nothing"}, {"page": "77"}, {"only": "gone"},
    ],
)  # fmt: skip
def test_an_odd_address_shows_the_page_all_the_same(solve, odd):
    app = solve(**odd)
    assert not app.exception
    assert component(app, "actions")["rows"]


def test_actions_are_ranked_and_each_hands_over(opened, planted_versions):
    for one in planted_aggressors(planted_versions)[:2]:
        for part in ("collect", "augment", "relabel", "remove", "review_model", "queue"):
            app = opened(planted_versions, "solve", run=RUN, f="all", a=str(one.rank), do=part)
            assert not app.exception
            rows = component(app, "actions")["rows"]
            assert rows[0]["id"] == one.action
            assert len(rows) == 5


def test_what_a_win_means_is_said_and_why_a_later_one_may_be_larger():
    def advice(action, place, share):
        win = None if share is None else Win(action, share, 0.0, 1.0, "measured")
        return Advice(action, place, "", (), win)

    said = [recommendation._meaning(advice(one, 1, 0.03)) for one in ("collect", "remove")]
    assert said[0].startswith("Collect, 3")
    assert "the model does no better" in said[1]
    assert recommendation._meaning(advice("collect", 1, None)) == ""
    more = (advice("collect", 1, 0.02), advice("augment", 2, None), advice("remove", 3, 0.05))
    assert "the evidence, not the win" in recommendation._order(more)
    assert recommendation._order(more[:2]) == ""
    assert recommendation._order((advice("review_model", 1, None), *more)) == ""


def test_the_page_says_what_the_win_of_the_chosen_action_means(solve):
    assert "shed that share of all loss" in captions(solve())


def test_suspects_are_handed_over_where_labels_are_wrong(opened, planted_versions):
    wrong = next(one for one in planted_aggressors(planted_versions) if one.action == "relabel")
    app = opened(planted_versions, "solve", run=RUN, f="all", a=str(wrong.rank))
    assert component(app, "suspects")["rows"]
    assert component(app, "actions")["chosen"] == "relabel"


def test_a_queue_goes_out_and_its_labels_come_back(solve, planted):
    app = solve(budget="4")
    app.button(key="queue_all").click().run()
    made = actions.export_queue(RUN, "to-label", "csv")
    ids = queue_of(planted).rows("exported")["sample_id"].to_pylist()
    assert made.rows == len(ids) == 4
    label = cached.run_file(RUN).classes[0]
    lines = ["sample_id,label,of_group", f"{ids[0]},{label},yes", f"{ids[1]},{label},no"]
    found = actions.checked_labels(RUN, "to-label", "\n".join(lines).encode(), "l.csv", Allowed())
    assert not found.problems
    found.take()
    assert queue_of(planted).rows("labeled")["sample_id"].to_pylist() == ids[:2]
    app = solve(do="queue")
    rows = {row["id"]: row["cells"] for row in component(app, "label_queue")["rows"]}
    assert [rows[one][2]["text"] for one in ids] == ["labeled", "labeled", "exported", "exported"]
    only = solve(do="queue", only="exported")
    assert [row["id"] for row in component(only, "label_queue")["rows"]] == ids[2:]


def test_troubles_of_an_import_are_all_listed_and_nothing_is_taken(solve, planted):
    solve(budget="3").button(key="queue_all").click().run()
    ids = queue_of(planted).rows()["sample_id"].to_pylist()
    sent = f"sample_id,label\n{ids[0]},no such class\nnobody,{ids[1]}\n{ids[2]},\n".encode()
    found = actions.checked_labels(RUN, "to-label", sent, "l.csv", Allowed())
    assert {one.kind for one in found.problems} == {"unknown class", "unknown id", "no label"}
    rows = [row for problem in found.problems for row in importing._rows(problem)]
    assert [row.cells[0].text for row in rows] == ["3", "4", "2"]  # as a spreadsheet numbers them
    unsure = f"sample_id,label,of_group\n{ids[0]},,maybe\n".encode()
    (problem,) = actions.checked_labels(RUN, "to-label", unsure, "l.csv", Allowed()).problems
    (row,) = importing._rows(problem)
    assert (row.cells[2].text, row.cells[2].sub) == (
        "neither yes nor no", "write yes, no, or nothing",
    )  # fmt: skip
    assert queue_of(planted).rows("labeled").num_rows == 0


def test_a_sample_is_taken_out_of_the_queue_by_its_button(solve, planted):
    solve(budget="3").button(key="queue_all").click().run()
    ids = queue_of(planted).rows()["sample_id"].to_pylist()
    solve(do="queue")
    label_queue._act("remove", ids[1])
    assert queue_of(planted).rows()["sample_id"].to_pylist() == [ids[0], ids[2]]


def test_a_new_queue_gets_its_name_and_a_bad_one_is_refused(solve):
    app = solve(do="queue")
    app.text_input(key="queue_new_name").set_value("Dusk November").run()
    assert app.query_params["queue"] == "dusk-november"
    app.text_input(key="queue_new_name").set_value("../up").run()
    assert app.error
    assert app.query_params["queue"] == "dusk-november"


def test_too_many_examples_are_refused():
    state.write(state.View(local={"more": "\n".join(map(str, range(40)))}))
    with pytest.raises(UsageError, match="At most 40"):
        wishes.pick("another", wishes.MORE)
    assert queueing.name() == "to-label"


def test_a_quota_limits_what_is_queued(solve, planted):
    app = solve(do="queue")
    app.number_input(key="quota_each").set_value(7).run()
    solve(budget="30").button(key="queue_all").click().run()
    assert queue_of(planted).rows().num_rows == 7
    assert queue_of(planted).quota.at_most == 7
    app = solve(do="queue")
    app.number_input(key="quota_total").set_value(5).run()
    assert queue_of(planted).quota.total == 5
