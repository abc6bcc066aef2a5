import torch

from hourglass.models.shared.batch import Batch


def test_bare_inputs_become_unlabelled_numbered_rows():
    x = torch.rand(3, 2)
    batch = Batch.of(x)
    assert len(batch) == 3
    assert batch.target is x
    assert batch.label.tolist() == [-1, -1, -1]
    assert batch.index.tolist() == [0, 1, 2]


def test_taking_rows_takes_them_from_every_column():
    columns = {name: torch.rand(5, 2) for name in ("x", "condition", "target")}
    batch = Batch(**columns, label=torch.arange(5), index=10 * torch.arange(5)).rows(torch.tensor([4, 1]))
    for name, values in columns.items():
        assert torch.equal(getattr(batch, name), values[[4, 1]])
    assert batch.label.tolist() == [4, 1]
    assert batch.index.tolist() == [40, 10]


def test_a_target_that_is_the_input_stays_the_input():
    taken = Batch.of(torch.rand(5, 2)).rows(torch.tensor([0, 3]))
    assert taken.target is taken.x
