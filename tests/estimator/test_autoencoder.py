"""The estimator trains as the pipeline does, and keeps what it promises of rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import subspace_angles
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hourglass import Autoencoder, models
from hourglass.data.statistics import fit_normaliser, summarise
from hourglass.estimator import rows
from hourglass.models.shared.batch import Batch
from hourglass.runtime.array import ArraySchema
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings

# where few rows are enough for a test, the promise about false alarms isn't what it is about
pytestmark = pytest.mark.filterwarnings("ignore:.*calibration rows:UserWarning")

Draw = Callable[[int, int], NDArray[np.float64]]


def weights(estimator: Autoencoder) -> NDArray[np.float64]:
    return np.concatenate([value.numpy().ravel() for value in estimator.net_.model.state_dict().values()])


@pytest.mark.parametrize("variant", ["autoencoder", "vae"])
def test_weights_are_those_of_the_librarys_loop_to_the_bit(
    surface: Draw, quick: dict[str, Any], variant: str, tmp_path: Path
) -> None:
    x = surface(200, 1)
    estimator = Autoencoder(variant, **quick, training={"kl_warmup": 0.5}, random_state=7).fit(x)
    train, validation, _ = rows.split(200, 0.1, 0.1, 7)
    normaliser = fit_normaliser(summarise(x[train], ArraySchema("array", (6,))), ArraySchema("array", (6,)), "standard")
    batches = [Batch.of(torch.from_numpy(normaliser(x[part]))) for part in (train, validation)]
    model = models.build(variant, (6,), {"latent": 2, "hidden": [32]}, seed=7)
    settings = TrainSettings(epochs=30, batch=32, lr=1e-2, kl_warmup=0.5)
    fit(model, *batches, settings, seed=7, folder=tmp_path)
    for name, value in model.state_dict().items():
        assert torch.equal(value.double(), estimator.net_.model.state_dict()[name]), name


def test_linear_nets_span_the_subspace_of_pca(surface: Draw) -> None:
    x = StandardScaler().fit_transform(surface(1000, 1))
    settings = {"hidden": []}
    estimator = Autoencoder(latent=2, settings=settings, epochs=60, lr=1e-2, batch=64, normalise="none").fit(x)
    train, *_ = rows.split(1000, 0.1, 0.1, 0)
    decoder = estimator.inverse_transform(np.eye(2)) - estimator.inverse_transform(np.zeros((2, 2)))
    angles = subspace_angles(decoder.T, PCA(2).fit(x[train]).components_.T)
    assert np.rad2deg(angles).max() < 5


def test_decoding_the_codes_gives_the_reconstruction_in_the_units_of_the_data(
    fitted: Autoencoder, surface: Draw
) -> None:
    x = surface(100, 2)
    rebuilt = fitted.reconstruct(x)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(x)), rebuilt)
    assert ((rebuilt - x) ** 2).mean(0) == pytest.approx(np.zeros(6), abs=0.2 * x.var(0).max())
    assert (((rebuilt - x) ** 2).mean(0) < 0.2 * x.var(0)).all()


def test_rows_are_scored_by_the_score_that_is_named(surface: Draw, quick: dict[str, Any]) -> None:
    x, fitted = surface(50, 2), Autoencoder(**quick | {"epochs": 2}, scoring="mse").fit(surface(100, 1))
    residuals = (fitted.reconstruct(x) - x) / fitted.normaliser_.scale
    np.testing.assert_allclose(fitted.anomaly_score(x), (residuals**2).mean(1), rtol=1e-5)
    np.testing.assert_array_equal(fitted.score_samples(x), -fitted.anomaly_score(x))
    with pytest.raises(ValueError, match="score is 'best'"):
        Autoencoder(scoring="best").fit(x)


def test_rows_of_training_are_remembered_and_those_of_calibration_are_not(surface: Draw, quick: dict[str, Any]) -> None:
    fitted = Autoencoder(**quick | {"epochs": 2}).fit(surface(100, 1))
    remembered = fitted.net_.scored_by.centres[:, -6:].numpy()
    assert len(remembered) == 90
    given = fitted.normaliser_(fitted.calibration_rows_)
    assert (np.abs(given[:, None] - remembered).max(2) > 1e-6).all()


def test_anomalies_among_the_rows_may_be_told(surface: Draw, quick: dict[str, Any]) -> None:
    few, rows = {"epochs": 2}, np.concatenate([surface(90, 1), surface(10, 2) + 5])
    naive, wary = (Autoencoder(**quick | few, contaminated=told).fit(rows) for told in (False, True))
    strange, normal = surface(30, 3) + 5, surface(30, 4)
    contrast = [np.median(one.anomaly_score(strange)) / np.median(one.anomaly_score(normal)) for one in (naive, wary)]
    assert contrast[1] > contrast[0]


def test_settings_are_searched_by_the_squared_error(fitted: Autoencoder, surface: Draw) -> None:
    x = surface(50, 2)
    residuals = (fitted.reconstruct(x) - x) / fitted.normaliser_.scale
    assert fitted.score(x) == pytest.approx(-(residuals**2).mean(), rel=1e-5)


def test_what_scores_beyond_the_threshold_is_called_anomalous(fitted: Autoencoder, surface: Draw) -> None:
    x = np.concatenate([surface(200, 2), surface(50, 3)[:, ::-1]])
    verdict = fitted.predict(x)
    np.testing.assert_array_equal(fitted.decision_function(x), fitted.score_samples(x) - fitted.offset_)
    np.testing.assert_array_equal(verdict == 1, fitted.score_samples(x) >= fitted.offset_)
    np.testing.assert_array_equal(verdict == -1, fitted.p_value(x) <= 0.1)
    assert (verdict[200:] == -1).all()


def test_fresh_normal_rows_raise_about_the_promised_share_of_alarms(fitted: Autoencoder, surface: Draw) -> None:
    calibration, fresh = len(fitted.calibration_scores_), 4000
    alarms = (fitted.predict(surface(fresh, 4)) == -1).mean()
    spread = (0.1 * 0.9 * (1 / calibration + 1 / fresh)) ** 0.5
    assert calibration == 180
    assert alarms == pytest.approx(0.1, abs=3 * spread)


def test_a_row_is_judged_the_same_whatever_comes_with_it(fitted: Autoencoder, surface: Draw) -> None:
    x = surface(300, 2)
    alone = np.concatenate([fitted.score_samples(x[[row]]) for row in range(len(x))])
    np.testing.assert_array_equal(fitted.score_samples(x), alone)


def test_rows_that_overflow_in_the_net_are_never_normal(fitted: Autoencoder) -> None:
    assert list(fitted.predict(np.full((2, 6), 1e300))) == [-1, -1]


def test_too_few_calibration_rows_lower_the_promise_with_a_warning(surface: Draw, quick: dict[str, Any]) -> None:
    with pytest.warns(UserWarning, match=r"9 calibration rows are too few to promise alpha = 0\.05; .* promises 0\.1"):
        estimator = Autoencoder(**quick | {"epochs": 1}, calibration_share=0.09).fit(surface(100, 1))
    assert -estimator.offset_ == estimator.calibration_scores_.max()


def test_the_same_random_state_gives_the_same_net_and_another_gives_another(
    surface: Draw, quick: dict[str, Any]
) -> None:
    x = surface(200, 1)

    def trained(random_state: Any) -> NDArray[np.float64]:
        return weights(Autoencoder(**quick | {"epochs": 1}, random_state=random_state).fit(x))

    np.testing.assert_array_equal(trained(3), trained(3))
    np.testing.assert_array_equal(trained(np.random.RandomState(3)), trained(np.random.RandomState(3)))
    different = [trained(3), trained(4), trained(None), trained(None), trained(np.random.RandomState(3))]
    assert len({values.tobytes() for values in different}) == 5


def test_the_global_random_states_and_settings_of_torch_stay_as_they_are(surface: Draw, quick: dict[str, Any]) -> None:
    def states() -> tuple[Any, ...]:
        numpys = np.random.get_state()  # noqa: NPY002
        denormal = torch.tensor(1e-40).mul(1).item()
        return numpys[1].tobytes(), numpys[2], torch.get_rng_state().tolist(), torch.get_num_threads(), denormal

    before = states()
    Autoencoder("vae", **quick | {"epochs": 1}, random_state=None).fit(surface(100, 1)).sample(3, random_state=None)
    assert states() == before


def test_the_history_has_a_record_of_each_epoch(surface: Draw, quick: dict[str, Any]) -> None:
    estimator = Autoencoder(**quick | {"epochs": 4}).fit(surface(200, 1))
    assert [record["epoch"] for record in estimator.history_] == [1, 2, 3, 4]
    assert estimator.n_iter_ == 4
    assert {"train", "validation", "lr"} <= estimator.history_[0].keys()


def test_the_width_of_the_code_is_found_where_it_is_auto(surface: Draw, quick: dict[str, Any]) -> None:
    estimator = Autoencoder(**quick | {"latent": "auto", "training": {"auto_epochs": 0.5}}).fit(surface(400, 1))
    assert estimator.net_.model.latent == estimator.widths_.chosen == estimator.settings_["latent"]
    assert [tried.latent for tried in estimator.widths_.tried] == [2, 4]
    assert estimator.transform(surface(3, 2)).shape == (3, estimator.widths_.chosen)


def test_epochs_are_shown_to_those_who_ask(
    surface: Draw, quick: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    estimator = Autoencoder(**quick | {"epochs": 1}).fit(surface(200, 1))
    assert capsys.readouterr().out == ""
    clone(estimator).set_params(verbose=True).fit(surface(200, 1))
    assert "autoencoder: epoch 1/1" in capsys.readouterr().out


def test_it_is_searched_and_piped_like_any_estimator(surface: Draw, quick: dict[str, Any]) -> None:
    pipeline = make_pipeline(StandardScaler(), Autoencoder(**quick | {"epochs": 10}))
    search = GridSearchCV(pipeline, {"autoencoder__latent": [1, 2]}, cv=2).fit(surface(300, 1))
    assert search.best_params_ == {"autoencoder__latent": 2}
    assert search.transform(surface(5, 2)).shape == (5, 2)


def test_a_table_gives_named_codes_and_is_held_to_its_columns(surface: Draw, quick: dict[str, Any]) -> None:
    frame = pd.DataFrame(surface(200, 1), columns=list("abcdef"))
    estimator = Autoencoder(**quick | {"epochs": 1}).set_output(transform="pandas").fit(frame)
    codes = estimator.transform(frame[5:8])
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    assert list(codes.index) == [5, 6, 7]
    assert list(estimator.feature_names_in_) == list("abcdef")
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(frame[list("fedcba")])


@pytest.mark.parametrize("given", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_rows_of_any_shape_come_back_in_it(surface: Draw, quick: dict[str, Any], given: Any) -> None:
    x = given(surface(200, 1).reshape(200, 3, 2))
    estimator = Autoencoder(**quick | {"epochs": 1}).fit(x)
    assert estimator.net_.model.shape == (3, 2)
    assert estimator.n_features_in_ == 6
    for rebuilt in (estimator.reconstruct(x), estimator.inverse_transform(estimator.transform(x)), estimator.sample(7)):
        assert rebuilt.shape[1:] == (3, 2)
    flattened = estimator.transform(x.reshape(200, 6))
    np.testing.assert_array_equal(estimator.transform(x), flattened)
    with pytest.raises(ValueError, match=r"X has shape \(200, 2, 3\); expected \(rows, 3, 2\), as in fit\."):
        estimator.predict(x.reshape(200, 2, 3))


def test_images_are_scaled_as_a_whole(quick: dict[str, Any]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (100, 4, 5, 3), dtype=np.uint8)
    estimator = Autoencoder(**quick | {"epochs": 1}).fit(images)
    assert estimator.net_.model.shape == (3, 4, 5)
    assert estimator.normaliser_.scale == 255
    assert estimator.reconstruct(images).shape == images.shape


@pytest.mark.parametrize("variant", ["autoencoder", "vae", "vq_vae"])
def test_samples_are_like_the_rows_and_follow_the_random_state(
    surface: Draw, quick: dict[str, Any], variant: str
) -> None:
    settings = {"hidden": [32]} | ({"entries": 16, "width": 8, "layers": 1} if variant == "vq_vae" else {})
    x = surface(600, 1)
    estimator = Autoencoder(variant, **quick | {"settings": settings, "epochs": 20}).fit(x)
    drawn = estimator.sample(500)
    assert drawn.shape == (500, 6)
    assert np.abs(drawn.mean(0) - x.mean(0)).max() < 0.5 * x.std(0).max()
    assert (np.abs(drawn.mean(0) - x.mean(0)) < 0.5 * x.std(0)).all()
    np.testing.assert_array_equal(estimator.sample(500, random_state=0), drawn)
    assert not np.array_equal(estimator.sample(500, random_state=1), drawn)


@pytest.mark.parametrize("quantiser", ["codebook", "residual", "finite"])
def test_every_quantiser_rebuilds_and_draws(surface: Draw, quick: dict[str, Any], quantiser: str) -> None:
    settings = {"hidden": [32], "quantiser": quantiser, "entries": 16, "width": 8, "layers": 1}
    estimator = Autoencoder("vq_vae", **quick | {"settings": settings, "epochs": 1}).fit(surface(200, 1))
    assert np.isfinite(estimator.reconstruct(surface(9, 2))).all()
    assert np.isfinite(estimator.sample(9)).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "vea"}, "there is no variant 'vea'; did you mean 'vae'?"),
        ({"latent": 0}, "autoencoder: latent is 0; expected whole number, >= 1, <= 65,536 (width of the code"),
        ({"settings": {"hiden": [8]}}, "autoencoder has no setting 'hiden'; did you mean 'hidden'?"),
        ({"training": {"clp": 1}}, "training has no setting 'clp'; did you mean 'clip'?"),
        ({"epochs": 1.5}, "training: epochs is 1.5; expected whole number, >= 1, <= 1e+06 ("),
        ({"alpha": 0}, "alpha is 0; expected a number between 0 and 1."),
        ({"normalise": "max"}, "normalise is 'max'; expected one of auto, standard, minmax, none."),
        ({"validation_share": 0.6, "calibration_share": 0.5}, "of 20 rows, 12 for validation and 10 for calibration"),
        ({"settings": {"likelihood": "bernoulli"}}, "the likelihood needs values from 0 to 1, and the normalised rows"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_refused_in_a_sentence(surface: Draw, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as refused:
        Autoencoder(**arguments).fit(surface(20, 1))
    assert str(refused.value).startswith(message)


def test_rows_that_cant_be_modelled_are_refused_in_a_sentence(fitted: Autoencoder, surface: Draw) -> None:
    frame = pd.DataFrame({"size": [1.0, 2, 3], "city": ["3", "Paris", "Rome"]})
    with pytest.raises(ValueError, match=r"^column 'city', row 1: 'Paris' is no number; encode the column first"):
        Autoencoder().fit(frame)
    with pytest.raises(ValueError, match=r"^X holds 1e\+200; numbers that large have no variance\.$"):
        Autoencoder().fit(np.full((9, 2), 1e200) * np.tile([[1], [-1], [1]], (3, 1)))
    with pytest.raises(ValueError, match=r"^codes have shape \(1, 3\); expected \(rows, 2\)\.$"):
        fitted.inverse_transform([[1.0, 2, 3]])
    with pytest.raises(ValueError, match=r"^n is 0; expected at least 1\.$"):
        fitted.sample(0)


@pytest.mark.parametrize(
    ("count", "arguments", "message"),
    [
        (3, {}, r"^Found array with 3 sample\(s\) .* while a minimum of 4 is required"),
        (10, {"validation_share": 0.8}, "^of 10 rows, 8 for validation and 1 for calibration leave fewer than two to "),
    ],
)
def test_too_few_rows_to_train_on_are_refused(
    surface: Draw, quick: dict[str, Any], count: int, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Autoencoder(**quick, **arguments).fit(surface(count, 1))


def test_four_rows_are_enough(surface: Draw, quick: dict[str, Any]) -> None:
    assert Autoencoder(**quick).fit(surface(4, 1)).sample(2).shape == (2, 6)


def test_settings_that_dont_go_together_are_refused_by_the_variant(surface: Draw) -> None:
    with pytest.raises(ValueError, match=r"^overcomplete\.latent is 2, and a row has 6 values"):
        Autoencoder("overcomplete", latent=2).fit(surface(20, 1))
    with pytest.raises(ValueError, match=r"^train\.freeze_encoder and train\.freeze_decoder are both above 0"):
        Autoencoder(training={"freeze_encoder": 0.1, "freeze_decoder": 0.1}).fit(surface(20, 1))


def test_an_ensemble_is_refused_for_an_estimator_is_one_net(surface: Draw) -> None:
    with pytest.raises(ValueError, match=r"an estimator is one net, so fit one for each seed"):
        Autoencoder(training={"ensemble": 3}).fit(surface(20, 1))
