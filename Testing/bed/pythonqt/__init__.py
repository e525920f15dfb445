"""PythonQt's conventions over PySide6: what Slicer's `qt` module accepts is accepted here, the rest raises.

Module code sees proxies only (`proxy`); the bed's own widgets are plain PySide6 objects, made known with
`register`. `wrap` and `unwrap` lead from one to the other.
"""

from Testing.bed.pythonqt.classes import proxy_class, register, stand_ins
from Testing.bed.pythonqt.module import install
from Testing.bed.pythonqt.proxy import Proxy
from Testing.bed.pythonqt.values import unwrap, wrap

__all__ = ["Proxy", "install", "proxy_class", "register", "stand_ins", "unwrap", "wrap"]
