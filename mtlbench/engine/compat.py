"""Make third parties importable where their builds do not fit together."""

from __future__ import annotations

import sys
from types import ModuleType


def import_torchvision() -> ModuleType:
    """Import torchvision also beside a torch build for which its compiled operators cannot load.

    PyPI's Linux torchvision is linked to CUDA; next to a CPU-only torch its extension stays out, and
    torchvision then fails while it registers shapes for operators that do not exist. timm and mmengine's
    Runner need the import, not those operators, so their registrations are skipped. Without effect where the
    extension loads.
    """
    if "torchvision" in sys.modules:
        return sys.modules["torchvision"]
    import torch
    import torch.library

    register = torch.library.register_fake

    def tolerant(op, *args, **kwargs):
        ours = isinstance(op, str) and op.startswith("torchvision::")
        if ours and not hasattr(torch.ops.torchvision, op.split("::")[1]):
            return lambda function: function
        return register(op, *args, **kwargs)

    torch.library.register_fake = tolerant
    try:
        import torchvision
    finally:
        torch.library.register_fake = register
    return torchvision
