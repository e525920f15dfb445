"""Takes the paths of a person's machine out of texts: folder and file names may hold patients' names.

Standard library only. Text in quotes is taken as a whole; elsewhere a path may hold single blanks where a
later part of it, or a file name's suffix, shows that it goes on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

HIDDEN = "<path>"

_PART = r"""[^\s'"<>|:;,*?\\/]+"""
_SUFFIX = r"\.(?:nii(?:\.gz)?|nrrd|mha|mhd|dcm|ima|json|pth|safetensors|cfrmodel)\b"
_START = r"(?:file:/{2,3}|(?<![\w.:/\\>])[A-Za-z]:[\\/]+|(?<![\w\\])\\\\(?=\w)|(?<![\w./\\>])/(?=[\w.~]))"
_FOLDERS = rf"(?:{_PART}(?:(?:[ ]{_PART}){{0,8}}(?=[\\/]))?[\\/]+)*"
_FILE = rf"(?:{_PART}(?:[ ]{_PART}){{0,8}}?{_SUFFIX}|{_PART})?"
_QUOTED = re.compile(rf"""(?P<quote>['"]){_START}[^'"\n]*(?P=quote)""")
_BARE = re.compile(_START + _FOLDERS + _FILE)


def hide_paths(text: str, root: Path) -> str:
    """`text` with paths inside `root` made relative to it and every other absolute path as `<path>`."""
    base = os.path.abspath(root)
    for form in {base, os.path.realpath(base), base.replace("\\", "\\\\")}:
        text = re.sub(re.escape(form) + r"(?:[\\/]+|(?![\w-]|\.\w))", "./", text)
    text = _QUOTED.sub(lambda match: match["quote"] + HIDDEN + match["quote"], text)
    return _BARE.sub(lambda match: HIDDEN + "." * match[0].endswith("."), text)
