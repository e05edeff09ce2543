"""Lists that people paste or upload."""

import pytest

from aggressors.errors import InputError
from aggressors.queries.grammar import MAX_VALUES
from aggressors_app.components.sample_list import LONGEST, read_list


class Sent:
    def __init__(self, content):
        self.content = content

    def getvalue(self):
        return self.content


@pytest.mark.parametrize(
    "text",
    ["a\nb\nc", "a, b, c", "a;b;c", "a\tb\tc", " a \r\n\r\n b,\n c ", "a\nb\nc\na", '"a"\n"b"\nc'],
)
def test_reads_values_however_they_are_set_apart(text):
    assert read_list(text, None, "sample_id").values == ("a", "b", "c")
    assert read_list("", Sent(text.encode("utf-8-sig")), "sample_id").values == ("a", "b", "c")


def test_reads_the_column_of_a_table_and_what_was_pasted():
    table = "loss;sample_id\n0,5;é\n1,5;b\n"
    assert read_list("a", Sent(table.encode()), "sample_id").values == ("a", "é", "b")


def test_quotes_hold_a_value_together():
    assert read_list('"a, b"\nc', None, "sample_id").values == ("a, b", "c")


@pytest.mark.parametrize(
    ("pasted", "sent", "said"),
    [
        ("", None, "is empty"),
        (" \n ,", None, "is empty"),
        ("", Sent(b"\xff\xfe\x00"), "no UTF-8 text"),
        ("\n".join(map(str, range(MAX_VALUES + 1))), None, "has 20,001 values; at most 20,000"),
        ("x" * (LONGEST + 1), None, "has 501 characters"),
        ("", Sent(b"sample_id\n"), "is empty"),
    ],
)
def test_what_is_no_list_is_refused(pasted, sent, said):
    with pytest.raises(InputError, match=said):
        read_list(pasted, sent, "sample_id")
