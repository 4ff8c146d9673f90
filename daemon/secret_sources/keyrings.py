"""`keyring:service/name`: the secret store of the desktop or the machine, through the library `keyring`.

Everything up to the first slash is the service, the rest the name. A store that is locked may ask a person who is not
there, so an answer is waited for only so long.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol, TypeVar

from daemon.secret_sources.value import Secret, Unresolved

ANSWER_S = 15.0
"""How long the keyring may take, a person's consent included."""
MAX_UNANSWERED = 8
"""Questions that may wait for an answer that never comes; while there are so many no other is asked."""
NO_BACKEND = "this machine has no keyring"
OTHERWISE = "use vault:, file:, env: or systemd:"

T = TypeVar("T")

_free = threading.BoundedSemaphore(MAX_UNANSWERED)


class Keyring(Protocol):
    """The part of the library's module that is used."""

    def get_password(self, service_name: str, username: str) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str) -> None: ...

    def delete_password(self, service_name: str, username: str) -> None: ...


def installed_keyring() -> Keyring:
    import keyring

    return keyring


def read_keyring(name: str, ring: Keyring | None = None, answer_s: float = ANSWER_S) -> Secret | Unresolved:
    """The secret behind `service/name`."""
    reference = f"keyring:{name}"
    service, user = split(name)
    if not service or not user:
        return Unresolved(reference=reference, problem="names no secret", remedy="write keyring:service/name")
    found = _asked(reference, lambda: (ring or installed_keyring()).get_password(service, user), answer_s)
    if isinstance(found, Unresolved):
        return found
    text = (found or "").strip()
    if text:
        return Secret(text)
    return Unresolved(
        reference=reference, problem="is not in the keyring", remedy=f"store it: keyring set {service} {user}"
    )


def write_keyring(name: str, text: str, ring: Keyring | None = None, answer_s: float = ANSWER_S) -> Unresolved | None:
    """Stores a secret under `service/name`; what stood there is replaced."""
    service, user = split(name)
    found = _asked(f"keyring:{name}", lambda: (ring or installed_keyring()).set_password(service, user, text), answer_s)
    return found if isinstance(found, Unresolved) else None


def delete_keyring(name: str, ring: Keyring | None = None, answer_s: float = ANSWER_S) -> None:
    """Removes it. One that cannot be removed is no harm: it opens nothing any more."""
    service, user = split(name)
    _asked(f"keyring:{name}", lambda: (ring or installed_keyring()).delete_password(service, user), answer_s)


def split(name: str) -> tuple[str, str]:
    """Service and name."""
    service, _, user = name.partition("/")
    return service, user


def _asked(reference: str, question: Callable[[], T], answer_s: float) -> T | Unresolved:
    """The answer, or why there is none. What a backend says of itself stays out: it is foreign text."""
    answers: list[T] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except Exception as fault:
            faults.append(fault)
        finally:
            _free.release()

    if not _free.acquire(timeout=answer_s):
        problem = f"the keyring has not answered {MAX_UNANSWERED} questions: does it wait to be unlocked?"
        return Unresolved(reference=reference, problem=problem, remedy=f"unlock it and start again, or {OTHERWISE}")
    thread = threading.Thread(target=ask, name="keyring", daemon=True)
    thread.start()
    thread.join(answer_s)
    if answers:
        return answers[0]
    if not faults:
        problem = f"the keyring has not answered within {answer_s:g} s: does it wait to be unlocked?"
        return Unresolved(reference=reference, problem=problem, remedy=f"unlock it and start again, or {OTHERWISE}")
    return _explained(reference, faults[0])


def _explained(reference: str, fault: BaseException) -> Unresolved:
    kinds = {kind.__name__ for kind in type(fault).__mro__}
    if "NoKeyringError" in kinds:
        return Unresolved(reference=reference, problem=NO_BACKEND, remedy=OTHERWISE)
    if "KeyringLocked" in kinds:
        return Unresolved(reference=reference, problem="the keyring is locked", remedy="unlock it, start again")
    problem = f"the keyring cannot be used ({type(fault).__name__})"
    return Unresolved(reference=reference, problem=problem, remedy=f"look at `keyring diagnose`, or {OTHERWISE}")
