"""Known faults of the code that compilers make, each with its reason: scripts/gpu-check prints them every time, fails by any other,
and by one of these that is no more."""

import re

# Each a pattern of `architecture: variant: fault`, and why it stays.
KNOWN = [
]


def split(faults):
    """Faults that are not known; lines about the known ones, with how many variants have each; and patterns that match none."""
    new, found = [], {pattern: [] for pattern, _ in KNOWN}
    for fault in faults:
        pattern = next((pattern for pattern in found if re.fullmatch(pattern, fault)), None)
        (found[pattern] if pattern else new).append(fault)
    lines = [f"{fault}\n    {reason}" for pattern, reason in KNOWN for fault in found[pattern]]
    return new, lines, [pattern for pattern, seen in found.items() if not seen]
