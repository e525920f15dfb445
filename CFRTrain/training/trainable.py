"""What of a module a checkpoint must hold: not the frozen weights, which come from a file or a seed."""

from __future__ import annotations

from torch import nn


class Trainable(nn.Module):
    """A module's own trainable parameters and, with `buffers`, its buffers; loading writes into the module.

    Keys are the module's, with / for each dot, which names of parameters cannot hold. Build it after the
    module was moved to its device: moving replaces buffers.
    """

    def __init__(self, module: nn.Module, buffers: bool = True) -> None:
        super().__init__()
        named = {name.replace(".", "/"): value for name, value in module.state_dict(keep_vars=True).items()}
        for name, value in sorted(named.items()):  # optimizers of runs under way count in this order
            if not isinstance(value, nn.Parameter):
                if buffers:
                    self.register_buffer(name, value)
            elif value.requires_grad:
                self.register_parameter(name, value)
