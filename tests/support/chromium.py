"""A real Chromium: the system's, else apt's when we may install it, else Playwright's own download.

``python -m tests.support.chromium`` gets one and says where it is; tests find the same one again.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LAUNCH_ARGUMENTS = (
    "--no-sandbox",  # containers and root have none to offer
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    # A page that asks another machine for anything fails here instead of in a clinic without internet.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# Width and height in CSS pixels: a phone, a tablet held upright, a desk.
VIEWPORTS = {390: (390, 844), 768: (768, 1024), 1440: (1440, 900)}
INSTALL_SECONDS = 900


class ChromiumMissing(Exception):
    """No browser can be had here; the message says what to do about it."""


def find_chromium() -> Path | None:
    """The path of a Chromium that starts, or None."""
    for name in SYSTEM_NAMES:
        found = shutil.which(name)
        # Ubuntu's `chromium-browser` may be a stub that only asks for a snap, so it has to answer.
        if found and _answers(Path(found)):
            return Path(found)
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() and _answers(own) else None


def ensure_chromium() -> Path:
    """Find Chromium, or install it first. Raises ChromiumMissing when neither works."""
    found = find_chromium()
    if found:
        return found
    with _one_installer_at_a_time():
        return find_chromium() or _install()


def _answers(executable: Path) -> bool:
    try:
        said = subprocess.run(
            [executable, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0


def _install() -> Path:
    print("Installing Chromium for the browser tests (once) ...", file=sys.stderr, flush=True)
    said = []
    for commands in _ways_to_install():
        for command in commands:
            said.append(_run_quietly(command))
        found = find_chromium()
        if found:
            return found
    raise ChromiumMissing(
        "The browser tests need Chromium and it could not be installed. Install your system's package "
        "(Debian: `apt-get install chromium`) and run the tests again. What was tried:\n"
        + "\n".join(filter(None, said))
    )


def _ways_to_install() -> Iterator[list[list[str]]]:
    root = os.geteuid() == 0
    if root and shutil.which("apt-get"):
        yield [
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-qq", "-y", "--no-install-recommends", "chromium"],
        ]
    libraries = ["--with-deps"] if root else []
    yield [[sys.executable, "-m", "playwright", "install", *libraries, "chromium"]]


def _run_quietly(command: list[str]) -> str:
    """Run one step and return the end of what it said if it failed, else nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    except subprocess.TimeoutExpired:
        return f"{' '.join(command)}: gave up after {INSTALL_SECONDS} s"
    return "" if done.returncode == 0 else f"{' '.join(command)}:\n{done.stdout[-1500:]}"


@contextmanager
def _one_installer_at_a_time() -> Iterator[None]:
    """Test workers wait for one another here, so that one installs and the rest find it."""
    with (Path(tempfile.gettempdir()) / f"planner-chromium-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window for as long as the block lasts. Raises ChromiumMissing."""
    executable = ensure_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(LAUNCH_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def screen(
    browser: Browser, width: int = 1440, *, scripts: bool = True, base_url: str | None = None
) -> Iterator[BrowserContext]:
    """A fresh browser profile at one of the three widths of VIEWPORTS, with or without JavaScript."""
    wide, high = VIEWPORTS[width]
    context = browser.new_context(
        viewport={"width": wide, "height": high},
        java_script_enabled=scripts,
        base_url=base_url,
        locale="en-US",
        timezone_id="UTC",
        reduced_motion="reduce",
        has_touch=width < 1440,
    )
    try:
        yield context
    finally:
        context.close()


if __name__ == "__main__":
    try:
        ensure_chromium()
    except ChromiumMissing as problem:
        sys.exit(str(problem))
