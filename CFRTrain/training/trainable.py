"""What of a module a checkpoint must hold: not the frozen weights, which come from a file or a seed."""

from __future__ import annotations

from torch import nn


class Trainable(nn.Module):
    """The trainable parameters and the buffers of a module under the same tensors; loading writes into it.

    Build it after the module was moved to its device: moving replaces buffers.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        for name, value in module.state_dict(keep_vars=True).items():
            plain = name.replace(".", "/")  # names of parameters hold no dots
            if not isinstance(value, nn.Parameter):
                self.register_buffer(plain, value)
            elif value.requires_grad:
                self.register_parameter(plain, value)
