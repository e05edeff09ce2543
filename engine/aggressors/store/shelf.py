"""Folders of small records that each have a filter: hypotheses, hand-made groups, saved filters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from aggressors.contracts import EVERYTHING
from aggressors.errors import FilterError, InputError, UsageError
from aggressors.queries.grammar import parse
from aggressors.store.files import explained, place_new
from aggressors.store.records import Unreadable, as_json, list_records, read_record, slugs_of
from aggressors.store.workspace import check_slug

Record = TypeVar("Record")
MEND = "Correct it, or remove the file."
LONGEST_AUTHOR = 100


@dataclass(frozen=True, slots=True)
class Shelf(Generic[Record]):
    """A folder with one record a file, `<slug>.json`; files are written whole and never rewritten.

    Parameters
    ----------
    kind : their dataclass, with a `filter` and with the `slug` of its file; see `read_record`.
    what, plural : what one is, and several are, for messages.
    """

    folder: Path
    kind: type[Record]
    what: str
    plural: str

    def path(self, slug: str) -> Path:
        """Where a record stands; raises UsageError for what is no slug."""
        return self.folder / f"{check_slug(slug)}.json"

    def listed(
        self, only: Callable[[str], bool] = lambda slug: True
    ) -> tuple[list[Record], list[Unreadable]]:
        """All records by slug, and the files that cannot be read; see `list_records`."""
        return list_records(self.folder, self.read, only)

    def newest(self) -> tuple[list[Record], list[Unreadable]]:
        """All records, the last made first, and the files that cannot be read."""
        found, wrong = self.listed()
        found.sort(key=lambda one: (cast(Any, one).created_at, cast(Any, one).slug), reverse=True)
        return found, wrong

    def read(self, slug: str) -> Record:
        """Read and check one record.

        Raises
        ------
        InputError : no such file, or one edited to nonsense; names file and field.
        UsageError : `slug` is no slug.
        """
        path = self.path(slug)
        found: Any = read_record(path, self.kind, self.what, MEND)
        if found.slug != slug:
            raise InputError(
                f"{path}: 'slug' is {found.slug!r} but the file is called {slug!r}. {MEND}"
            )
        try:
            parse(found.filter)
        except FilterError as error:
            raise InputError(f"{path}: 'filter' cannot be read: {error}") from error
        return cast(Record, found)

    def keep(
        self,
        title: str,
        before: str,
        *,
        make: Callable[[str], Record],
        same: Callable[[Record], bool],
    ) -> Record:
        """Write a new record under the first free slug of its title, unless it is there already.

        Parameters
        ----------
        before : what stands before a title that cannot begin a slug.
        make : gives the record of a slug.
        same : tells whether a record says the same; then that one is returned.

        Raises
        ------
        UsageError : a thousand have this title. WorkspaceError : the workspace cannot be written.
        """
        for known in self.listed()[0]:
            if same(known):
                return known
        for slug in slugs_of(title, before):
            made = make(slug)
            if place_new(self.path(slug), as_json(made)):
                return made
            with suppress(InputError):  # an unreadable one keeps its name
                other = self.read(slug)
                if same(other):  # another window has just written it
                    return other
        raise UsageError(f"Too many {self.plural} are called {title!r}; remove some.")

    def remove(self, slug: str) -> None:
        """Remove a record; one that is gone already is none.

        Raises
        ------
        UsageError : `slug` is no slug. WorkspaceError : the file cannot be removed.
        """
        path = self.path(slug)
        with explained(path):
            path.unlink(missing_ok=True)


def check_selects(filter: str, what: str) -> None:
    """Refuse a filter that lets every sample through.

    Parameters
    ----------
    what : what needs another one, and how to get it; a sentence.

    Raises
    ------
    FilterError : `filter` cannot be read. UsageError : it selects every sample.
    """
    if parse(filter) == EVERYTHING:
        raise UsageError(what)
