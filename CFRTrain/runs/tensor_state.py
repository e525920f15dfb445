"""Modules and optimizers as flat tables of tensors plus JSON, for checkpoints and model files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def module_tensors(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """State of a module as `prefix.key`; every tensor is a copy of its own, in main memory.

    On a GPU that a training fills there may be no room for a second copy.
    """
    return {f"{prefix}.{key}": _copied(tensor) for key, tensor in module.state_dict().items()}


def flatten_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors `parameter.key` of an optimizer's state, copied to main memory, and the rest of it as JSON."""
    found = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    scalars: dict[str, dict[str, Any]] = {}
    for parameter, values in found["state"].items():
        scalars[str(parameter)] = {
            key: value for key, value in values.items() if not isinstance(value, Tensor)
        }
        for key, value in values.items():
            if isinstance(value, Tensor):
                tensors[f"{parameter}.{key}"] = _copied(value)
    return tensors, {"scalars": scalars, "groups": found["param_groups"]}


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def restore_optimizer(
    optimizer: Optimizer, tensors: Mapping[str, Tensor], state: Mapping[str, Any], prefix: str = ""
) -> None:
    """Puts back what `flatten_optimizer` took, from the tensors whose names begin with `prefix`.

    Raises KeyError or ValueError where the state belongs to another optimizer.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    restored: dict[int, dict[str, Any]] = {int(key): dict(values) for key, values in state["scalars"].items()}
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            index, _, key = name[len(prefix) :].partition(".")
            restored[int(index)][key] = _laid_out_like(parameters, int(index), tensor)
    groups = [
        {key: tuple(value) if key == "betas" else value for key, value in group.items()}
        for group in state["groups"]
    ]
    optimizer.load_state_dict({"state": restored, "param_groups": groups})


def _laid_out_like(parameters: list[Tensor], index: int, tensor: Tensor) -> Tensor:
    """A copy with its parameter's memory layout (channels last, say): a resume runs the same kernels."""
    if tensor.dim() == 0:
        return tensor.clone()
    if index >= len(parameters) or parameters[index].shape != tensor.shape:
        raise ValueError(f"the optimizer's state {index} has the shape {tuple(tensor.shape)}")
    return torch.empty_like(parameters[index], dtype=tensor.dtype, device="cpu").copy_(tensor)


def weights_hash(source: nn.Module | Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of all tensors, sorted by name."""
    tensors = source.state_dict() if isinstance(source, nn.Module) else source
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{tensor.dtype}|{tuple(tensor.shape)}|".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
