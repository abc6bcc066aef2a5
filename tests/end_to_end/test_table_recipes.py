"""The recipes for tables do what they say, as written."""

import re

import pandas as pd
import pytest

from tests.recipes import SHARED, beside_shared, follow

pytestmark = pytest.mark.long


@pytest.fixture
def checkout(clone, tmp_path):
    return beside_shared(clone, tmp_path)


def test_frauds_are_found_and_the_payments_come_back_with_their_scores(checkout):
    said = follow("fraud.md", checkout)
    assert "is the first champion" in said
    given, judged = (pd.read_csv(checkout.root / name) for name in ("creditcard.csv", "judged.csv"))
    pd.testing.assert_frame_equal(judged[given.columns], given)
    found = judged.groupby("Class").is_anomaly.mean()
    assert found[0] < 0.02
    assert found[1] > 0.5


def test_attacks_are_found_or_cannot_be_judged(checkout):
    said = follow("intrusion.md", checkout)
    assert "is the first champion" in said
    judged = pd.read_csv(checkout.root / "judged.csv")
    attacks = judged[judged["class"] == "anomaly"]
    assert attacks["is_anomaly"].dropna().astype(bool).mean() > 0.9
    assert (judged.loc[~judged["valid"], "class"] == "anomaly").all()


@pytest.mark.skipif(not (SHARED / "data/tabular").is_dir(), reason="needs the table in ../shared/data/tabular")
def test_malignant_tumours_are_found_and_hearts_judged(checkout):
    said = follow("medical.md", checkout)
    assert said.count("is the first champion.") == 2
    judged = pd.read_csv(checkout.root / "judged.csv")
    found = judged.groupby("diagnosis").is_anomaly.mean()
    assert found["benign"] < 0.1
    assert found["malignant"] > 0.4


@pytest.mark.skipif(not (SHARED / "data/features").is_dir(), reason="needs the features in ../shared/data/features")
def test_defects_are_found(checkout):
    assert "is the first champion" in follow("defects.md", checkout)
    assert len(pd.read_csv(checkout.root / "judged.csv")) == 292


@pytest.mark.skipif(
    not all((SHARED / "data" / kind).is_dir() for kind in ("tabular", "images")),
    reason="needs ../shared/data/tabular and images",
)
def test_codes_keep_more_than_those_of_pca(checkout):
    said = follow("dimensionality-reduction.md", checkout)
    assert said.count("Gate: version 1 (autoencoder) is the first champion") == 4
    found = re.findall(r"^(\w+): squared error (\S+) of PCA's, trustworthiness (\S+), PCA's (\S+)$", said, re.MULTILINE)
    assert [name for name, *_ in found] == ["digits", "mnist", "pen", "roll"]
    for _, error, trust, others in found:
        assert float(error) < 0.8
        assert float(trust) > float(others)
    assert len(pd.read_csv(checkout.root / "codes.csv").columns) == 8
