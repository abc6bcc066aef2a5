import pytest
import torch

from hourglass.models.shared.running import Running


def test_in_training_the_batchs_number_passes_with_its_gradient():
    value = torch.tensor(3.0, requires_grad=True)
    (2 * Running()(value, 64)).backward()
    assert value.grad == 2


def test_in_evaluation_it_is_the_mean_of_the_batches_before():
    running = Running(start=0.0)
    for _ in range(500):
        running(torch.tensor(4.0), 64)
    running.eval()
    torch.testing.assert_close(running(torch.tensor(100.0), 64), torch.tensor(4.0))


def test_it_is_saved_with_the_model():
    running = Running()
    running(torch.tensor(9.0), 64)
    assert list(running.state_dict()) == ["mean", "batches"]
    assert running.state_dict()["mean"] == 9


def test_the_first_batches_count_alike_so_the_start_is_forgotten():
    running = Running(start=1000.0)
    for value in (2.0, 4.0, 6.0):
        running(torch.tensor(value), 64)
    assert running.eval()(torch.tensor(0.0), 64).item() == pytest.approx(4.0)


def test_a_rest_of_few_rows_neither_counts_nor_passes():
    running = Running()
    running(torch.tensor(4.0), 64)
    assert running(torch.tensor(1e-12), 1) == 4
    assert running.mean == 4


def test_of_several_numbers_each_has_its_mean():
    running = Running((2,))
    for factor in (1.0, 3.0):
        running(factor * torch.tensor([1.0, 10.0]), 64)
    assert running.eval()(torch.zeros(2), 64).tolist() == [2.0, 20.0]
