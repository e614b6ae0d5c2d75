"""A headless Chromium that looks at the page of one stack after the other."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from support.stack import Stack
from support.waiting import eventually

OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --disable-dev-shm-usage "
    "--disable-default-apps --hide-scrollbars"
)


class Browser:
    """`with` ends it and removes its profile."""

    def __init__(self) -> None:
        self.origin = ""
        self.profile = Path(tempfile.mkdtemp(prefix="bcryptd-browser."))
        options = webdriver.ChromeOptions()
        for option in OPTIONS.split():
            options.add_argument(option)
        options.add_argument(f"--user-data-dir={self.profile}")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service("/usr/bin/chromedriver")
        self.driver = webdriver.Chrome(options=options, service=service)

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()
        shutil.rmtree(self.profile, ignore_errors=True)

    def reset(self) -> "Browser":
        """Wide and light, with nothing in its logs."""
        self.media()
        self.size(1240, 900)
        self.console()
        self.network()
        return self

    def open(self, stack: Stack, answers: int = 1) -> "Browser":
        """Loads the page and waits until it shows so many answers of the service."""
        self.origin = f"http://127.0.0.1:{stack.internal_port}"
        self.driver.get(self.origin + "/")
        self.wait_answers(answers)
        return self

    def media(self, scheme: str = "light", motion: str = "no-preference") -> None:
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def size(self, width: int, height: int, scale: float = 1) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale}
        mobile = {"mobile": width < 600}
        command = "Emulation.setDeviceMetricsOverride"
        self.driver.execute_cdp_cmd(command, {**metrics, **mobile})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """As it is in the document, seen or not."""
        return str(self.run("return document.querySelector(arguments[0]).textContent", selector))

    def number(self, selector: str) -> float | None:
        """None where the page shows no number."""
        text = self.text(selector).replace(",", "").split(" ")[0]
        return None if text == "–" else float(text)

    def answers(self) -> int:
        """How many answers of the service the page has shown since it was loaded."""
        return int(self.run("return Number(document.body.dataset.answers ?? 0)"))

    def wait_answers(self, count: int) -> None:
        eventually(f"{count} answers shown", lambda: self.answers() >= count)

    def wait_text(self, selector: str, part: str) -> None:
        eventually(f"{selector} says {part}", lambda: part in self.text(selector))

    def press(self, *keys: str) -> None:
        actions = webdriver.ActionChains(self.driver)
        for key in keys:
            actions = actions.send_keys(getattr(Keys, key))
        actions.perform()

    def focused(self) -> str:
        """What has the focus: its id, or that of the card it is in."""
        return str(
            self.run(
                "const e = document.activeElement;"
                "return e.id || e.closest('article')?.id || e.getAttribute('href') || e.tagName"
            )
        )

    def console(self) -> list[str]:
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]

    def network(self) -> list[dict[str, Any]]:
        """DevTools' events about requests since the last call, in order."""
        entries = self.driver.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [message for message in messages if message["method"].startswith("Network.")]

    def save_picture(self, path: Path) -> None:
        """The whole page, however long."""
        self.driver.get_screenshot_as_file(str(path))
