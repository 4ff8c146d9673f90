"""From an empty folder to a working paper group and back to rest, with the programs of one installation.

Needs the standard library only, and runs as a program by itself: so it tells the same story wherever a way of
installing leads to, also as another user or in another root. Prints one JSON object with what it measured; what is not
as it should be ends it with 1 and a sentence.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

COMMAND_S = 120.0
UP_S = 240.0
FILLED_S = 120.0
STOP_S = 120.0
HTTP_S = 30.0
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
NEEDS_THE_EXTRA = "the panel is not installed"
NESTED_SCRIPT = "/static/terrace/pages/dashboard/banner.js"
"""A file deep below the panel's folder: what a package forgets first."""
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
"""Alerts are for these, the first is the printed one's. An entry waits until the made-up price comes back to it; of
several symbols one does soon, of one alone now and then none for minutes."""
DECOYS = ("control", "daemon", "gui", "signal", "yaml")
"""Modules that lie where the person works, and must never be taken for Terrace's own or Python's."""

Plain = dict[str, Any]


class Wrong(Exception):
    """Something is not as it should be."""


class Story:
    """One installation (`bin`) used in one folder of a person (`home`)."""

    def __init__(self, bin_dir: Path, home: Path, ports: Sequence[int]) -> None:
        self.bin = bin_dir
        self.folder = home / "my terrace"
        self.config = self.folder / "config.yaml"
        self.data = self.folder / "data"
        self.api, self.hook, self.panel, self.observe = ports
        self.environ = {
            "HOME": str(home),
            "PATH": f"{bin_dir}:{SYSTEM_PATH}",
            "LANG": "C.UTF-8",
            "NO_COLOR": "1",
            "TERRACE_API__ADDRESS": f"127.0.0.1:{self.api}",
            "TERRACE_FORWARDER__ADDRESS": f"127.0.0.1:{self.hook}",
            "TERRACE_PANEL__ADDRESS": f"127.0.0.1:{self.panel}",
            "TERRACE_OBSERVE__ADDRESS": f"127.0.0.1:{self.observe}",
        }

    def run(self, *words: str, code: int = 0) -> str:
        """`terrace WORDS`, in the folder; its standard output."""
        done = subprocess.run(
            [str(self.bin / "terrace"), *words],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=COMMAND_S,
            check=False,
        )
        out, err = done.stdout.decode(), done.stderr.decode()
        if done.returncode != code:
            raise Wrong(f"terrace {' '.join(words)} ended with {done.returncode}, not {code}: {out}{err}")
        return out

    def groups(self) -> list[Plain]:
        """Closed ones, too: a made-up price reaches a target whenever it likes."""
        found: list[Plain] = json.loads(self.run("group", "list", "--all", "-o", "json"))["groups"]
        return found

    @contextlib.contextmanager
    def up(self, *words: str) -> Iterator[Up]:
        """`terrace up`, ended by force if the story did not end it."""
        up = Up(self, *words)
        try:
            yield up
        finally:
            up.kill()


class Up:
    """`terrace up` as a process. What it prints goes into a file: nobody's full pipe stops it."""

    def __init__(self, story: Story, *words: str) -> None:
        self._log = story.folder / "up.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(story.bin / "terrace"), "up", *words],
                cwd=story.folder,
                env=story.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> str:
        """Its first line with this text."""

        def line() -> str | None:
            found = next((line for line in self.log().splitlines(keepends=True) if text in line), "")
            if not found and self._process.poll() is not None:
                raise Wrong(f"terrace up ended with {self._process.returncode}: {self.log()}")
            return found if found.endswith("\n") else None

        found: str = until(line, UP_S, f"terrace up never said '{text}'", self.log)
        return found

    def stop(self) -> None:
        """Ctrl-C, once."""
        self._process.send_signal(signal.SIGINT)
        try:
            code = self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise Wrong(f"terrace up does not end after Ctrl-C: {self.log()}") from None
        if code != 0:
            raise Wrong(f"terrace up ended with {code} after Ctrl-C: {self.log()}")

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_S)
                return
            self._process.kill()
            self._process.wait()


def tell(story: Story, version: str, *, has_panel: bool | None) -> Plain:
    """The whole story; what it took, in seconds. `has_panel`: None where either is right."""
    story.folder.mkdir(parents=True)
    for name in DECOYS:
        (story.folder / f"{name}.py").write_text(f"raise SystemExit('{name} of the folder one stands in')\n")
    took = Watch()
    said = story.run("--version").strip()
    if said != f"terrace {version}":
        raise Wrong(f"terrace --version says '{said}', not 'terrace {version}'")
    took.note("version_s")
    story.run("init", "--paper")
    took.note("init_s")
    with story.up() as up:
        line = up.wait_for("curl -sS")
        took.note("up_s")
        alert_all(story, line)
        group = until(lambda: filled(story), FILLED_S, "no entry was filled", up.log)
        took.note("filled_s")
        story.run("doctor")
        seen = look_at_panel(story, up) if wants_panel(story, up, has_panel) else 0
        took.again()
        up.stop()
    took.note("stop_s")
    must_be_silent(story)
    service = service_lines(story)
    keep(story, group["group_id"])
    return {**took.noted, "group_id": group["group_id"], "panel_files": seen, "service_units": service}


