"""What MLflow is told of a model's inputs and outputs."""

import numpy as np
import pandas as pd

from hourglass.registry import promotion, versions


def test_a_model_of_series_takes_readings_by_the_names_of_their_columns(signal_denoising):
    signature = versions.signature(signal_denoising.model.config)
    inputs = {column.name: column.required for column in signature.inputs.inputs}
    assert list(inputs) == ["when", "heat", "load", "machine"]
    assert not any(inputs.values())  # a missing one is refused in the runtime's sentence
    outputs = signature.outputs.input_names()
    assert outputs == ["series", "start", "end", "anomaly_score", "p_value", "is_anomaly", "valid"]


def test_windows_are_served_as_readings_that_have_the_same_scores(signal_denoising):
    model, windows = signal_denoising.model, signal_denoising.dataset.raw("selection")[:20]
    served = promotion._as_served(windows, model)
    assert isinstance(served, pd.DataFrame)
    np.testing.assert_array_equal(model.score(served)["anomaly_score"], model.score(windows)["anomaly_score"])


def test_columns_that_only_other_variants_are_told_are_not_served(table_autoencoder):
    model, rows = table_autoencoder.model, table_autoencoder.dataset.raw("selection")[:20]
    served = promotion._as_served(rows.assign(ward="left"), model)
    pd.testing.assert_frame_equal(served, rows)
