import platform

import pytest
import torch

from hourglass.errors import HourglassError
from hourglass.training import devices


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused_in_a_sentence():
    with pytest.raises(HourglassError, match=r"train\.device is 'cuda', but torch sees no GPU"):
        devices.resolve("cuda")


def test_auto_takes_a_gpu_where_there_is_one():
    assert devices.resolve("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_the_cpu_can_be_asked_for():
    assert devices.resolve("cpu") == torch.device("cpu")


@pytest.fixture
def process():
    """Give this process its threads, denormals and faster sums back."""
    threads = torch.get_num_threads()
    yield
    torch.backends.cudnn.deterministic = False
    torch.backends.cuda.enable_mem_efficient_sdp(True)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("process")
def test_configuring_flushes_denormals_and_sets_the_threads():
    tiny = torch.tensor([1e-38])
    assert (tiny / 100).item() != 0
    devices.configure(2)
    assert (tiny / 100).item() == 0
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("process")
def test_configuring_leaves_no_gradient_on_a_gpu_to_the_order_of_its_sums():
    devices.configure(1)
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cuda.mem_efficient_sdp_enabled()


def test_the_fingerprint_names_what_bits_depend_on():
    found = devices.fingerprint(torch.device("cpu"), threads=3)
    assert found["threads"] == 3
    assert (found["device"], found["torch"]) == ("cpu", torch.__version__)
    assert (found["machine"], found["cpu"]) == (platform.machine(), torch.backends.cpu.get_cpu_capability())
