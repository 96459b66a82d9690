"""One project for all tests of this folder, up before the first and down after the last."""

import os
from collections.abc import Iterator

import pytest

from tests.compose.engine import missing
from tests.compose.project import Project
from tests.compose.standins import prepare


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return the project, up; without an engine its tests are skipped, and fail under CI."""
    problem = missing()
    if problem and os.environ.get("CI") == "true":
        pytest.fail(problem)
    if problem:
        pytest.skip(problem)
    images = prepare(tmp_path_factory.mktemp("stand-ins"))
    with Project(tmp_path_factory.mktemp("project"), images.environment()) as up:
        yield up
