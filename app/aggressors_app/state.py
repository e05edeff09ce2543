"""View state and the URL, in one place.

The whole view is in the address: run, filter, aggressor, and what the page itself remembers. A link
copied to another browser shows the same view, and Back undoes the last change. Three rules make
this hold in Streamlit: `sync` runs before navigation and trusts an address that carries a filter
and the first of a session (others without one have been dropped by a navigation); the filter is
never empty; and the view changes only in callbacks, through `change`, which writes the address at
once, so that it also works in fragments.

A filter that is too long for an address, such as a list of samples, is kept in the workspace, and
the address carries its name, `@` and a digest. `settle_filter` puts the filter in its place, so
that pages only ever see the filter itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote_plus

import streamlit as st

from aggressors.errors import AggressorsError, FilterError
from aggressors.queries.grammar import expand
from aggressors_app import actions

FILTER, RUN, AGGRESSOR = "f", "run", "a"
SHARED = (RUN, FILTER, AGGRESSOR)
HOLD = "hold"  # what a hypothesis is tested beside: a part of it on every page
QUEUE = "queue"  # the label queue that samples go to
ALONG = (HOLD, QUEUE)  # a page's own parameters that links to other pages carry too
LONGEST = 8_000  # characters of a value; what browsers and proxies still pass
LONG = 1_500  # characters as the address writes them; a longer filter goes by its digest
MOST = 24  # parameters

_VIEW, _SEEN, _JOURNEY = "view", "view_seen", "view_journey"


@dataclass(frozen=True, slots=True)
class View:
    """What is on screen.

    Parameters
    ----------
    run : id of the run; '' before any is chosen.
    filter : text of the filter; '' before any is chosen (then the analysed population).
    aggressor : rank of the aggressor in focus; None for the first.
    local : what the page itself remembers, by name.
    reference : what the address carries in place of the filter, such as the name of a kept one.
    unkept : why the address does not lead back to the filter; '' where it does.
    """

    run: str = ""
    filter: str = ""
    aggressor: int | None = None
    local: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""
    unkept: str = ""

    def get(self, name: str, default: str, allowed: tuple[str, ...] | None = None) -> str:
        """Value of a page's own parameter; `default` where it is missing or not allowed."""
        value = self.local.get(name, default)
        return default if allowed is not None and value not in allowed else value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Whole number of a page's own parameter, within [low, high]."""
        try:
            value = int(self.local.get(name, default))
        except ValueError:
            value = default
        return min(max(value, low), high)

    def params(self) -> dict[str, str]:
        """Write the address of this view; defaults are left out, but the filter never is."""
        shown = {RUN: self.run, FILTER: self.reference or self.filter}
        if self.aggressor is not None:
            shown[AGGRESSOR] = str(self.aggressor)
        return {**shown, **self.local}


def parse(params: Mapping[str, str]) -> View:
    """Read a view from an address; anybody may have written it, so the sizes are bounded.

    A filter that is too long is left as it is, to be refused by `settle_filter`.
    """
    kept = {name: value for name, value in params.items() if len(value) <= LONGEST}
    local = {name: value for name, value in kept.items() if name not in SHARED}
    rank = kept.get(AGGRESSOR, "")
    return View(
        run=kept.get(RUN, ""),
        filter=params.get(FILTER, ""),
        aggressor=int(rank) if rank.isascii() and rank.isdigit() and len(rank) < 5 else None,
        local=dict(list(local.items())[:MOST]),
    )


def sync() -> View:
    """Agree with the address; called once a run, before navigation.

    An address without a filter has been dropped by a navigation, unless it is the first.
    """
    address = st.query_params.to_dict()
    trusted = FILTER in address or _SEEN not in st.session_state
    if address and trusted and address != st.session_state.get(_SEEN):
        st.session_state[_VIEW] = parse(address)
        st.session_state[_SEEN] = address  # else Forward would lead to what was written last unseen
    return read()


def read() -> View:
    """Return the view as it is now."""
    view = st.session_state.get(_VIEW)
    return view if isinstance(view, View) else View()


def write(view: View) -> None:
    """Make `view` the view, and its address the address."""
    st.session_state[_VIEW] = view
    params = view.params()
    if st.query_params.to_dict() != params:
        st.query_params.from_dict(params)
    st.session_state[_SEEN] = params


def change(
    *,
    run: str | None = None,
    filter: str | None = None,
    aggressor: int | None = None,
    **local: str | None,
) -> None:
    """Change parts of the view; for callbacks only. A page's own value None forgets it.

    Another filter or run starts lists at their first page again. Rank 0 takes the focus off.
    """
    view = read()
    if filter is not None and filter != view.filter:
        view = _with_filter(view, filter)
    kept = dict(view.local)
    if filter is not None or run is not None:
        kept = {name: value for name, value in kept.items() if not name.endswith("page")}
    for name, value in local.items():
        if value is None or value == "":
            kept.pop(name, None)
        else:
            kept[name] = value
    write(
        replace(
            view,
            run=view.run if run is None else run,
            aggressor=view.aggressor if aggressor is None else aggressor or None,
            local=kept,
        )
    )


def _with_filter(view: View, filter: str) -> View:
    """Show another filter; the workspace keeps one that is too long for the address."""
    view = replace(view, filter=filter, reference="", unkept="")
    if _written(filter) <= LONG:
        return view
    try:
        return replace(view, reference=actions.keep_filter(filter))
    except AggressorsError as error:
        if _written(filter) <= LONGEST:
            return view
        return replace(view, reference=actions.digest_of(filter), unkept=str(error))


def _written(text: str) -> int:
    """Characters of a text as an address writes it; of a far too long one only that it is."""
    return len(text) if len(text) > LONGEST else len(quote_plus(text))


def settle_filter(saved: Callable[[str], str]) -> None:
    """Put kept filters in the place of their names; the address stays as it is.

    Parameters
    ----------
    saved : gives the text of a kept filter by its name.

    Raises
    ------
    FilterError : a filter that is too long, cannot be read, or names one that is not kept.
    """
    view = read()
    if view.reference:
        return
    if len(view.filter) > LONGEST:
        raise FilterError(
            f"The filter in this link has {len(view.filter):,} characters; at most {LONGEST:,} are "
            "read from a link. Save it under a name, and link to the name."
        )
    text = expand(view.filter, saved)
    if text != view.filter:
        st.session_state[_VIEW] = replace(view, filter=text, reference=view.filter)


def settle_run(run_id: str) -> None:
    """Show this run; what else is on screen stays."""
    st.session_state[_VIEW] = replace(read(), run=run_id)


def go(page: str) -> None:
    """Travel to another page with this run; for callbacks, which cannot switch pages."""
    st.session_state[_JOURNEY] = page


def take_journey() -> str:
    """Return the page that a callback asked to travel to, once."""
    return str(st.session_state.pop(_JOURNEY, ""))


def link(**local: str) -> dict[str, str]:
    """Parameters for a link to another page: what all pages share of the view, and `local`."""
    view = read()
    kept = {name: view.local[name] for name in ALONG if name in view.local}
    return replace(view, local={**kept, **local}).params()
