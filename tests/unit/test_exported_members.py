import json
import subprocess
import sys

import pytest

import aggressors as ag
from aggressors import errors

HEAVY = {"torch", "sklearn", "umap", "streamlit", "scipy", "pandas", "duckdb", "pyarrow"}


def test_all_is_sorted_complete_and_loads():
    assert ag.__all__ == sorted(ag.__all__)
    for name in ag.__all__:
        value = getattr(ag, name)
        assert value.__name__ == name
        assert value.__doc__
    assert set(ag.__all__) <= set(dir(ag))
    tree = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.AggressorsError)
    }
    assert tree <= set(ag.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        ag.Nope  # noqa: B018


def test_importing_loads_nothing_and_costs_little():
    code = """
import json, sys, time
before = time.process_time()
import aggressors
seconds = time.process_time() - before
aggressors.open_run, aggressors.Integration, aggressors.load_weights  # still nothing heavy
print(json.dumps({"first": seconds, "modules": sorted(sys.modules)}))
"""
    lazy = report(code.replace("aggressors.open_run, ", ""))
    assert HEAVY.isdisjoint(lazy["modules"])
    reading = report(code)
    assert (HEAVY - {"duckdb", "pyarrow"}).isdisjoint(reading["modules"])
    # Processor seconds of the best of three: a busy machine does not fail it.
    assert min(lazy["first"], *(report(code)["first"] for _ in range(2))) <= 0.3


def report(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
