"""A template for each worker, and cases made from it."""

from collections.abc import Callable, Iterator

import pytest
from tests.faults.cases import Case, Template, end_all


@pytest.fixture(scope="session")
def template(finished, tmp_path_factory) -> Template:
    return Template.of(finished.frozen, tmp_path_factory.mktemp("faults"))


@pytest.fixture
def case(template, request) -> Iterator[Callable[..., Case]]:
    """Give the template's project, brought back, to a test; end whatever of it still runs afterwards."""
    made = Case(template, request.node.name)
    yield made
    end_all(made.mark)
