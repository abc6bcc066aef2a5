"""Where training runs, and what its last bits depend on."""

import platform

import torch

from hourglass.errors import HourglassError


def resolve(device: str) -> torch.device:
    """Turn the setting into a device; ``auto`` takes a GPU if there is one.

    Raises
    ------
    HourglassError
        ``cuda`` was asked for and there is none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise HourglassError("params.yaml: train.device is 'cuda', but torch sees no GPU; use 'auto' or 'cpu'.")
    return torch.device(device)


def memory(device: torch.device, allowed: int) -> int:
    """Tell how many bytes training may take of a device: of a GPU all, elsewhere what is allowed.

    Not what is free at the moment: whether rows are streamed decides their order, which no other process shall change.
    """
    return torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else allowed


def configure(threads: int) -> None:
    """Set up this process for training: its threads, denormal numbers flushed to zero, and the same bits on a GPU.

    Must come before the first parallel operation. Adam's first moments decay into denormals after some 800 steps and
    would make every later step about 1.4 times slower. On a GPU cuDNN's convolutions and the memory-efficient attention
    may add gradients up in any order unless they are told otherwise.
    """
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.enable_mem_efficient_sdp(False)


def fingerprint(device: torch.device, threads: int) -> dict[str, str | int]:
    """Describe what the bits of a result depend on besides its inputs."""
    return {
        "machine": platform.machine(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": threads,
    }
