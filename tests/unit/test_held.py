"""Arrays kept in memory, filters as masks, pages without a sort, and queries given up."""

import threading
import time

import numpy as np
import pytest

from aggressors.contracts import EVERYTHING
from aggressors.errors import GivenUp
from aggressors.queries import stored
from aggressors.queries.grammar import parse
from aggressors.queries.masks import mask
from aggressors.queries.names import resolve
from aggressors.queries.samples import page_of
from aggressors.queries.scope import fetch_rows, scope, source_of
from aggressors.stats.codes import renumbered
from aggressors.stats.polygons import inside
from aggressors.store.asking import Asker, ask_for
from aggressors.store.held import Held, once_a_run
from aggressors.store.read import open_run
from queried import ODD, queried


class Run:
    """Stands for a run file, of which only the number of samples counts."""

    def __init__(self, n=0):
        self.populations = {"validation": n}


def test_what_is_held_is_made_once_and_is_read_only():
    held, run, made = Held(), Run(), []
    for _ in range(3):
        found = held.get(run, "ones", lambda: made.append(1) or np.ones(4))
    assert made == [1]
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 2


def test_a_question_is_asked_once_a_run_and_again_after_an_error():
    asked, first, second = [], Run(1), Run(2)

    @once_a_run
    def question(run):
        asked.append(run)
        if len(asked) == 1:
            raise GivenUp("Nobody waits.")
        return run.populations["validation"]

    with pytest.raises(GivenUp):
        question(first)
    assert [question(run) for run in (first, first, second, first)] == [1, 1, 2, 1]
    assert asked == [first, first, second]


def test_fields_that_were_read_ahead_are_not_read_again(tmp_path, monkeypatch):
    path = queried(tmp_path).run.path
    with open_run(path) as run:
        refs = [resolve(run, name) for name in ("label", "population", "operator")]
        plain = [stored.column(run, ref) for ref in refs]
    again = open_run(path)
    stored.read_ahead(again, refs)
    monkeypatch.setattr(stored, "fetch", lambda *_, **__: pytest.fail("read again"))
    for ref, expected in zip(refs, plain, strict=True):
        assert stored.column(again, ref).equals(expected)


def test_the_least_recently_used_goes_first():
    held, run, made = Held(most_bytes=80), Run(), []

    def ask(name):
        held.get(run, name, lambda: made.append(name) or np.zeros(2))

    for name in ("a", "b", "c", "d", "e", "a", "f", "a", "b"):
        ask(name)
    assert made == ["a", "b", "c", "d", "e", "f", "b"]
    assert held.bytes == 80


def test_what_would_fill_the_room_is_not_held():
    held, run, made = Held(most_bytes=100), Run(), []
    for _ in range(2):
        held.get(run, "large", lambda: made.append(1) or np.zeros(4))
    assert made == [1, 1]
    assert held.bytes == 0


def test_a_large_run_has_more_room():
    held, run, made = Held(most_bytes=100), Run(10), []
    for _ in range(2):
        held.get(run, "large", lambda: made.append(1) or np.zeros(16))  # 128 of 600 bytes
    assert made == [1]
    assert held.bytes == 128


def test_arrays_go_with_their_run():
    held, run = Held(), Run()
    held.get(run, "ones", lambda: np.ones(4))
    del run
    assert held.bytes == 0


def test_a_run_may_go_at_any_moment():
    """As when a garbage collection starts while another array is being kept."""
    held, runs = Held(), {"gone": Run(), "here": Run()}
    held.get(runs["gone"], "ones", lambda: np.ones(4))

    class Array:
        asked = 0

        @property
        def nbytes(self):
            self.asked += 1
            if self.asked == 2:  # when it is counted
                runs.pop("gone")
            return 8

    keeping = threading.Thread(target=held.get, args=(runs["here"], "sly", Array), daemon=True)
    keeping.start()
    keeping.join(timeout=10)
    assert not keeping.is_alive()
    assert held.bytes == 8


def test_a_run_in_the_place_of_another_finds_nothing_of_it(monkeypatch):
    held, made = Held(), []
    monkeypatch.setattr("aggressors.store.held.id", lambda run: 1, raising=False)
    for value in (1.0, 2.0):
        run = Run()
        made.append(held.get(run, "ones", lambda value=value: np.full(4, value))[0])
        del run
    assert made == [1, 2]


