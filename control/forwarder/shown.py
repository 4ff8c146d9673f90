"""What the forwarder's log shows of what somebody sent (LOG-4)."""

from __future__ import annotations

from collections.abc import Mapping

from control.forwarder.settings import SourceSettings

MAX_NAME_CHARS = 32
"""The longest name a source may have."""
MASK = "****"


def source_name(given: str, sources: Mapping[str, SourceSettings]) -> str:
    """The name in an address. Somebody may have put the secret there: what cannot be a name is not shown."""
    if given in sources:
        return given
    secrets = (secret for source in sources.values() for secret in source.all_secrets)
    is_name = len(given) <= MAX_NAME_CHARS and given.replace("-", "").replace("_", "").isalnum()
    return given if is_name and not any(secret in given or given in secret for secret in secrets) else MASK


def without_secrets(text: str, sources: Mapping[str, SourceSettings]) -> str:
    """Some words of a body. Somebody may have put the secret among them."""
    return MASK if any(secret in text for source in sources.values() for secret in source.all_secrets) else text
