import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.models.shared.nets import decoder_for, encoder_for, hourglass_widths


@given(st.integers(1, 5000), st.integers(1, 1000))
def test_derived_widths_narrow_geometrically_towards_the_code(features, latent):
    first, second = hourglass_widths(features, latent)
    assert first == sorted((64, 4 * features, 512))[1]
    assert second % 8 == 0
    assert 0 <= second - (first * latent) ** 0.5 + 1 <= 9


@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 4, 4)])
def test_nets_fit_rows_of_any_shape(shape):
    common = {"latent": 4, "hidden": None, "activation": "silu"}
    codes = encoder_for(shape, 8, **common)(torch.rand(3, *shape))
    assert codes.shape == (3, 8)
    assert decoder_for(shape, 2, **common)(codes[:, :4]).shape == (3, 2, *shape)


def test_the_last_layers_are_linear_so_that_any_number_can_be_reached():
    common = {"latent": 2, "hidden": [4], "activation": "relu"}
    assert isinstance(encoder_for((6,), 2, **common)[-1], torch.nn.Linear)
    assert isinstance(decoder_for((6,), 1, **common)[-2], torch.nn.Linear)
