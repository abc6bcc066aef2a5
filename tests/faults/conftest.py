"""A template for each worker, and cases made from it."""

from collections.abc import Iterator
from threading import Timer

import pytest

from tests.faults.cases import Case, Template, end_all
from tests.faults.servers import Server

_LIMIT_SECONDS = 1500


@pytest.fixture(scope="session")
def template(finished, tmp_path_factory) -> Template:
    return Template.of(finished, tmp_path_factory.mktemp("faults"))


@pytest.fixture
def case(template, request) -> Iterator[Case]:
    """Give the template's project, brought back, to a test; end what still runs of it afterwards, or takes too long."""
    made = Case(template, request.node.name)
    limit = Timer(_LIMIT_SECONDS, end_all, [made.mark])
    limit.start()
    yield made
    limit.cancel()
    end_all(made.mark)


@pytest.fixture(scope="session")
def prefect(environment, tmp_path_factory) -> Iterator[Server]:
    """Start a Prefect server that may be killed, if it comes back."""
    server = Server("prefect", tmp_path_factory.mktemp("prefect"), environment)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def server(prefect) -> str:
    """Give its API's URL: one server serves all cases."""
    return prefect.settings["PREFECT_API_URL"]


@pytest.fixture(scope="session")
def repeated(request) -> bool:
    """Tell whether a case kills several times; of a few that are drawn, each kills once."""
    return request.config.getoption("--faults") == "all"
