import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.models.shared.nets.layers import Style
from hourglass.models.shared.nets.mlp import MLPDecoder, MLPEncoder, critic, hourglass_widths


@given(st.integers(1, 5000), st.integers(1, 1000))
def test_derived_widths_narrow_geometrically_towards_the_code(features, latent):
    first, second = hourglass_widths(features, latent)
    assert first == sorted((64, 4 * features, 512))[1]
    assert second % 4 == 0
    assert 0 <= second - min((first * latent) ** 0.5, first) + 1 <= 9


@pytest.mark.parametrize("shape", [(5,), (2, 3), (1, 4, 4)])
def test_nets_fit_rows_of_any_shape(shape):
    codes = MLPEncoder(shape, 8, [7], Style())(torch.rand(3, *shape))
    assert codes.shape == (3, 8)
    assert MLPDecoder(shape, 2, 4, [7], Style())(codes[:, :4]).shape == (3, 2, *shape)


def test_the_last_layers_are_linear_so_that_any_number_can_be_reached():
    style = Style("relu", "batch")
    assert isinstance(MLPEncoder((6,), 2, [4], style)[-1], torch.nn.Linear)
    assert isinstance(MLPDecoder((6,), 1, 2, [4], style)[-2], torch.nn.Linear)


def test_what_is_known_counts_and_nothing_known_is_zeros():
    encoder, decoder = MLPEncoder((2, 3), 4, [8], Style(), known=2), MLPDecoder((2, 3), 1, 4, [8], Style(), known=2)
    for net, given_ in ((encoder, torch.rand(5, 2, 3)), (decoder, torch.rand(5, 4))):
        assert torch.equal(net(given_), net(given_, torch.zeros(5, 2)))
        assert not torch.equal(net(given_), net(given_, torch.ones(5, 2)))


def test_a_critic_gives_one_number_for_each_code():
    net = critic(3, [4, 5])
    assert [layer.out_features for layer in net if isinstance(layer, torch.nn.Linear)] == [4, 5, 1]
    assert net(torch.rand(7, 3)).shape == (7, 1)
