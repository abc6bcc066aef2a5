"""Where training runs, and what its last bits depend on."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed

from hourglass.errors import HourglassError
from hourglass.training.settings import TrainSettings

#: How long a process waits for the others, which may read their rows, measure or write meanwhile.
_PATIENCE = timedelta(hours=1)


def resolve(device: str, count: int = 1) -> torch.device:
    """Turn the settings into a device; ``auto`` takes a GPU if there is one.

    Raises
    ------
    HourglassError
        ``cuda`` was asked for and there is none, or there are fewer than `count`.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise HourglassError("params.yaml: train.device is 'cuda', but torch sees no GPU; use 'auto' or 'cpu'.")
    if device == "cuda" and torch.cuda.device_count() < count:
        raise HourglassError(
            f"params.yaml: train.devices is {count}, and torch sees {torch.cuda.device_count()} GPU(s); set "
            f"train.devices: {torch.cuda.device_count()}, or train.device: cpu."
        )
    return torch.device(device)


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that torchrun started with this one, and give the device that is its own."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group(
        "nccl" if on_gpu else "gloo", timeout=_PATIENCE, device_id=device if on_gpu else None
    )
    yield device
    distributed.destroy_process_group()  # not after an error: it would wait for those that wait for this one


def memory(device: torch.device, allowed: int) -> int:
    """Tell how many bytes training may take of a device: of a GPU all, elsewhere what is allowed.

    Not what is free at the moment: whether rows are streamed decides their order, which no other process shall change.
    """
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else allowed


def configure(settings: TrainSettings) -> None:
    """Set up this process for training: its threads, denormal numbers, and whether a GPU gives the same bits again.

    Must come before the first parallel operation, and before anything is computed on a GPU.
    """
    compute_with(settings.threads)
    reproduce(on=settings.deterministic)


def compute_with(threads: int) -> None:
    """Set the number of threads, and have them flush denormal numbers to zero.

    Adam's first moments decay into denormals after some 800 steps and would make every later step about 1.4 times
    slower.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)


def reproduce(*, on: bool) -> None:
    """Have every operation take its reproducible form, where it has two; one that has none warns.

    On a CPU all are reproducible. On a GPU cuDNN's convolutions, cuBLAS, the memory-efficient attention and additions
    by index may add up in any order unless they are told otherwise; off, cuDNN tries which convolution is fastest.
    """
    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(on, warn_only=True)
    # filling takes time, and nothing reads what is filled
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = not on
    torch.backends.cuda.enable_mem_efficient_sdp(not on)


def fingerprint(device: torch.device, threads: int, count: int = 1) -> dict[str, str | int]:
    """Describe what the bits of a result depend on besides its inputs."""
    found: dict[str, str | int] = {
        "machine": platform.machine(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": threads,
    }
    return found | {"devices": count} if count > 1 else found
