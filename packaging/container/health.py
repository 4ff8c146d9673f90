"""Asks a probe of Terrace once: `health.py [URL]`. Exit code 0 if it answers 200, else 1 with the reason.

Standard library only, so that it starts in a few hundredths of a second.
"""

from __future__ import annotations

import http.client
import json
import sys
from urllib.parse import urlsplit

DAEMON = "http://127.0.0.1:9461/readyz"
LIMIT_S = 8.0
"""The daemon answers its probes within 4 s, whatever hangs."""
MAX_BYTES = 64 * 1024


def ask(url: str) -> tuple[bool, str]:
    """Whether all is well there, and in words what is not."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=LIMIT_S)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        body = answer.read(MAX_BYTES)
    except (OSError, http.client.HTTPException) as error:
        return False, f"{url}: {str(error) or type(error).__name__}"
    finally:
        connection.close()
    return answer.status == http.client.OK, f"{answer.status} {failed(body)}".strip()


def failed(body: bytes) -> str:
    """The names of the checks that did not pass, with what they say."""
    try:
        checks = json.loads(body)["checks"]
        bad = [f"{check['name']}: {check['message']}".rstrip(": ") for check in checks if not check["passed"]]
    except (ValueError, LookupError, TypeError):
        return ""
    return "; ".join(bad)


def main(arguments: list[str]) -> int:
    is_well, words = ask(arguments[0] if arguments else DAEMON)
    print(words)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
