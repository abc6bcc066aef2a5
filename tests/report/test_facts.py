"""What a report knows of all variants together."""

from types import SimpleNamespace
from typing import Any

import pytest

from hourglass.report.facts import Facts


@pytest.mark.parametrize(("metric", "told"), [("relative_error", ["overcomplete"]), ("auroc", [])])
def test_codes_as_wide_as_a_row_are_named_where_that_ranks_them_last(metric: str, told: list[str]) -> None:
    widths = {"vae": (4, 4), "overcomplete": (14, 3)}
    variants = [
        SimpleNamespace(name=name, evaluation={"latent": latent, "pca_components": components})
        for name, (latent, components) in widths.items()
    ]
    facts: Any = SimpleNamespace(metric=metric, variants=variants)
    assert Facts.copiers.fget(facts) == told  # type: ignore[attr-defined]
