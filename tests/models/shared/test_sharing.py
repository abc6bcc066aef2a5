import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hourglass.models.shared import sharing
from hourglass.models.shared.batch import Batch


@pytest.fixture(scope="module")
def as_process():
    """Play one of some processes, as far as none waits for another."""

    def play(number, count):
        patch = pytest.MonkeyPatch()
        patch.setattr(sharing, "processes", lambda: count)
        patch.setattr(sharing, "number", lambda: number)
        return patch

    return play


def of_each(as_process, count, rows, look):
    """Give what each process sees in a batch of rows."""
    seen = []
    for number in range(count):
        patch = as_process(number, count)
        with sharing.shared(Batch.of(torch.arange(rows)[:, None])) as batch:
            seen.append(look(batch))
        patch.undo()
    return seen


@given(st.integers(1, 9), st.integers(0, 40))
def test_every_row_is_counted_by_exactly_one_process(as_process, count, rows):
    def counted(batch):
        return [] if sharing.is_repeated() else batch.x.flatten().tolist()

    seen = of_each(as_process, count, rows, counted)
    assert [row for part in seen for row in part] == list(range(rows))


@given(st.integers(1, 9), st.integers(0, 40))
def test_no_process_is_left_without_a_row_and_shares_are_even(as_process, count, rows):
    counts = of_each(as_process, count, rows, len)
    assert set(counts) == {rows} if rows < count else max(counts) - min(counts) <= 1


@given(st.integers(1, 4), st.integers(4, 20), st.integers(1, 3))
def test_processes_draw_the_noise_that_one_would_draw_each_for_its_rows(as_process, count, rows, each):
    def noise(batch):
        generator = torch.Generator().manual_seed(0)
        return sharing.drawn(torch.randn, (each * len(batch), 3), generator=generator), generator.get_state()

    drawn = of_each(as_process, count, rows, noise)
    ((whole, state),) = of_each(as_process, 1, rows, noise)
    assert torch.equal(torch.cat([part for part, _ in drawn]), whole)
    assert all(torch.equal(after, state) for _, after in drawn)


def test_one_process_sees_all_as_it_is():
    values = torch.arange(6.0)
    with sharing.shared(Batch.of(values[:, None])) as batch:
        assert len(batch) == sharing.rows_of_all(6) == 6
        assert sharing.whole(values) is sharing.own(values) is sharing.averaged(values) is values
