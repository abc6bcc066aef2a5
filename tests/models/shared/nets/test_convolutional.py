import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hourglass.models.shared.nets.conditions import Planes
from hourglass.models.shared.nets.convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    Frame,
    derived_channels,
)
from hourglass.models.shared.nets.layers import Style


def nets(frame, hidden=None, *, latent=3, style=Style(), known=0, known_shape=(), seed=0):  # noqa: B008
    torch.manual_seed(seed)
    hidden = hidden or derived_channels(frame)
    planes = Planes(known, known_shape, frame.space)
    return (
        ConvolutionalEncoder(frame, latent, hidden, style, planes),
        ConvolutionalDecoder(frame, 2, latent, hidden, style, planes),
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 4), st.integers(8, 40), st.integers(8, 40), st.booleans(), st.integers(1, 3))
def test_images_of_any_size_keep_it(channels, height, width, residual, stages):
    shape = (channels, height, width)
    encoder, decoder = nets(Frame(shape, 2, residual), [2] * stages)
    codes = encoder(torch.rand(2, *shape))
    assert codes.shape == (2, 3)
    assert decoder(codes).shape == (2, 2, *shape)


@pytest.mark.parametrize("shape", [(28, 28), (1, 9, 13), (3, 64, 48)])
def test_derived_stages_fit_images(shape):
    encoder, decoder = nets(Frame(shape, 2))
    assert decoder(encoder(torch.rand(2, *shape))).shape == (2, 2, *shape)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(16, 300))
def test_signals_of_any_length_keep_it(channels, length):
    encoder, decoder = nets(Frame((channels, length), 1))
    assert decoder(encoder(torch.rand(2, channels, length))).shape == (2, 2, channels, length)


def test_channels_double_until_the_space_is_coarse():
    assert derived_channels(Frame((1, 8, 8), 2)) == [32]
    assert derived_channels(Frame((1, 28, 28), 2)) == [32, 64]
    assert derived_channels(Frame((3, 256, 100), 2)) == [32, 64, 128, 256, 256]
    assert derived_channels(Frame((1, 16), 1)) == [32]
    assert derived_channels(Frame((2, 1000), 1)) == [32, 64, 128]


@pytest.mark.parametrize("residual", [False, True])
def test_hidden_sets_the_channels_of_each_stage(residual):
    encoder, decoder = nets(Frame((1, 16, 16), 2, residual), [5, 7])
    strided = [layer for layer in encoder if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.out_channels for layer in strided] == [5, 7]
    assert [stage[-2].in_channels for stage in decoder.stages] == [7, 5]


def test_every_number_of_a_row_counts_and_every_one_can_be_set():
    """Also at the edges of odd sides, which strides and cuts could leave out."""
    for frame in (Frame((2, 9, 13), 2), Frame((2, 17), 1)):
        encoder, decoder = nets(frame, [4, 4], latent=64)
        x = torch.rand(1, *frame.shape, requires_grad=True)
        encoder(x).square().sum().backward()
        assert (x.grad != 0).all()
        first, second = decoder(torch.rand(2, 64))
        assert (first != second).all()


def test_a_shifted_image_has_shifted_features():
    encoder, _ = nets(Frame((1, 16, 16), 2), [4])
    x = torch.zeros(1, 1, 16, 16)
    x[0, 0, 6, 6] = 1
    moved = x.roll((4, 2), (2, 3))
    torch.testing.assert_close(encoder[0](moved), encoder[0](x).roll((2, 1), (2, 3)))


def test_a_residual_block_adds_to_what_it_is_given():
    encoder, _ = nets(Frame((1, 16, 16), 2, residual=True), [4])
    block = encoder[1]
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.rand(2, 4, 8, 8)
    assert torch.equal(block(x), x)


def test_a_known_class_is_told_everywhere_in_the_image():
    encoder, decoder = nets(Frame((1, 9, 9), 2), [4], known=3)
    x, known = torch.rand(2, 1, 9, 9), torch.eye(3)[:2]
    assert torch.equal(encoder(x), encoder(x, torch.zeros(2, 3)))
    assert not torch.equal(encoder(x), encoder(x, known))
    z = torch.rand(2, 3)
    assert ((decoder(z, known) - decoder(z)) != 0).all()


@pytest.mark.parametrize("known_shape", [(2, 9, 9), (9, 9), (1, 20, 7)])
def test_what_changes_in_a_known_image_changes_the_decoded_image_there(known_shape):
    encoder, decoder = nets(
        Frame((1, 9, 9), 2), [4], known=torch.Size(known_shape).numel() + 1, known_shape=known_shape
    )
    known = torch.ones(2, torch.Size(known_shape).numel() + 1)
    known[1, 0] = 5.0
    z = torch.rand(1, 3).expand(2, 3)
    first, second = decoder(z, known)
    changed = (first != second).any(0).any(0)
    assert changed[0, 0]
    assert not changed[-1, -1], "one stage sees a few pixels around"
    codes = encoder(torch.ones(2, 1, 9, 9), known)
    assert not torch.equal(codes[0], codes[1])


def test_a_known_image_that_is_hidden_differs_from_a_black_one():
    _, decoder = nets(Frame((1, 9, 9), 2), [4], known=82, known_shape=(1, 9, 9))
    black = torch.cat([torch.zeros(1, 81), torch.ones(1, 1)], 1)
    z = torch.rand(1, 3)
    assert torch.equal(decoder(z), decoder(z, torch.zeros(1, 82)))
    assert not torch.equal(decoder(z), decoder(z, black))


def test_batch_normalisation_takes_the_biases_before_it_away():
    for net in nets(Frame((1, 16, 16), 2, residual=True), [4, 8], style=Style("relu", "batch")):
        x = torch.randn(16, 1, 16, 16) if net.__class__ is ConvolutionalEncoder else torch.randn(16, 3)
        net(x).square().sum().backward()
        assert all(parameter.grad.abs().max() > 1e-4 for parameter in net.parameters())
