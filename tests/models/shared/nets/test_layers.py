import pytest
import torch

from hourglass.models.shared.nets.layers import BatchNorm, Style, running_statistics


def normalise(kind, x):
    layer, _ = Style("relu", kind).after(x.shape[1])
    return layer(x)


@pytest.mark.parametrize("shape", [(64, 32), (64, 32, 5), (64, 32, 5, 3)])
@pytest.mark.parametrize(
    ("kind", "over"),
    [
        ("batch", lambda x: x.transpose(0, 1).flatten(1)),
        ("layer", lambda x: x.flatten(1)),
        ("group", lambda x: x.unflatten(1, (2, 16)).flatten(2)),
    ],
)
def test_numbers_are_normalised_over_what_the_name_says(kind, over, shape):
    x = 3 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    parts = over(normalise(kind, x))
    torch.testing.assert_close(parts.mean(-1), torch.zeros(parts.shape[:-1]), atol=1e-5, rtol=0)
    torch.testing.assert_close(parts.var(-1, correction=0), torch.ones(parts.shape[:-1]), atol=1e-4, rtol=0)


def test_without_normalisation_a_hidden_layer_has_its_non_linearity_alone():
    assert [type(layer) for layer in Style("gelu").after(8)] == [torch.nn.GELU]


@pytest.mark.parametrize("channels", [1, 7, 16, 20, 48, 100])
def test_groups_divide_any_number_of_channels(channels):
    layer, _ = Style("relu", "group").after(channels)
    assert channels % layer.num_groups == 0
    assert channels // layer.num_groups >= min(channels, 16)


def test_batch_normalisation_is_torchs():
    ours, torchs = BatchNorm(4), torch.nn.BatchNorm1d(4)
    x = torch.randn(32, 4, generator=torch.Generator().manual_seed(0))
    for _ in range(3):
        assert torch.equal(ours(x), torchs(x))
    assert torch.equal(ours.eval()(x), torchs.eval()(x))


def test_a_batch_of_a_few_rows_is_normalised_by_those_before():
    layer, x = BatchNorm(2), torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    layer(x)
    seen = layer.mean.clone()
    assert torch.equal(layer(x[:1])[0], layer(x[:2])[0])
    assert torch.equal(layer.mean, seen)


def test_running_statistics_serve_in_training_where_rows_must_not_meet():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), BatchNorm(3))
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    with running_statistics(net):
        torch.testing.assert_close(net(x)[:20], net(x[:20]))
        assert torch.equal(net[1].mean, torch.zeros(3))
    assert net[1].training
    assert not torch.allclose(net(x)[:20], net(x[:20]))
    with running_statistics(net.eval()):
        pass
    assert not net[1].training, "what was in evaluation stays there"
