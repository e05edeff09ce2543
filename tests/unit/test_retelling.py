"""What holds the guide against the pages notices what is wrong, and what nobody checks."""

import pytest
from tests.browser import retelling
from tests.browser.retelling import Page

TEXT = """# 1 Found

v1 is **wrong** on 21.9 % of
3,600 photographs: 88 fail, `hour >= 17`. [12 more](page-3.md)

![Of 5 pages](pictures/one.png)

```
$ aggressors check v3
fail  dusk  worse by 0.603
$ echo $?
1
```
"""


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setattr(retelling, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text(TEXT)
    return Page("page.md")


def test_figures_are_held_against_the_page_until_none_is_left(page):
    assert page.left() == ["21.9", "3,600", "88", "12"]
    page.says("wrong on # % of # photographs", "Error 23 %, 3,612 samples", "# %, # samples")
    page.says("# fail", "90 fail")
    page.says("# more", "12 more", exactly=True)
    assert page.left() == []
    assert (page.pictures, page.code) == (["one.png"], ["hour >= 17"])


def test_a_wrong_figure_and_words_that_are_not_there_are_noticed(page):
    for shown, words in (("Error 30 %", "Error # %"), ("Error 22 %", "Mistakes # %")):
        with pytest.raises(AssertionError):
            page.says("wrong on # %", shown, words)
    with pytest.raises(AssertionError):
        page.says("right on # %", "right on 21.9 %")
    with pytest.raises(AssertionError):
        page.says("# more", "13 more", exactly=True)
    assert page.left()[0] == "21.9"


def test_what_a_command_prints_has_the_same_words_and_near_figures(page):
    page.shows("aggressors check v3", "fail  dusk\n  worse by 0.590\n")
    assert page.printed("echo $?") == "1\n"
    for printed in ("fail  dusk  better by 0.603", "fail  dusk  worse by 0.403"):
        with pytest.raises(AssertionError):
            page.shows("aggressors check v3", printed)
