import numpy as np
import pytest
import torch

from hourglass.models.shared.nets.embeddings import Embeddings, embedding_width, embeddings
from hourglass.models.shared.nets.layers import Style
from hourglass.models.shared.nets.mlp import MLPDecoder, MLPEncoder


@pytest.mark.parametrize(("values", "width"), [(2, 2), (100, 21), (1000, 77), (1_000_000, 600)])
def test_widths_are_those_of_fastais_rule(values, width):
    assert embedding_width(values) == width


def test_a_category_is_looked_up_and_other_numbers_stay_where_they_are():
    front = Embeddings(28, [(2, 22), (23, 27)])
    x = torch.rand(3, 28)
    x[:, 2:22] = torch.eye(20)[[4, 0, 19]]
    x[:, 23:27] = torch.eye(4)[[1, 1, 3]]
    first, second = (table.weight.T for table in front.tables)
    expected = torch.cat([x[:, :2], first[[4, 0, 19]], x[:, 22:23], second[[1, 1, 3]], x[:, 27:]], 1)
    assert front.width == expected.shape[1]
    torch.testing.assert_close(front(x), expected)


def test_rows_without_blocks_to_embed_are_left_as_they_are():
    assert embeddings(20, []) == (20, [])


def test_an_encoder_with_embedded_categories_and_conditions_learns_through_their_embedding():
    encoder = MLPEncoder((103,), 4, [32], Style(), known=2, embedded=((1, 101),))
    assert isinstance(encoder[1], Embeddings)
    assert encoder[2].in_features == 103 + 2 - 100 + embedding_width(100)
    x = torch.rand(5, 103)
    encoder(x, torch.rand(5, 2)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())


def test_the_decoder_still_gives_every_number():
    assert MLPDecoder((103,), 1, 4, [32], Style())(torch.rand(5, 4)).shape == (5, 1, 103)


def test_a_linear_encoder_has_no_embeddings_that_would_narrow_it():
    encoder = MLPEncoder((100,), 50, [], Style(), embedded=((0, 100),))
    assert np.linalg.matrix_rank(encoder[-1].weight.detach().numpy()) == 50
    assert len(encoder) == 2
