import pytest
import torch

from hourglass.models.shared.batch import Batch
from hourglass.models.shared.terms import Context
from hourglass.models.shared.variant import Variant


def test_a_variant_must_say_what_its_loss_is():
    with pytest.raises(NotImplementedError):
        Variant((3,)).losses(Batch.of(torch.rand(2, 3)), Context(torch.Generator()))
