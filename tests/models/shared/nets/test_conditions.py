import pytest
import torch

from hourglass.models.shared.nets.conditions import Planes, as_image, beside


def test_nothing_known_leaves_numbers_as_they_are():
    numbers = torch.rand(3, 4)
    assert beside(numbers, None, 0) is numbers
    assert torch.equal(beside(numbers, None, 2), torch.cat([numbers, torch.zeros(3, 2)], 1))


@pytest.mark.parametrize(
    ("known_shape", "space", "image"),
    [
        ((3, 8, 9), (16, 16), (3, 8, 9)),
        ((8, 9), (16, 16), (1, 8, 9)),
        ((5,), (16, 16), ()),
        ((2, 30), (20,), (2, 30)),
        ((30,), (20,), (1, 30)),
        ((3, 8, 9), (20,), ()),
        ((), (20,), ()),
    ],
)
def test_arrays_are_images_where_they_have_as_many_dimensions(known_shape, space, image):
    assert as_image(known_shape, space) == image


def test_numbers_become_constant_planes():
    planes = Planes(2, (), (3, 4))
    found = planes(torch.tensor([[1.0, 2.0]]), torch.zeros(1))
    assert planes.channels == 2
    assert torch.equal(found, torch.tensor([1.0, 2.0]).view(1, 2, 1, 1).expand(1, 2, 3, 4))
    assert not planes(None, torch.zeros(5, 1)).any()


def test_an_image_keeps_its_pixels_and_its_flag_becomes_a_plane():
    image = torch.rand(2, 3, 4, 5)
    planes = Planes(61, (3, 4, 5), (4, 5))
    found = planes(torch.cat([image.flatten(1), torch.ones(2, 1)], 1), image)
    assert planes.channels == 4
    assert torch.equal(found, torch.cat([image, torch.ones(2, 1, 4, 5)], 1))


@pytest.mark.parametrize(("known_shape", "space"), [((1, 8, 6), (4, 3)), ((1, 8), (4,))])
def test_an_image_of_another_size_is_brought_to_that_of_the_row(known_shape, space):
    ramp = torch.arange(8.0).view(1, 8, *(1 for _ in space[1:])).expand(known_shape)
    found = Planes(ramp.numel() + 1, known_shape, space)(
        torch.cat([ramp.reshape(1, -1), torch.ones(1, 1)], 1), torch.zeros(1)
    )
    expected = torch.tensor([0.5, 2.5, 4.5, 6.5])
    torch.testing.assert_close(found[0, 0].flatten(1)[:, 0] if len(space) > 1 else found[0, 0], expected)