def tell_again(story: Story, version: str) -> Plain:
    """The same folder with another installation, or the same made anew: the group is there, and trades on."""
    said = story.run("--version").strip()
    if said != f"terrace {version}":
        raise Wrong(f"terrace --version says '{said}', not 'terrace {version}'")
    before = kept(story)
    with story.up("--no-panel") as up:
        up.wait_for("curl -sS")
        if before not in [group["group_id"] for group in story.groups()]:
            raise Wrong(f"group {before} is not there any more: {up.log()}")
        up.stop()
    must_be_silent(story)
    return {"group_id": before}


# --- steps ----------------------------------------------------------------------------------------


def alert_all(story: Story, line: str) -> None:
    """The printed alert, then the same for other symbols. A machine that is very busy delivers one a little later."""
    for symbol in SYMBOLS:
        answer = post(story, line.replace(SYMBOLS[0], symbol))
        if answer.get("outcome") not in ("OPENED", "SPOOLED"):
            raise Wrong(f"the alert for {symbol} gave {answer}")


def post(story: Story, line: str) -> Plain:
    """The alert as it was printed, pasted into a shell: with curl where there is one, else as curl would."""
    has_curl = shutil.which("curl", path=SYSTEM_PATH) is not None
    command = line.strip() if has_curl else f"printf '%s\\0' {line.strip()}"
    done = subprocess.run(["sh", "-c", command], cwd=story.folder, env=story.environ, capture_output=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"the printed alert cannot be pasted: {line}{done.stderr.decode()}")
    answer = done.stdout if has_curl else sent(done.stdout.decode().split("\0")[:-1])
    found: Plain = json.loads(answer)
    return found


def sent(words: list[str]) -> bytes:
    url = next(word for word in words if word.startswith("http://"))
    name, _, value = words[words.index("-H") + 1].partition(": ")
    data = words[words.index("-d") + 1].encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {name: value}), timeout=HTTP_S) as answer:
        body: bytes = answer.read()
    return body


def filled(story: Story) -> Plain | None:
    """A group that holds something."""
    return next((one for one in story.groups() if one["legs_filled"] > 0), None)


def wants_panel(story: Story, up: Up, has_panel: bool | None) -> bool:
    """Whether the panel runs; it runs, or is said to be missing, as it was meant."""
    log = up.log()
    if f"http://127.0.0.1:{story.panel}" in log:
        if has_panel is False:
            raise Wrong("there is a panel without its extra")
        return True
    if has_panel:
        raise Wrong(f"there is no panel: {log}")
    if NEEDS_THE_EXTRA not in log:
        raise Wrong(f"nothing says that the panel needs its extra: {log}")
    return False


def look_at_panel(story: Story, up: Up) -> int:
    """The login page and a file it needs; how many bytes came."""
    base = f"http://127.0.0.1:{story.panel}"
    page = until(lambda: fetched(f"{base}/login"), UP_S, "the panel does not answer", up.log)
    script = fetched(base + NESTED_SCRIPT)
    if script is None:
        raise Wrong(f"the panel has no {NESTED_SCRIPT}")
    return len(page) + len(script)


def fetched(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=HTTP_S) as answer:
            found: bytes = answer.read()
            return found
    except OSError:
        return None


def service_lines(story: Story) -> int:
    """How many units would be written. Each starts a program that is there."""
    shown = story.run("service", "install", "--scope", "user", "--manager", "systemd", "--dry-run")
    starts = [line.strip().removeprefix("ExecStart=") for line in shown.splitlines() if "ExecStart=" in line]
    for start in starts:
        program = start.split('"')[1] if start.startswith('"') else start.split()[0]
        if not os.access(program, os.X_OK):
            raise Wrong(f"a service would start {program}, which is not there")
    if len(starts) < 2:
        raise Wrong(f"there is no service of daemon and forwarder: {shown}")
    return len(starts)


def must_be_silent(story: Story) -> None:
    """Nobody listens any more."""
    for port in (story.api, story.hook, story.panel, story.observe):
        with socket.socket() as probe:
            probe.settimeout(2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise Wrong(f"something still listens on port {port} after Ctrl-C")


def keep(story: Story, group_id: str) -> None:
    (story.folder / "group").write_text(group_id, encoding="ascii")


def kept(story: Story) -> str:
    return (story.folder / "group").read_text(encoding="ascii")


# --- small things ---------------------------------------------------------------------------------


class Watch:
    def __init__(self) -> None:
        self._since = time.monotonic()
        self.noted: dict[str, float] = {}

    def note(self, name: str) -> None:
        self.noted[name] = round(time.monotonic() - self._since, 2)
        self.again()

    def again(self) -> None:
        self._since = time.monotonic()


def until(find: Callable[[], Any], limit_s: float, failure: str, log: Callable[[], str]) -> Any:
    give_up = time.monotonic() + limit_s
    while not (found := find()):
        if time.monotonic() > give_up:
            raise Wrong(f"{failure} in {limit_s:.0f} s: {log()}")
        time.sleep(0.1)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True, help="the folder with the programs")
    parser.add_argument("--home", type=Path, required=True, help="the person's folder")
    parser.add_argument("--version", required=True)
    parser.add_argument("--ports", required=True, nargs=4, type=int, help="of the API, the webhook, the panel, health")
    parser.add_argument("--panel", choices=("yes", "no", "either"), default="either")
    parser.add_argument("--again", action="store_true", help="the folder is there from an earlier story")
    chosen = parser.parse_args(arguments)
    story = Story(chosen.bin, chosen.home, chosen.ports)
    try:
        if chosen.again:
            found = tell_again(story, chosen.version)
        else:
            found = tell(story, chosen.version, has_panel={"yes": True, "no": False, "either": None}[chosen.panel])
    except Wrong as wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
