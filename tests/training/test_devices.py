import os
import platform

import pytest
import torch

from hourglass import models
from hourglass.errors import HourglassError
from hourglass.models.shared.batch import Batch
from hourglass.training import devices
from hourglass.training.loop import fit
from hourglass.training.settings import TrainSettings


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
    devices.reproduce(on=False)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


@pytest.mark.usefixtures("process")
def test_configuring_flushes_denormals_and_sets_the_threads():
    tiny = torch.tensor([1e-38])
    assert (tiny / 100).item() != 0
    devices.configure(TrainSettings(threads=2))
    assert (tiny / 100).item() == 0
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("process")
def test_no_gradient_on_a_gpu_is_left_to_the_order_of_its_sums(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    devices.configure(TrainSettings())
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cuda.mem_efficient_sdp_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


@pytest.mark.usefixtures("process")
def test_bits_may_be_given_up_for_speed():
    devices.configure(TrainSettings(deterministic=False))
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
    assert torch.backends.cudnn.benchmark
    assert torch.backends.cuda.mem_efficient_sdp_enabled()


@pytest.mark.usefixtures("process")
def test_reproducible_forms_are_the_same_numbers_on_a_cpu(tmp_path):
    def trained(*, on):
        devices.reproduce(on=on)
        model = models.build("vq_vae", (4,), {"latent": 2, "entries": 8, "width": 8}, seed=0)
        rows = Batch.of(torch.randn(64, 4, generator=torch.Generator().manual_seed(0)))
        fit(model, rows, rows, TrainSettings(epochs=2, batch=16), seed=0, folder=tmp_path)
        return model.state_dict()

    one, other = trained(on=True), trained(on=False)
    assert all(torch.equal(other[name], value) for name, value in one.items())


def test_the_fingerprint_names_what_bits_depend_on():
    found = devices.fingerprint(torch.device("cpu"), threads=3)
    assert found["threads"] == 3
    assert (found["device"], found["torch"]) == ("cpu", torch.__version__)
    assert "devices" not in found
    assert devices.fingerprint(torch.device("cpu"), 3, 2) == found | {"devices": 2}
    assert (found["machine"], found["cpu"]) == (platform.machine(), torch.backends.cpu.get_cpu_capability())
