#!/usr/bin/env python3
"""The built dashboard in a real browser: Debian's Chromium, driven by selenium, while a run is under way.

    browser.py                        all trials; ends with 1 where something was not as it should be
    browser.py --screenshots FOLDER   writes pictures of the page, too

The tools are taken from .build/debug, or from CONVEYOR_BIN. Needs: `scripts/install-dependencies browser`, and
`make test-servers` for selenium.
"""

import argparse
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(os.environ.get("CONVEYOR_BIN", ROOT / ".build" / "debug"))
# It would run, load something, or change the direction of what follows.
HOSTILE = "<script>window.evil=1</script><img src=x onerror=window.evil=2>\"'\u202e"
PATIENCE = 60
failures = []


def check(name, fine, seen=""):
    print(f"{'ok    ' if fine else 'FAILED'} {name}" + (f"   {seen}" if seen != "" else ""), flush=True)
    if not fine:
        failures.append(name)


def eventually(look, seconds=PATIENCE):
    """Waits until `look` answers something; how long it took, or None."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        try:
            if look():
                return time.monotonic() - begun
        except Exception:  # pylint: disable=broad-except
            pass  # The element was replaced just now.
        time.sleep(0.05)
    return None


class Run:
    """A sample portal, an index with something hostile in it, and a pipeline that works on the rest."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.index = f"sqlite:{folder}/index.db"
        self.processes = []
        rows = subprocess.run(
            [TOOLS / "portal", "--documents", "2000", "--print-index", "jsonl"], capture_output=True, check=True
        ).stdout
        (self.folder / "rows.jsonl").write_bytes(rows)
        self.tool("enqueue", "init", "--index", self.index)
        self.tool("enqueue", "import", self.folder / "rows.jsonl", "--index", self.index)
        hostile = [
            {"source": "s", "book": 990, "page": page, "instrument_type_parsed": HOSTILE, "download_priority": 3}
            for page in range(1, 21)
        ]
        self.add(hostile)
        self.start(
            "portal", "--documents", "2000", "--document-size", "20000", "--port-file", self.folder / "port",
            "--latency", "0.2", "--jitter", "0.2", "--absent", "0.02", "--broken", "0.02", "--fault", "503=0.01"
        )
        eventually(lambda: (self.folder / "port").read_text().startswith("http"))
        (self.folder / "token").write_text("5c" * 32)
        (self.folder / "token").chmod(0o600)

    def tool(self, name, *arguments):
        subprocess.run([TOOLS / name, *arguments], check=True, capture_output=True)

    def add(self, rows):
        path = self.folder / "more.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        self.tool("enqueue", "import", path, "--index", self.index)

    def start(self, name, *arguments, **others):
        process = subprocess.Popen(
            [TOOLS / name, *map(str, arguments)], stdin=subprocess.DEVNULL, start_new_session=True,
            **({"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | others),
        )
        self.processes.append(process)
        return process

    def pipeline(self):
        environment = os.environ | {"CONVEYOR_BIN": str(TOOLS)}
        return self.start(
            ROOT / "bin" / "conveyor", "run", "--stage", self.stage(), "--index", self.index, "--to",
            self.folder / "bucket", "--state", self.folder / "state", "--portal-base",
            (self.folder / "port").read_text().strip(), "--rate-limit-delay", "0.15", "--workers", "auto", "--yes",
            env=environment,
        )

    def stage(self):
        path = self.folder / "county.yaml"
        path.write_text("extends: common\ndescription: 'Books of the sample portal'\nportals: [mid]\nbooks: [238-989]\n")
        return path

    def dashboard(self, listen="127.0.0.1:0"):
        out = self.folder / "address"
        with out.open("w") as file:
            process = self.start(
                "dashboard", "--index", self.index, "--state", self.folder / "state", "--listen", listen,
                "--token-file", self.folder / "token", "--allow-control", stdout=file,
            )
        eventually(lambda: out.read_text().endswith("/\n"))
        return process, out.read_text().strip().rstrip("/")

    def end(self):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def browser(*arguments):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1500", *arguments):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))


def text(driver, element):
    return driver.execute_script("return document.getElementById(arguments[0]).textContent", element)


def size(driver, width, height=1500):
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )


def scheme(driver, name):
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": name}]}
    )


