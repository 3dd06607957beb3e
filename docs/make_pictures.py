"""The pictures in the README: `just pictures` draws them from invented data in the Chromium of the system."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from playwright.sync_api import Browser, sync_playwright

from churn_duck.serving.app import create_app
from churn_duck.settings.config import Settings
from churn_duck.warehouse.store import open_warehouse

IMAGES = Path(__file__).parent / "images"
CHURN_DUCK = Path(sys.executable).with_name("churn-duck")
# three scored days: the labels of the first are known on the last
FIRST, EARLIER, LAST = "2025-11-23", "2025-12-24", "2025-12-31"
WIDTH = 1120
# each ends between two blocks of its page
HEIGHTS = {"report.png": 620, "dashboard.png": 686}
DRIFTED = 2


def main() -> None:
    """Writes `report.png` and `dashboard.png`."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no Chromium is installed; on Debian: apt-get install chromium")
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="churn-duck-pictures-") as name, sync_playwright() as playwright:
        warehouse = Path(name) / "warehouse"
        fill(warehouse, Path(name) / "log")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        draw(browser, (warehouse / "reports" / "report_latest.html").as_uri(), "report.png")
        with served(warehouse) as address:
            draw(browser, address, "dashboard.png")
        browser.close()


def fill(warehouse: Path, log: Path) -> None:
    """Trains on an invented business as of the first day, scores all three, and writes the report and a snapshot."""
    call("generate", "--days", "365", "--out", str(log))
    at = ("--warehouse", str(warehouse))
    call(*at, "land", "--users", str(log / "users.parquet"), "--events", str(log / "events.parquet"))
    call(*at, "run", "--as-of", FIRST)
    for day in (EARLIER, LAST):
        call(*at, "score", "--as-of", day)
    call(*at, "drift", allowed=(0, DRIFTED))
    for command in ("performance", "report", "publish"):
        call(*at, command)


def call(*words: str, allowed: tuple[int, ...] = (0,)) -> None:
    """Runs one command; its errors are shown and end the script."""
    done = subprocess.run([CHURN_DUCK, *words], stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in allowed:
        sys.exit(f"churn-duck {' '.join(words)} ended with {done.returncode}")


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of the dashboard, while it runs in a thread."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        app = create_app(open_warehouse(Settings(), root), None)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def draw(browser: Browser, address: str, name: str) -> None:
    """Saves the first screen of a page."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHTS[name]}, color_scheme="light")
    page.goto(address)
    page.screenshot(path=IMAGES / name)
    page.close()


if __name__ == "__main__":
    main()
