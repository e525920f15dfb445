"""Why pip failed, in words, from what it printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from CFRSegmentLib.i18n import _

SHOWN_LINES = 20


@dataclass(frozen=True)
class Cause:
    """What went wrong and what to do."""

    text: str
    remedy: str


def explain(lines: Sequence[str], isOffline: bool) -> Cause:
    """The most likely cause of a failed installation; the last error line where none is known."""
    text = "\n".join(lines)
    for pattern, cause in _CAUSES:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            known = cause(isOffline)
            return Cause(known.text.format(name=found.groupdict().get("name") or ""), known.remedy)
    errors = [line for line in lines if line.lower().startswith("error")] or [line for line in lines if line]
    last = errors[-1] if errors else _("pip said nothing")
    return Cause(
        _("pip failed: {line}").format(line=last),
        _("Look at the details, then try again."),
    )


def _conflict(_isOffline: bool) -> Cause:
    return Cause(
        _("A needed package asks for another version of a package that Slicer brings."),
        _("Nothing was replaced. Use a newer version of Slicer; the details say which packages."),
    )


def _noSpace(_isOffline: bool) -> Cause:
    return Cause(_("The disk is full."), _("Make room, then try again; torch alone needs several gigabytes."))


def _notAllowed(_isOffline: bool) -> Cause:
    return Cause(
        _("Slicer's folder cannot be written to, or a file in it is in use."),
        _("Close other Slicer windows, or install Slicer into a folder of your own."),
    )


def _longPath(_isOffline: bool) -> Cause:
    return Cause(
        _("A file name is too long for Windows."),
        _("Install Slicer into a folder with a short path, or switch on long paths in Windows."),
    )


def _network(isOffline: bool) -> Cause:
    if isOffline:
        return _noWheel(True)
    return Cause(
        _("The package server could not be reached."),
        _("Check network, proxy and firewall, or install from a folder with the packages."),
    )


def _certificate(_isOffline: bool) -> Cause:
    return Cause(
        _("The package server's certificate was not accepted, as behind some hospital firewalls."),
        _("Ask your IT department for its certificate, or install from a folder with the packages."),
    )


def _noWheel(isOffline: bool) -> Cause:
    if isOffline:
        return Cause(
            _("The folder does not hold the package {name} in a version that fits."),
            _("Add it, for the Python version of Slicer and this operating system, then try again."),
        )
    return Cause(
        _("There is no version of {name} for Slicer's Python on this operating system."),
        _("Use a newer version of Slicer, or leave this part out."),
    )


def _hash(_isOffline: bool) -> Cause:
    return Cause(
        _("A downloaded package is damaged."), _("Try again; if it happens again, ask your IT department.")
    )


# The first that fits wins; pip reports a failed connection as a missing version, too, so that comes
# first.
_CAUSES = (
    (r"no space left|errno 28|not enough space", _noSpace),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError", _certificate),
    (
        r"getaddrinfo|name resolution|NewConnectionError|ProxyError|ConnectTimeout|Max retries"
        r"|Connection (refused|reset|aborted)|Network is unreachable|timed out",
        _network,
    ),
    (r"WinError 206|file name .*too long|path too long|long path", _longPath),
    (r"ResolutionImpossible|conflicting dependencies|user requested \(constraint\)", _conflict),
    (r"permission denied|access is denied|errno 13|WinError (5|32)\b|read-only file system", _notAllowed),
    (r"DO NOT MATCH THE HASHES", _hash),
    (
        r"(No matching distribution found for|satisfies the requirement) (?P<name>[A-Za-z0-9._-]+)",
        _noWheel,
    ),
)
