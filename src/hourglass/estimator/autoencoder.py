"""Every variant as a scikit-learn estimator."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from hourglass import models, scores
from hourglass.estimator import conditions, rows
from hourglass.estimator.net import Net
from hourglass.estimator.settings import checked, told_in_python, variant_named
from hourglass.estimator.training import Task
from hourglass.models.shared.variant import Variant
from hourglass.runtime.array import ArraySchema
from hourglass.runtime.conditioning import Conditioning
from hourglass.runtime.conformal import p_values, threshold
from hourglass.runtime.errors import InputError
from hourglass.settings import AUTO, declared_settings
from hourglass.stages.progress import EpochProgress
from hourglass.training.settings import TrainSettings

#: Rows that the score is fitted to, at most.
_FITTED = 20_000


class Autoencoder(ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """An autoencoder that embeds rows, rebuilds them, draws new ones, and tells anomalies.

    Rows are divided at random: some stop training early (validation), some set the threshold (calibration), the net is
    fitted on the rest. Of new rows that are like those of `fit`, a share of at most `alpha` is called anomalous, on
    average over calibrations (a conformal promise).

    Training is that of the pipeline, with one thread unless `training` says otherwise. The global random states of
    numpy and torch stay as they are.

    Parameters
    ----------
    variant : str
        See ``hourglass variants``.
    latent : int or "auto", optional
        Width of the code; by default the variant's. ``auto`` widens it until the held-out error stops falling.
    settings : dict, optional
        The other settings of the variant, as in its section of ``params.yaml``.
    epochs, batch, lr, patience
        As in ``train`` of ``params.yaml``.
    training : dict, optional
        The other settings of ``train``.
    normalise : {"auto", "standard", "minmax", "none"}
        ``auto`` is minmax over all pixels of images, standard per feature for the rest.
    scoring : str
        How anomalous a row is: ``auto`` or a name of `hourglass.scores`, see docs/concepts.md.
    contaminated : bool
        Whether there may be anomalies among the rows of `fit`.
    alpha : float
        Promised share of false alarms.
    validation_share, calibration_share : float
        Of all rows; at least one row each.
    device : {"auto", "cpu", "cuda"}
        Where to train; a fitted net is on the CPU.
    random_state : int, RandomState or None
        Divides the rows and seeds weights, their order and all noise. None: another one each time.
    verbose : bool
        Whether to show the epochs.

    Attributes
    ----------
    net_ : Net
        The trained variant (``net_.model``) and what new codes are drawn from (``net_.prior``).
    normaliser_ : Normaliser
        The map between the units of the data and those of the net.
    schema_ : ArraySchema
        What a row is.
    conditioning_ : Conditioning or None
        What is known of a row beside it.
    settings_ : dict
        Every setting of the variant.
    widths_ : Widths
        What was tried, where `latent` is ``auto``.
    calibration_rows_ : ndarray
        The rows that set the threshold, kept for `save`.
    calibration_scores_ : ndarray
        Anomaly scores of the calibration rows, in ascending order.
    offset_ : float
        ``decision_function`` is ``score_samples`` minus this, the negative threshold.
    history_ : list of dict
        What training noted of each epoch.
    n_iter_ : int
        Epochs it took.
    n_features_in_ : int
        Numbers in a row.
    feature_names_in_ : ndarray of str
        Columns, where `fit` was given a table.
    """

    def __init__(
        self,
        variant: str = "autoencoder",
        *,
        latent: int | str | None = None,
        settings: Mapping[str, Any] | None = None,
        epochs: int = TrainSettings.epochs,
        batch: int = TrainSettings.batch,
        lr: float = TrainSettings.lr,
        patience: int = TrainSettings.patience,
        training: Mapping[str, Any] | None = None,
        normalise: str = "auto",
        scoring: str = AUTO,
        contaminated: bool = False,
        alpha: float = 0.05,
        validation_share: float = 0.1,
        calibration_share: float = 0.1,
        device: str = TrainSettings.device,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ) -> None:
        self.variant = variant
        self.latent = latent
        self.settings = settings
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.patience = patience
        self.training = training
        self.normalise = normalise
        self.scoring = scoring
        self.contaminated = contaminated
        self.alpha = alpha
        self.validation_share = validation_share
        self.calibration_share = calibration_share
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows.

        Parameters
        ----------
        X : array, tensor or DataFrame of shape (rows, ...)
            Rows of any one shape; images as uint8, (rows, height, width) or (rows, height, width, channels).
        y : array, tensor, Series or DataFrame, optional
            What is known of each row, for a conditional variant: floats are numbers, anything else is a category. Other
            variants ignore it.

        Raises
        ------
        ValueError
            The settings or the rows can't be used.
        HourglassError
            Training diverged.
        """
        settings, training, scoring = self._variant_settings(), self._train_settings(), scores.get(self.scoring)
        self._check_shares()
        seed = _seed(self.random_state)
        raw = self._read(X, reset=True)
        train, validation, calibration = rows.split(len(raw), self.validation_share, self.calibration_share, seed)
        self.normaliser_ = rows.normaliser(raw[train], self.schema_, self.normalise)
        self.conditioning_, told = self._learn(X, y, train)
        x = self.normaliser_(raw)

        task = Task(self.variant, settings, training, self.conditioning_, seed)
        batches = (task.batch(x[part], None if told is None else told[part]) for part in (train, validation))
        model, widths = task.train(*batches, watch=self._watch, noting=self._noting)
        self.settings_ = settings
        if widths is not None:
            self.widths_ = widths
            self.settings_ = settings | {"latent": widths.chosen}

        self.net_ = Net(model, x[train])
        fitted = np.concatenate([validation, train])[:_FITTED]
        score = scoring(self.schema_.shape if self.schema_.kind == "image" else ())
        self.net_.learn_to_score(score, x[fitted], self._told(None, len(fitted)), robust=self.contaminated)
        self.calibration_rows_ = raw[calibration]
        judged = self.net_.score(x[calibration], self._told(None, len(calibration)))
        self.calibration_scores_ = np.sort(judged)
        self.offset_ = -self._threshold(self.calibration_scores_)
        return self

    def fit_predict(self, X: Any, y: Any = None) -> NDArray[np.int64]:
        """Train on rows and judge them; see `fit` and `predict`."""
        return self.fit(X, y).predict(X)

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Embed rows: codes of shape (rows, latent)."""
        return self._fitted.encode(*self._inputs(X))

    def inverse_transform(self, X: Any, condition: Any = None) -> NDArray[np.float64]:
        """Decode codes into rows of the shape and units of the data.

        Parameters
        ----------
        X : array of shape (rows, latent)
        condition : optional
            Of a conditional variant, what the rows shall be: as `y` of `fit`, or one entry for all of them.
        """
        latent, codes = self._fitted.model.latent, check_array(rows.as_array(X), dtype=np.float64)
        if codes.shape[1] != latent:
            raise InputError(f"codes have shape {codes.shape}; expected (rows, {latent}).")
        return self._raw(self._fitted.decode(codes, self._told(condition, len(codes))))

    def reconstruct(self, X: Any, condition: Any = None) -> NDArray[np.float64]:
        """Encode and decode rows; shape and units as `X`, `condition` as in `inverse_transform`."""
        return self._raw(self._fitted.reconstruct(*self._inputs(X, condition)))

    def sample(
        self, n: int = 16, *, random_state: int | np.random.RandomState | None = 0, condition: Any = None
    ) -> NDArray[np.float64]:
        """Draw n new rows, in the shape and units of the data; `condition` as in `inverse_transform`."""
        if n < 1:
            raise InputError(f"n is {n}; expected at least 1.")
        generator = np.random.Generator(np.random.Philox(_seed(random_state)))
        return self._raw(self._fitted.sample(n, generator, self._told(condition, n)))

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:
        """Score rows by what `scoring` names; larger is more anomalous."""
        return self._fitted.score(*self._inputs(X))

    def p_value(self, X: Any) -> NDArray[np.float64]:
        """Give conformal p-values: of rows like those of `fit`, at most a share p has one of p or less."""
        return p_values(self.anomaly_score(X), self.calibration_scores_)

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """Negative `anomaly_score`: larger is more normal."""
        return -self.anomaly_score(X)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """``score_samples(X) - offset_``: negative for anomalies."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Judge rows: 1 normal, -1 anomalous. Rows whose numbers overflow in the net are anomalous."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def save(self, folder: str | Path) -> None:
        """Write a package, as the pipeline does: ``hourglass.load(folder)`` opens it, and needs no torch.

        Parameters
        ----------
        folder : path
            Must not exist, or be empty.

        Raises
        ------
        ValueError
            There are too few calibration rows for `alpha`.
        HourglassError
            The folder isn't empty, or a graph differs from the net.
        """
        from hourglass.estimator.packaging import save

        save(self._fitted, self, Path(folder))

    def score(self, X: Any, y: Any = None) -> float:
        """Negative mean squared error in the net's units, for searches over settings; `y` is ignored."""
        x, told = self._inputs(X)
        return -float(((self._fitted.reconstruct(x, told) - x) ** 2).mean())

    @property
    def _fitted(self) -> Net:
        check_is_fitted(self)
        return self.net_

    @property
    def _n_features_out(self) -> int:
        return self.net_.model.latent

    @property
    def _conditional(self) -> bool:
        return self.variant in {*models.names(), *models.ALIASES} and models.get(self.variant).conditional

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.target_tags.required = self._conditional
        return tags

    def _variant_settings(self) -> dict[str, Any]:
        """Give every setting of the variant, checked."""
        latent = {} if self.latent is None else {"latent": self.latent}
        variant = variant_named(self.variant)
        defaults = {name: declared.default for name, declared in declared_settings(variant).items()}
        return defaults | checked(variant, {**(self.settings or {}), **latent}, owner=self.variant)

    def _train_settings(self) -> TrainSettings:
        named = {name: getattr(self, name) for name in ("epochs", "batch", "lr", "patience", "device")}
        settings = checked(TrainSettings, {**(self.training or {}), **named}, owner="training")
        if settings.get("ensemble", 1) > 1:
            raise InputError("ensemble is for params.yaml; an estimator is one net, so fit one for each seed.")
        with told_in_python():
            return TrainSettings(**settings)

    def _check_shares(self) -> None:
        for name in ("alpha", "validation_share", "calibration_share"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)!r}; expected a number between 0 and 1.")

    def _read(self, X: Any, *, reset: bool) -> NDArray[Any]:
        """Read rows as an array of shape (rows, *shape), the shape being the net's."""
        schema: ArraySchema = rows.schema_of(X) if reset else self.schema_
        table = validate_data(
            self,
            rows.flat(X, schema),
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_min_samples=4 if reset else 1,
        )
        self.schema_: ArraySchema = schema
        x, _ = schema.encode(table)
        return x

    def _learn(self, X: Any, y: Any, train: NDArray[np.intp]) -> tuple[Conditioning | None, NDArray[np.float32] | None]:
        """Learn what is known of each row, and encode it."""
        if not self._conditional:
            return None, None
        if y is None:
            raise InputError(
                f"variant {self.variant!r} requires y to be passed, but the target y is None; y tells what is known of "
                "each row."
            )
        check_consistent_length(X, y)
        return conditions.learn(y, train)

    def _told(self, condition: Any, count: int) -> NDArray[np.float32] | None:
        return conditions.told(self.conditioning_, condition, count)

    def _inputs(self, X: Any, condition: Any = None) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        x = self.normaliser_(self._read(X, reset=False))
        return x, self._told(condition, len(x))

    def _raw(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.schema_.decode(self.normaliser_.inverse(x))

    def _watch(self, latent: int, epochs: int) -> AbstractContextManager[Callable[[dict[str, Any]], None]]:
        """Show the epochs that a width is tried for, if that is wanted."""
        if self.verbose:
            return EpochProgress(f"{self.variant} with latent {latent}", epochs)
        return nullcontext(lambda _: None)

    @contextmanager
    def _noting(self, model: Variant) -> Iterator[Callable[[dict[str, Any]], None]]:
        """Keep the record of each epoch, and show it if that is wanted."""
        self.history_: list[dict[str, Any]] = []
        most = self.epochs * len(model.courses())
        with EpochProgress(self.variant, most) if self.verbose else nullcontext() as show:

            def note(record: dict[str, Any]) -> None:
                self.history_.append(record)
                self.n_iter_: int = record["epoch"]
                if show is not None:
                    show(record)

            yield note

    def _threshold(self, scores: NDArray[np.float64]) -> float:
        promised = max(self.alpha, 1 / (len(scores) + 1))
        if promised > self.alpha:
            warnings.warn(
                f"{len(scores)} calibration rows are too few to promise alpha = {self.alpha:g}; the threshold promises "
                f"{promised:.3g}; fit on more rows, or set a larger calibration_share or alpha.",
                stacklevel=3,
            )
        return threshold(scores, promised)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    """Give a seed for generators of our own; numpy's global one is left alone."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31))
    if random_state is None:
        return int(np.random.default_rng().integers(2**31))
    return int(random_state)