def test_those_who_ask_at_once_wait_for_one():
    held, run, made = Held(), Run(), []

    def make():
        made.append(1)
        time.sleep(0.05)
        return np.ones(1)

    threads = [threading.Thread(target=held.get, args=(run, "slow", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    made = queried(tmp_path_factory.mktemp("runs"))
    with made.run:
        yield made


@pytest.mark.parametrize(
    "text",
    [
        "brightness < 0.5",
        "not brightness < 0.5",
        "not (brightness is missing) or operator = op-1",
        "loss > 0.3 and not (loss = 0.5 or label = coat)",
        "weight >= 1 and row_id < 100",
        "map in (-2, -2, 2, -1, 1, 3, 0, 0)",
        "loss_quantile > 0.5 and aggressor in (1, 2)",
        'note contains "of_ 3" or hour in (1, 2)',
        "none",
    ],
)
def test_a_mask_lets_through_what_the_sql_does(data, text):
    found = fetch_rows(
        data.run,
        "SELECT s.row_id FROM {source} WHERE {where} ORDER BY s.row_id",
        scope(data.run, parse(text), resolve(data.run, "brightness")),
    )
    assert np.flatnonzero(mask(data.run, parse(text))).tolist() == [row for (row,) in found]


def test_everything_needs_no_mask(data):
    assert mask(data.run, EVERYTHING) is None


def test_a_condition_reads_one_table_where_one_is_enough(data):
    assert source_of("s.loss > 1") == "samples s"
    assert source_of(resolve(data.run, ODD).sql) == "metadata m"
    assert "POSITIONAL JOIN" in source_of('s.loss > m."hour"')


@pytest.mark.parametrize("n", [0, 1, 7, 60, 50_000])
def test_a_page_is_what_a_sort_gives(n):
    rng = np.random.default_rng(n)
    for key in (rng.random(n), rng.choice([0.0, 1, 2, np.inf, -np.inf, np.nan], n)):
        order = np.argsort(key, kind="stable")
        for offset in (0, 1, n // 2, max(n - 3, 0), n, n + 5):
            assert page_of(key, offset, 5).tolist() == order[offset : offset + 5].tolist()


def test_points_lie_inside_a_polygon_by_the_even_odd_rule():
    # A pentagram: its middle is crossed twice.
    angle = np.pi / 2 + 4 * np.pi * np.arange(5) / 5
    star = list(zip(np.cos(angle).tolist(), np.sin(angle).tolist(), strict=True))
    x, y = np.array([0.0, 0.0, 0.9, 5.0, np.nan]), np.array([0.0, 0.8, 0.9, 0.0, 0.0])
    assert inside(x, y, star).tolist() == [False, True, False, False, False]


def test_polygons_agree_with_a_ray_for_each_point():
    rng = np.random.default_rng(1)
    x, y = rng.integers(-3, 4, (2, 400)).astype(float)  # many on corners and edges
    corners = [tuple(corner) for corner in rng.integers(-3, 4, (9, 2)).astype(float)]

    def crossed(px, py):
        hits = 0
        for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if y0 != y1 and min(y0, y1) <= py < max(y0, y1):
                slope = (x1 - x0) / (y1 - y0)
                hits += px < x0 - slope * y0 + slope * py
        return hits % 2 == 1

    assert inside(x, y, corners).tolist() == [crossed(*at) for at in zip(x, y, strict=True)]


@pytest.mark.parametrize("code", [[], [5], [3, 3, 9, -2], [10**12, 0, 10**12, 7]])
def test_codes_are_renumbered_in_their_order(code):
    given = np.array(code, dtype=np.int64)
    assert renumbered(given).tolist() == np.unique(given, return_inverse=True)[1].tolist()


def test_a_query_that_nobody_waits_for_is_given_up(data):
    asker, caught, began = Asker(), [], threading.Event()

    def ask():
        ask_for(asker)
        began.set()
        try:
            fetch_rows(data.run, "SELECT count(*) FROM range(100000000) a, range(1000) b")
        except GivenUp as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    began.wait()
    while not asker.waits and thread.is_alive():
        time.sleep(0.001)
    while asker.waits:  # an interrupt is lost on a query that is only about to start
        asker.give_up()
        time.sleep(0.01)
    thread.join()
    assert len(caught) == 1


def test_one_who_left_asks_nothing_more(data):
    asker = Asker()
    asker.give_up()
    ask_for(asker)
    try:
        with pytest.raises(GivenUp, match="Nobody waits"):
            fetch_rows(data.run, "SELECT 1")
    finally:
        ask_for(None)
