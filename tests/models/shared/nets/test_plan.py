import pytest
import torch

from hourglass.errors import HourglassError
from hourglass.models.shared.nets.convolutional import ConvolutionalDecoder, ConvolutionalEncoder
from hourglass.models.shared.nets.embeddings import Embeddings
from hourglass.models.shared.nets.mlp import MLPDecoder, MLPEncoder
from hourglass.models.shared.nets.plan import Plan, fitting


@pytest.mark.parametrize(
    ("shape", "net"),
    [
        ((30,), "mlp"),
        ((10_000,), "mlp"),
        ((1, 8, 8), "mlp"),
        ((1, 28, 28), "mlp"),
        ((3, 32, 32), "convolutional"),
        ((1, 31, 32), "mlp"),
        ((3, 64, 48), "convolutional"),
        ((4, 200, 9), "convolutional"),
        ((64, 64, 3), "mlp"),
        ((64, 64), "convolutional"),
        ((28, 28), "mlp"),
        ((1, 64), "mlp"),
        ((1, 256), "temporal"),
        ((12, 1000), "temporal"),
        ((64, 160), "mlp"),
        ((2, 3, 4, 5), "mlp"),
    ],
)
def test_auto_follows_the_shape_of_a_row(shape, net):
    assert fitting(shape) == net


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        ("convolutional", (1, 8, 8)),
        ("convolutional", (9, 13)),
        ("residual", (3, 28, 28)),
        ("temporal", (2, 16)),
        ("temporal", (50,)),
    ],
)
def test_each_net_serves_rows_of_its_shape(net, shape):
    plan = Plan(shape, 4, net=net)
    encoder, decoder = plan.encoder(8), plan.decoder(2)
    assert isinstance(encoder, ConvolutionalEncoder)
    assert isinstance(decoder, ConvolutionalDecoder)
    codes = encoder(torch.rand(3, *shape))
    assert codes.shape == (3, 8)
    assert decoder(codes[:, :4]).shape == (3, 2, *shape)


@pytest.mark.parametrize(
    ("net", "shape", "wanted"),
    [
        ("convolutional", (30,), r"\(\[channels,\] height, width\)"),
        ("convolutional", (1, 7, 28), "at least 8"),
        ("residual", (64, 64, 3), "at least 8"),
        ("temporal", (3, 64, 64), r"\(\[channels,\] length\)"),
        ("temporal", (2, 15), "at least 16"),
    ],
)
def test_a_net_that_does_not_fit_is_refused_with_what_it_needs(net, shape, wanted):
    with pytest.raises(HourglassError, match=rf"params.yaml: vae.net '{net}' needs.*{wanted}.*Set auto or mlp"):
        Plan(shape, 4, net=net, section="vae").encoder(4)


@pytest.mark.parametrize("setting", ["hidden", "decoder_hidden"])
def test_more_stages_than_a_row_can_be_halved_are_refused(setting):
    plan = Plan((1, 8, 8), 4, net="convolutional", **{setting: [4] * 4})
    with pytest.raises(HourglassError, match=f"variant.{setting} lists 4 stages.*8 x 8 have room for 3"):
        plan.encoder(4), plan.decoder(1)


@pytest.mark.parametrize("setting", ["hidden", "decoder_hidden"])
def test_widths_mean_an_mlp_where_no_net_is_named(setting):
    plan = Plan((1, 64, 64), 4, **{setting: [16]})
    assert isinstance(plan.encoder(4), MLPEncoder)
    assert isinstance(plan.decoder(1), MLPDecoder)


@pytest.mark.parametrize("net", ["mlp", "convolutional", "temporal"])
def test_without_hidden_layers_every_net_is_linear(net):
    plan = Plan((20, 20), 4, net=net, hidden=[])
    for part in (plan.encoder(4), plan.decoder(1)):
        layers = [layer for layer in part if list(layer.parameters())]
        assert [type(layer) for layer in layers] == [torch.nn.Linear]


def widths(net, kinds):
    return [
        getattr(layer, "out_features", None) or layer.out_channels for layer in net.modules() if type(layer) in kinds
    ]


def test_the_decoder_mirrors_the_encoder_or_is_as_wide_as_set():
    linear = {torch.nn.Linear}
    assert widths(Plan((6,), 2, hidden=[5, 4]).decoder(1), linear) == [4, 5, 6]
    assert widths(Plan((6,), 2, hidden=[5, 4], decoder_hidden=[7, 8, 9]).decoder(1), linear) == [7, 8, 9, 6]
    image = Plan((1, 16, 16), 2, net="convolutional", hidden=[3, 4], decoder_hidden=[8, 7, 6])
    assert widths(image.decoder(1), {torch.nn.ConvTranspose2d}) == [7, 6, 1]
    assert widths(image.encoder(2), {torch.nn.Conv2d}) == [3, 4]


def test_the_encoder_embeds_the_categories_that_it_is_told_to():
    encoder = Plan((60,), 4, embedded=((2, 5),)).encoder(4)
    (front,) = (layer for layer in encoder if isinstance(layer, Embeddings))
    assert front.blocks == [(2, 5)]
