"""What the library never does: run code from data, use a shell, print, take settings from the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from Testing.lint.sources import LIBRARIES, Source, python_sources

TORCH_LOAD_ALLOWED_IN = "CFRTrain/labelers/sam_weights.py"
PRINT_ALLOWED_IN = "CFRTrain/cli/"
BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
BANNED_CALLS = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "os.system": "uses a shell",
    "os.popen": "uses a shell",
    "torch.save": "writes a pickle; use safetensors",
    "yaml.load": "makes objects; use json",
    "yaml.unsafe_load": "makes objects; use json",
}
BANNED_METHODS = {"extractall": "does not check the names in the archive"}
ENVIRONMENT = {"os.environ", "os.getenv", "os.environb"}


def dotted(node: ast.AST) -> str:
    """`a.b.c` for names and attributes, an empty string for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def _keyword(call: ast.Call, name: str) -> object:
    """The constant value of a keyword argument; None where it is absent or no constant."""
    values = [item.value for item in call.keywords if item.arg == name]
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def aliases(tree: ast.Module) -> dict[str, str]:
    """What the names of a file stand for: {"np": "numpy", "load": "torch.load"}."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def call_problems(call: ast.Call, name: str, source: Source) -> Iterator[str]:
    """What is wrong with one call of the full name `name`."""
    if name in BANNED_CALLS:
        yield f"{name} {BANNED_CALLS[name]}"
    if isinstance(call.func, ast.Attribute) and call.func.attr in BANNED_METHODS:
        yield f"{call.func.attr} {BANNED_METHODS[call.func.attr]}"
    if name == "torch.load" and (
        source.name != TORCH_LOAD_ALLOWED_IN or _keyword(call, "weights_only") is not True
    ):
        yield f"torch.load belongs into {TORCH_LOAD_ALLOWED_IN}, with weights_only=True"
    if name == "numpy.load" and _keyword(call, "allow_pickle") is not False:
        yield "np.load needs allow_pickle=False"
    if name == "print" and not source.name.startswith(PRINT_ALLOWED_IN):
        yield "print is for the command line; a library has events and a log"
    if any(item.arg == "shell" and _keyword(call, "shell") is not False for item in call.keywords):
        yield "shell=True runs text as commands"


def ban_problems(source: Source) -> list[str]:
    """Everything banned in one library file, with its line."""
    tree = source.tree
    names = aliases(tree)
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            )
            banned = [name for name in modules if name.split(".")[0] in BANNED_MODULES]
            found += [(node.lineno, f"{name} runs code from data") for name in banned]
        if isinstance(node, ast.Call):
            found += [(node.lineno, text) for text in call_problems(node, _full(node.func, names), source)]
        if isinstance(node, ast.Name | ast.Attribute) and _full(node, names) in ENVIRONMENT:
            found.append((node.lineno, "settings come from the job, not from the environment"))
    return [f"{source.name}:{line}: {text}" for line, text in found]


def _full(node: ast.AST, names: dict[str, str]) -> str:
    first, dot, rest = dotted(node).partition(".")
    return names.get(first, first) + dot + rest


@pytest.mark.parametrize("source", python_sources(*LIBRARIES), ids=lambda source: source.name)
def test_nothing_banned_is_used(source):
    assert ban_problems(source) == []


BAD = [
    "import pickle",
    "from pickle import loads",
    "import shelve",
    "from joblib import load",
    "import torch\ntorch.load('a')",
    "from torch import load\nload('a')",
    "import torch as t\nt.save(1, 'a')",
    "import torch\ntorch.load('a', weights_only=True)",
    "eval('1')",
    "exec('1')",
    "import os\nos.system('ls')",
    "from os import popen\npopen('ls')",
    "import subprocess\nsubprocess.run('ls', shell=True)",
    "import subprocess\nsubprocess.run('ls', shell=flag)",
    "print('a')",
    "import os\nos.environ['A']",
    "from os import environ\nenviron.get('A')",
    "import os\nos.getenv('A')",
    "import numpy as np\nnp.load('a')",
    "import numpy\nnumpy.load('a', allow_pickle=True)",
    "from numpy import load\nload('a')",
    "import yaml\nyaml.load('a')",
    "import zipfile\nzipfile.ZipFile('a').extractall('b')",
    "archive.extractall()",
]


@pytest.mark.parametrize("code", BAD)
def test_the_ban_can_fail(code):
    assert ban_problems(Source("CFRTrain/data/a.py", code))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CFRTrain/data/a.py", "import numpy as np\nnp.load('a', allow_pickle=False)"),
        ("CFRTrain/cli/a.py", "print('a')"),
        (TORCH_LOAD_ALLOWED_IN, "import torch\ntorch.load('a', weights_only=True)"),
        (
            "CFRTrain/data/a.py",
            "import re\nre.compile('a')\nimport subprocess\nsubprocess.run(['a'], shell=False)",
        ),
        ("CFRTrain/data/a.py", "network.eval()\nstore.load('a')"),
    ],
)
def test_the_ban_lets_good_code_pass(name, code):
    assert ban_problems(Source(name, code)) == []


def test_weights_of_strangers_are_not_loaded_as_pickles():
    assert ban_problems(Source(TORCH_LOAD_ALLOWED_IN, "import torch\ntorch.load('a', weights_only=False)"))