def errors(driver):
    return [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def overflow(driver):
    """How many pixels the page is wider than the window."""
    return driver.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def first_page(driver, base):
    begun = time.monotonic()
    driver.get(f"{base}/?token={'5c' * 32}")
    check("the token becomes a cookie, and leaves the address", driver.current_url == f"{base}/", driver.current_url)
    check("first paint", bool(text(driver, "overview")), f"{time.monotonic() - begun:.2f} s")
    check("it is live", eventually(lambda: text(driver, "live") == "live") is not None, text(driver, "live"))
    cookies = driver.execute_script("return document.cookie")
    check("no script can read the cookie", cookies == "", cookies)
    check("texts stay texts", driver.execute_script("return window.evil") is None)
    markup = driver.execute_script("return document.querySelectorAll('main script, main img').length")
    shown = "<script>window.evil=1" in driver.execute_script("return document.body.textContent")
    check("… and are shown as they are", markup == 0 and shown, f"{markup} elements")


def updates(driver, run):
    before = int(re.search(r"of ([0-9,]+) documents", text(driver, "overview"))[1].replace(",", ""))
    run.add([{"source": "s", "book": 991, "page": page, "download_priority": 3} for page in range(1, 11)])
    wanted = f"of {before + 10:,} documents"
    took = eventually(lambda: wanted in text(driver, "overview"))
    cost = driver.execute_script(
        "return fetch('/api/status').then(r => r.json()).then(j => j.report_look_seconds)"
    )
    check("documents that were added are seen", took is not None, f"after {took or -1:.1f} s; a look takes {cost} s")
    log = text(driver, "asof")
    took = eventually(lambda: text(driver, "asof") != log)
    check("the time of the numbers moves on", took is not None, f"after {took or -1:.1f} s")


def running(driver):
    took = eventually(lambda: "running" in text(driver, "overview") and "in flight" in text(driver, "pipeline"))
    check("a run is seen with its tools", took is not None, text(driver, "overview").split()[0])
    took = eventually(lambda: re.search(r"[0-9.]+ a second", text(driver, "politeness")) is not None)
    check("… and how its portal is asked", took is not None)


def reconnects(driver, run, process, base):
    process.kill()
    process.wait()
    lost = eventually(lambda: "no connection since" in text(driver, "live"))
    check("a dashboard that is killed is missed", lost is not None, text(driver, "live"))
    stale = text(driver, "asof")
    process, again = run.dashboard(base.removeprefix("http://"))
    check("it starts again at the same address", again == base, again)
    back = eventually(lambda: text(driver, "live") == "live" and text(driver, "asof") != stale)
    check("… and the page comes back by itself", back is not None, f"after {back or -1:.1f} s")
    # What the browser itself says of the connection that was lost.
    said = [line for line in errors(driver) if "ERR_CONNECTION_REFUSED" not in line and "/live" not in line]
    check("nothing else is said in the console", not said, said)


def narrow(driver, base):
    for path in ("/", "/document?id=1", "/control?action=pause&host=portal.example.org:443", "/nothing"):
        for width in (320, 360, 768):
            size(driver, width)
            driver.get(base + path)
            check(f"{path} fits {width} pixels", overflow(driver) <= 0, f"{overflow(driver)} too wide")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def scriptless(driver, base):
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    driver.get(f"{base}/")
    seen = driver.find_element(By.TAG_NAME, "body").text
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    whole = all(word in seen for word in ("completed", "Politeness", "Pipeline", "Throughput", "Log"))
    check("without script the page is complete, and says so", whole and "Without script" in seen)
    check("… and offers no button that does nothing", "Pause updates" not in seen)


def keyboard(driver, run, base):
    driver.get(f"{base}/")
    eventually(lambda: text(driver, "live") == "live")

    def press(*keys):
        webdriver.ActionChains(driver).send_keys(*keys).perform()

    def focus():
        return driver.execute_script(
            "const e = document.activeElement, s = getComputedStyle(e);"
            "return [(e.textContent || e.id || e.tagName).trim().slice(0, 30), s.outlineStyle, e.id]"
        )

    press(Keys.TAB)
    check("the first Tab offers to skip the head", focus()[0].startswith("Skip to"), focus())
    names, outlined = [], True
    for _ in range(60):
        press(Keys.TAB)
        name, outline, _ = focus()
        names.append(name)
        outlined = outlined and outline != "none"
        if name == "pause":
            break
    check("Tab reaches the search, the buttons and the hosts' actions",
          {"id", "Find document", "Pause updates", "pause"} <= set(names), names[-3:])
    check("… and it is seen where it is", outlined)
    press(Keys.ENTER)
    took = eventually(lambda: "Yes, pause it" in driver.page_source)
    check("Enter asks whether to pause", took is not None, driver.current_url)
    for _ in range(20):
        press(Keys.TAB)
        if focus()[0] == "Yes, pause it":
            break
    press(Keys.ENTER)
    took = eventually(lambda: "<h2>Done</h2>" in driver.page_source)
    check("… and Enter pauses", took is not None, driver.find_element(By.TAG_NAME, "main").text[:60])
    driver.get(f"{base}/")
    check("the page says so", "paused until it is resumed" in text(driver, "politeness"))
    took = eventually(lambda: "paused" in text(driver, "overview").split()[0])
    check("… and of the run, too", took is not None, text(driver, "overview").split()[0])
    driver.get(f"{base}/control?action=resume&host=" + re.search(r"host=([^\"&]+)", driver.page_source)[1])
    driver.find_element(By.CSS_SELECTOR, "main button").click()
    eventually(lambda: "<h2>Done</h2>" in driver.page_source)
    driver.get(f"{base}/")
    field = driver.find_element(By.ID, "id")
    first = json.loads((run.folder / "rows.jsonl").read_text().split("\n")[0])
    field.send_keys(f"{first['book']}/{first['page']}", Keys.ENTER)
    took = eventually(lambda: "What to do" in driver.page_source)
    check("a document is found by book and page", took is not None, driver.current_url)
    driver.get(f"{base}/")
    eventually(lambda: text(driver, "live") == "live")
    pause = driver.find_element(By.ID, "pause")
    pause.send_keys(Keys.ENTER)
    held = text(driver, "asof")
    time.sleep(5)
    check("updates can be paused", text(driver, "live") == "paused" and text(driver, "asof") == held)
    pause.send_keys(Keys.ENTER)
    check("… and go on", eventually(lambda: text(driver, "asof") != held) is not None)


def strangers(base):
    """Pages that are not the dashboard's, in a browser that has its cookie."""
    port = base.rsplit(":", 1)[1]
    page = f"""<!DOCTYPE html><title>foreign</title><body><script>
      window.seen = [];
      const socket = new WebSocket('ws://127.0.0.1:{port}/live');
      socket.onopen = () => seen.push('socket open');
      socket.onerror = () => seen.push('socket refused');
      fetch('http://127.0.0.1:{port}/api/status', {{credentials: 'include'}})
        .then((r) => r.text()).then(() => seen.push('read'), () => seen.push('not read'));
      fetch('http://127.0.0.1:{port}/control', {{method: 'POST', credentials: 'include', mode: 'no-cors',
        headers: {{'Content-Type': 'application/x-www-form-urlencoded'}},
        body: 'action=pause&host=foreign.example:443'}}).then(() => seen.push('sent'), () => seen.push('not sent'));
      const frame = document.createElement('iframe');
      frame.src = 'http://127.0.0.1:{port}/';
      document.body.append(frame);
      </script>""".encode()

    class Foreign(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    driver = browser("--host-resolver-rules=MAP evil.example 127.0.0.1,MAP foreign.example 127.0.0.1")
    try:
        driver.get(f"{base}/?token={'5c' * 32}")
        driver.get(f"http://evil.example:{port}/")
        seen = driver.find_element(By.TAG_NAME, "body").text
        check("a name that leads here is refused (DNS rebinding)", "not known by this name" in seen, seen[:50])
        driver.get(f"http://evil.example:{port}/?token={'5c' * 32}")
        check("… with the token, too", "not known by this name" in driver.find_element(By.TAG_NAME, "body").text)
        for host in ("127.0.0.1", "foreign.example"):
            driver.get(f"http://{host}:{server.server_port}/")
            eventually(lambda: len(driver.execute_script("return seen")) >= 3)
            seen = driver.execute_script("return seen")
            check(f"a page of {host} opens no socket and reads nothing",
                  "socket refused" in seen and "not read" in seen and "socket open" not in seen, seen)
        driver.get(f"{base}/")
        check("… and orders nothing", "foreign.example" not in driver.page_source)
    finally:
        driver.quit()
        server.shutdown()


def pictures(driver, base, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    driver.get(f"{base}/")
    eventually(lambda: text(driver, "live") == "live")
    for name, width, height in (("light", 1200, 1400), ("dark", 1200, 1400), ("narrow", 360, 1400)):
        scheme(driver, "dark" if name == "dark" else "light")
        size(driver, width, height)
        time.sleep(0.5)
        (folder / f"dashboard-{name}.png").write_bytes(driver.get_screenshot_as_png())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", metavar="FOLDER")
    wanted = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder)
        driver = None
        try:
            process, base = run.dashboard()
            run.pipeline()
            driver = browser()
            first_page(driver, base)
            updates(driver, run)
            running(driver)
            check("the console is empty", not errors(driver), errors(driver))
            if wanted.screenshots:
                time.sleep(60)
                pictures(driver, base, wanted.screenshots)
            reconnects(driver, run, process, base)
            narrow(driver, base)
            scriptless(driver, base)
            keyboard(driver, run, base)
            strangers(base)
        finally:
            if driver:
                driver.quit()
            run.end()
    print(f"{len(failures)} of the checks failed; {time.monotonic() - begun:.0f} s")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
