"""SAM's model classes from the installed segment-anything, without the torchvision that its start needs."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from CFRTrain.runs.errors import DependencyError

# A name of our own: the real `segment_anything` stays importable, and nothing stands in for torchvision.
PRIVATE_NAME = "CFRTrain.labelers._segment_anything_modeling"


def sam_modeling() -> ModuleType:
    """The package `segment_anything.modeling` with ImageEncoderViT, PromptEncoder, MaskDecoder and so on.

    `import segment_anything` imports torchvision for its image transforms, which a CPU-only installation
    often lacks or has in a build that does not match torch. The model code itself needs torch alone, so only
    its folder is loaded. DependencyError when segment-anything is not installed or has another structure.
    """
    loaded = sys.modules.get(PRIVATE_NAME)
    if loaded is not None:
        return loaded
    folder = _modeling_folder()
    spec = spec_from_file_location(
        PRIVATE_NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        for name in [name for name in sys.modules if name.split(".")[:3] == PRIVATE_NAME.split(".")]:
            del sys.modules[name]
        raise _unusable(f"its model code does not load: {error}") from error
    return module


def _modeling_folder() -> Path:
    spec = find_spec("segment_anything")
    if spec is None or not spec.submodule_search_locations:
        raise _unusable("it is not installed")
    folder = Path(next(iter(spec.submodule_search_locations))) / "modeling"
    if not (folder / "__init__.py").is_file():
        raise _unusable("it has no folder `modeling`")
    return folder


def _unusable(reason: str) -> DependencyError:
    return DependencyError(
        "segment_anything_missing",
        f"The Python package segment-anything cannot be used: {reason}.",
        "Install segment-anything 1.0 into this Python, or choose the atlas labeler, which needs no SAM.",
    )
