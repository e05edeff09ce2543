"""What holds of an aggressor whatever was decided, in whatever order the files are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aggressors.queries.track import Members, overlaps, paired
from aggressors.queries.triage import chains, holding


@dataclass(frozen=True)
class Link:
    slug: str
    model_run: str
    rank: int
    follows: str
    created_at: str


@st.composite
def decisions(draw) -> list[Link]:
    """Decisions of a few models about a few ranks; each may follow one made before it."""
    found: list[Link] = []
    for at in range(draw(st.integers(0, 12))):
        earlier = ["", "gone", *(one.slug for one in found)]
        found.append(
            Link(
                f"d{at}",
                draw(st.sampled_from(["v1", "v2", "v3"])),
                draw(st.integers(1, 4)),
                draw(st.sampled_from(earlier)),
                f"2026-01-{draw(st.integers(1, 28)):02d}",
            )
        )
    return found


def told(links: list[Link]) -> set[tuple[frozenset[str], str]]:
    """Chains as sets of slugs, with the one that holds."""
    return {
        (frozenset(links[at].slug for at in chain), holding([links[at] for at in chain]).slug)
        for chain in chains(links)
    }


@given(decisions(), st.randoms(use_true_random=False))
def test_the_order_of_the_files_changes_nothing(links, random):
    other = list(links)
    random.shuffle(other)
    assert told(other) == told(links)


@given(decisions())
def test_each_decision_is_in_one_chain_and_chains_are_closed(links):
    found = chains(links)
    assert sorted(at for chain in found for at in chain) == list(range(len(links)))
    chain_of = {links[at].slug: place for place, chain in enumerate(found) for at in chain}
    by_group: dict[object, int] = {}
    for one in links:
        if one.follows in chain_of:
            assert chain_of[one.follows] == chain_of[one.slug]
        place = by_group.setdefault((one.model_run, one.rank), chain_of[one.slug])
        assert place == chain_of[one.slug]


@given(decisions(), st.integers(1, 4))
def test_who_follows_what_holds_takes_its_place(links, rank):
    """A further decision about one aggressor holds for it, and changes no other chain."""
    before = told(links)
    held = {slug for chain, slug in before}
    for slug in held:
        late = Link("last", "v9", rank, slug, "2025-01-01")  # by a clock that is late
        after = told([*links, late])
        (own,) = (holds for chain, holds in after if "last" in chain)
        heads = {one.slug for one in links} - {one.follows for one in links}
        alone = len({one for one in heads if _same(before, one, slug)}) <= 1
        if alone:
            assert own == "last"
        assert {each for each in after if "last" not in each[0]} == {
            each for each in before if slug not in each[0]
        }


def _same(known: set[tuple[frozenset[str], str]], one: str, other: str) -> bool:
    return any(one in chain and other in chain for chain, _ in known)


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), max_size=6))
def test_pairs_are_one_to_one_and_none_that_is_left_overlaps_more(values):
    overlap = np.array(values).reshape(len(values), 3)
    pairs = paired(overlap)
    assert len(set(pairs.values())) == len(pairs)
    for row in range(len(values)):
        for column in range(3):
            if overlap[row, column] >= 0.4 and pairs.get(row) != column:
                # either of the two has one that overlaps at least as much
                by_column = [
                    overlap[other, column] for other, one in pairs.items() if one == column
                ]
                by_row = [overlap[row, pairs[row]]] if row in pairs else []
                assert max(by_column + by_row) >= overlap[row, column]


@given(
    st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5),
    st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=5),
)
def test_overlap_is_intersection_over_union(left, right):
    def members(groups: list[set[int]]) -> Members:
        return Members(
            len(groups),
            np.repeat(np.arange(len(groups)), [len(one) for one in groups]),
            np.array([each for one in groups for each in sorted(one)], dtype=np.uint64),
        )

    found = overlaps(members(left), members(right)).share
    for row, mine in enumerate(left):
        for column, theirs in enumerate(right):
            union = max(len(mine | theirs), 1)
            assert found[row, column] == len(mine & theirs) / union
