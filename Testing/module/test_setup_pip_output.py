"""What pip prints, said in words: lines as pip prints them."""

from __future__ import annotations

import pytest

from CFRSegmentLib.setup.pip_output import explain

SEEN = {
    "server could not be reached": (
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...): Failed to"
        " establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/monai/",
        "ERROR: Could not find a version that satisfies the requirement monai (from versions: none)",
        "ERROR: No matching distribution found for monai",
    ),
    "certificate": (
        "WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL:"
        " CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate')'",
        "ERROR: No matching distribution found for monai",
    ),
    "another version of a package that Slicer brings": (
        "ERROR: Cannot install peft because these package versions have conflicting dependencies.",
        "The user requested (constraint) numpy==2.4.6",
        "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/",
    ),
    "disk is full": (
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    ),
    "cannot be written to": (
        "ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied: 'C:\\\\Slicer'",
    ),
    "too long for Windows": (
        "ERROR: Could not install packages due to an OSError: [WinError 206] The filename is too long",
    ),
    "no version of segment-anything": (
        "ERROR: Could not find a version that satisfies the requirement segment-anything>=1.0",
        "ERROR: No matching distribution found for segment-anything>=1.0",
    ),
    "package is damaged": ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",),
    "ERROR: something new": ("Collecting a", "ERROR: something new", "Collecting b"),
    "the end": ("Collecting a", "the end", ""),
    "said nothing": (),
}


@pytest.mark.parametrize("expected", SEEN)
def test_the_cause_is_named(expected):
    cause = explain(SEEN[expected], isOffline=False)
    assert expected in cause.text and cause.remedy and "{" not in cause.text


def test_offline_the_missing_wheel_is_named():
    cause = explain(SEEN["no version of segment-anything"], isOffline=True)
    assert "folder does not hold the package segment-anything" in cause.text
