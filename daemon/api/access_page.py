"""Writes docs/access.md, who may call what, from the table the gate itself uses (SEC-1).

python -m daemon.api.access_page
"""

from __future__ import annotations

from pathlib import Path

from daemon.api.roles import CHANGES, COMMANDS, OPEN, ROLE_OF, may
from daemon.tokens import TokenRole

PAGE = Path(__file__).parent.parent.parent / "docs" / "access.md"
_ROLES = tuple(TokenRole)
_HEAD = """# Who may do what

Made by `python -m daemon.api.access_page` from the table the daemon itself asks; a test holds the two together, and
another calls every method with every role on a running daemon, over TCP, TLS and the unix socket.

Each caller has one role: that of its token or of its certificate ([security.md](security.md)). What is not in this
table is refused to everybody. A caller without a valid token or certificate gets `UNAUTHENTICATED`, one whose role is
not enough `PERMISSION_DENIED`.

| role | for | may |
|---|---|---|
| `ingest` | the forwarder, which faces the internet | send alerts, nothing else |
| `viewer` | dashboards, a look from the phone | see everything but secrets and backups; no alert, no command |
| `operator` | who trades | what a viewer may, send alerts, all trading commands |
| `admin` | who runs the machine | everything |

*changes* marks what changes something: each call is recorded with who made it. *read-only* says whether it goes in
read-only mode (`engine.mode: read_only`), which no role overrides. A preview (`validate_only`, `--dry-run`) needs the
role of the real thing.
"""


def page() -> str:
    """The whole page."""
    services: dict[str, list[str]] = {}
    for method in ROLE_OF:
        services.setdefault(method.rpartition("/")[0].rpartition(".")[2], []).append(method)
    parts = [_HEAD]
    for service, methods in services.items():
        parts.append(f"## {service}\n")
        parts.append(f"| method | {' | '.join(role.value for role in _ROLES)} | changes | read-only |")
        parts.append(f"|---|{':-:|' * (len(_ROLES) + 2)}")
        parts.extend(_row(method) for method in methods)
        parts.append("")
    names = ", ".join(f"`{method.rpartition('/')[2]}`" for method in sorted(OPEN))
    parts.append("## Without a token\n")
    parts.append(f"{names} of gRPC's health service: whether the daemon serves, and nothing else.")
    return "\n".join(parts) + "\n"


def _row(method: str) -> str:
    marks = ["yes" if may(role, method) else "" for role in _ROLES]
    is_refused = method in COMMANDS or method.endswith("/SubmitSignal")  # An alert is trading: Intake refuses it.
    marks += ["yes" if method in CHANGES else "", "refused" if is_refused else "yes"]
    return f"| {method.rpartition('/')[2]} | {' | '.join(marks)} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
