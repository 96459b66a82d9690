"""What the tests of the stack share: the programs that `make tools` unpacked."""

import os

import pytest

from tests.stack.tools import NEW, PAIRS, Pair, namespaces_missing


def need(pair: Pair) -> Pair:
    """Return a pair that can run here; a missing one skips the test, and fails it under CI."""
    problem = "" if pair.there else "Prometheus and Alertmanager are missing: run `make tools`"
    problem = problem or namespaces_missing()
    if problem and os.environ.get("CI") == "true":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    return pair


@pytest.fixture(params=PAIRS, ids=lambda pair: pair.name)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Each pair in turn."""
    found = request.param
    assert isinstance(found, Pair)
    return need(found)


@pytest.fixture
def newer() -> Pair:
    """The newer pair."""
    return need(NEW)
