"""Tables of categories, trained with the likelihood that is theirs, packaged and used."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from hourglass.data.params import DataParams
from hourglass.data.sources import Raw
from tests.conftest import packaged

QUICK = {"latent": 6, "hidden": [64]}


@pytest.fixture(scope="module")
def mixed(tumours, tmp_path_factory):
    """A VAE on thirty numbers and a category that follows from one of them."""
    frame = tumours.rows.drop(columns="diagnosis")
    settings = QUICK | {"likelihood": "mixed", "sigma": "predicted"}
    return packaged(Raw("table", frame, frame), DataParams(), "vae", settings, tmp_path_factory.mktemp("mixed") / "vae")


@pytest.fixture(scope="module")
def categories(tumours, tmp_path_factory):
    """An autoencoder on thirty columns of three categories each, which go together as the numbers behind them do."""
    numbers = tumours.rows.drop(columns=["diagnosis", "size"])
    frame = numbers.apply(lambda column: pd.qcut(column, 3, labels=["low", "middle", "high"]).astype(str))
    settings = QUICK | {"likelihood": "categorical"}
    folder = tmp_path_factory.mktemp("categories") / "autoencoder"
    return packaged(Raw("table", frame, frame), DataParams(), "autoencoder", settings, folder)


pytestmark = pytest.mark.long
CASES = pytest.mark.parametrize("case", ["mixed", "categories"])


@pytest.fixture
def table(request) -> Callable:
    return request.getfixturevalue


@CASES
def test_the_rebuilt_categories_are_probabilities(table, case):
    made = table(case)
    raw = made.dataset.raw("test")
    rebuilt = made.dataset.normaliser(np.asarray(made.dataset.rows("test").x)) + made.model.residuals(raw)
    for start, stop in made.dataset.schema.categories:
        assert (rebuilt[:, start:stop] > -1e-6).all()
        np.testing.assert_allclose(rebuilt[:, start:stop].sum(1), 1, atol=1e-5)


@CASES
def test_categories_are_rebuilt_better_than_by_the_most_frequent_value(table, case):
    made = table(case)
    raw = made.dataset.raw("test")
    names = [column.name for column in made.dataset.schema.columns if column.values]
    right = (made.model.reconstruct(raw)[names] == raw[names]).to_numpy().mean()
    frequent = np.mean([raw[name].value_counts(normalize=True).max() for name in names])
    assert right > frequent + 0.1


@CASES
def test_drawn_rows_hold_several_of_the_known_values(table, case):
    made = table(case)
    drawn = made.model.sample(50, seed=0)
    for column in made.dataset.schema.columns:
        if column.values:
            assert 1 < len(set(drawn[column.name]) & set(column.values)) == len(set(drawn[column.name]))
        else:
            assert np.isfinite(drawn[column.name]).all()


@CASES
def test_scores_are_finite_and_diverse(table, case):
    made = table(case)
    scores = made.model.score(made.dataset.raw("test"))["anomaly_score"]
    assert np.isfinite(scores).all()
    assert scores.nunique() > len(scores) / 4
