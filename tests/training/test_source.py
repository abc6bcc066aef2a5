import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.models.shared.batch import Batch
from hourglass.training.source import Resident

counts = st.integers(1, 50)


def kept(batches):
    """Copy batches, which the next ones overwrite."""
    return [batch.rows(torch.arange(len(batch))) for batch in batches]


def numbered(rows):
    return Resident(Batch.of(torch.arange(rows).float().unsqueeze(1)))


@given(counts, counts)
def test_batches_in_order_hold_all_rows_once_as_they_stand(rows, size):
    batches = kept(numbered(rows).in_order(size))
    assert torch.cat([batch.index for batch in batches]).tolist() == list(range(rows))
    assert all(len(batch) == size for batch in batches[:-1])


@given(counts, counts, st.integers(0, 2**32))
def test_shuffled_batches_hold_all_rows_once(rows, size, seed):
    batches = kept(numbered(rows).shuffled(size, torch.Generator().manual_seed(seed)))
    assert sorted(torch.cat([batch.index for batch in batches]).tolist()) == list(range(rows))
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(torch.equal(batch.x[:, 0], batch.index.float()) for batch in batches)


def test_every_pass_has_another_order_and_every_seed_its_own():
    def orders(seed):
        generator = torch.Generator().manual_seed(seed)
        return [next(numbered(100).shuffled(100, generator)).index.tolist() for _ in range(2)]

    assert orders(1) == orders(1)
    assert orders(1)[0] != orders(1)[1]
    assert orders(1) != orders(2)
