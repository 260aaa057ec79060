"""How much memory there is for keys and values."""

import psutil
import torch

SHARES = {"cuda": 0.7}
"""Of what is free where the weights are; the rest is for what a pass computes."""
OTHER_SHARE = 0.35
"""Elsewhere, where others use the memory as well."""


def free_bytes(device: torch.device) -> int:
    """Return what keys and values may take on a device, beside what is there already."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    else:
        free = psutil.virtual_memory().available
    return int(free * SHARES.get(device.type, OTHER_SHARE))
