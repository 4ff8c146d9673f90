"""Rules about references to secrets that no single key can judge."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config.document import Document
from daemon.config.fault import Fault
from daemon.config.validate import Checked

_ELSEWHERE = ("file:PATH", "keyring:service/name", "systemd:NAME", "env:NAME")


def secret_faults(document: Document, checked: Checked) -> Iterator[Fault]:
    """The forwarder judges alerts by the secrets of the sources, also while the daemon, which has the vault, is away.

    So these secrets must lie where both can read them.
    """
    for name, source in checked.sources.items():
        for key in type(source).model_fields:
            value = getattr(source, key)
            references = value if isinstance(value, tuple) else (value,)
            if any(isinstance(each, str) and each.startswith("vault:") for each in references):
                words = "cannot lie in the vault: the forwarder must read it while the daemon is away"
                yield document.fault(("sources", name, key), words, _ELSEWHERE)
        for key in ("previous_secret", "previous_hmac_secret"):
            if getattr(source, key) is not None and source.previous_until is None:
                words = "needs previous_until beside it: an old secret is not taken for ever"
                yield document.fault(("sources", name, key), words, ('previous_until: "2026-12-01T00:00:00Z"',))
