"""A real Chromium, by the WebDriver protocol (W3C WebDriver) that chromedriver speaks."""
import base64
import http.client
import json
import re
import shutil
import socket
import subprocess
import time

WAIT = 30.0


def available():
    return shutil.which("chromedriver") and (shutil.which("chromium") or shutil.which("chromium-browser"))


class Browser:
    def __init__(self, scripts=True):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port, self.session = port, None
        self.until(self.ready, "chromedriver to be ready")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                            "--window-size=1280,1000"]}
        if not scripts:
            options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        answer = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}})
        self.session = answer["sessionId"]

    def ready(self):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
            c.request("GET", "/status")
            return json.loads(c.getresponse().read())["value"]["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        where = "/session" + (f"/{self.session}" if self.session else "") + path
        c.request(method, where, json.dumps(body) if body is not None else None,
                  {"Content-Type": "application/json"})
        value = json.loads(c.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['error']}: {value['message'][:300]}")
        return value

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def run(self, script):
        """The value that the script returns."""
        return self.call("POST", "/execute/sync", {"script": script, "args": []})

    def devtools(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def complaints(self):
        """What the console says: refused by policy, failed, thrown."""
        return [line["message"] for line in self.call("POST", "/se/log", {"type": "browser"})]

    def source(self):
        return self.call("GET", "/source")

    def picture(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def until(self, condition, what):
        end = time.monotonic() + WAIT
        while not (value := condition()):
            if time.monotonic() > end:
                raise AssertionError(f"waited {WAIT:.0f} s for {what}")
            time.sleep(0.05)
        return value

    def text(self, part):
        found = re.search(rf'<div id="{part}".*?>(.*?)</div>', self.source(), re.S)
        return re.sub(r"<[^>]*>", "", found.group(1)) if found else ""

    def close(self):
        try:
            if self.session:
                self.call("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()
