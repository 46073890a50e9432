"""The page in a real browser while data flow: it shows what the API says, live, from here alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from lake_local.http_client import HttpClient
from tests.integration.local_run import CHECKOUT, Place
from tests.integration.waiting import eventually

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PICTURES = CHECKOUT / ".artifacts"
DESK, PHONE = (1440, 1800), (390, 2600)

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium with its driver (apt: chromium chromium-driver)"
)


@contextmanager
def browser(size: tuple[int, int], *, dark: bool = False) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        opened.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield opened
    finally:
        opened.quit()


def text(page: webdriver.Chrome, selector: str) -> str:
    return str(page.find_element(By.CSS_SELECTOR, selector).text)


def count(page: webdriver.Chrome, selector: str) -> int:
    return len(page.find_elements(By.CSS_SELECTOR, selector))


def has(page: webdriver.Chrome, selector: str) -> bool:
    return count(page, selector) > 0


def shows_what_the_api_says(page: webdriver.Chrome, api: HttpClient) -> bool:
    said: Any = api.get("/v1/insights/integrated").body
    readings, scores = said["manufacturing"], said["cross_domain_insights"]
    return (
        text(page, "#tile-excellence .value") == f"{scores['operational_excellence_score']:.3f}"
        and text(page, "#tile-risk .value") == str(readings["high_risk_machines"])
        and text(page, "#tile-customers .value") == str(said["ecommerce"]["high_value_customers"])
        and text(page, "#tile-alerts .value") == f"{readings['high_priority_alerts']:,}"
    )


def test_the_page_shows_what_the_api_says_while_data_flow(tmp_path: Path) -> None:
    place = Place(tmp_path)
    PICTURES.mkdir(exist_ok=True)
    with place.started("run", "--port", "0") as process:

        def there() -> bool:
            assert process.poll() is None, process.communicate()
            facts = place.lake / "run.json"
            return facts.exists() and HttpClient(place.api()).get("/readyz").ok

        assert eventually(there, 120)
        api = HttpClient(place.api())
        with browser(DESK) as page:
            page.get(place.api())
            assert eventually(lambda: shows_what_the_api_says(page, api), 30)
            assert eventually(lambda: text(page, "#badge-proof") == "Delivery proven", 30)
            assert eventually(lambda: text(page, "#badge-alerts") == "Alerts live", 30)
            assert eventually(lambda: count(page, "#alerts-list .alert.new") > 0, 60)
            assert eventually(lambda: count(page, "#machines-rows svg.spark path") >= 10, 30)
            assert eventually(lambda: count(page, "#trend-plot .scatterlayer path") > 0, 30)
            page.save_screenshot(str(PICTURES / "dashboard-desk.png"))
            addresses: list[str] = page.execute_script(
                "return performance.getEntriesByType('resource').map((one) => one.name)"
            )
            assert {urlsplit(one).netloc for one in addresses} == {urlsplit(place.api()).netloc}
            log: Any = page.execute("getLog", {"type": "browser"})["value"]
            assert [one["message"] for one in log] == []
        with browser(PHONE, dark=True) as page:
            page.get(place.api())
            assert eventually(lambda: shows_what_the_api_says(page, api), 30)
            widths = page.execute_script(
                "return [document.documentElement.scrollWidth, innerWidth]"
            )
            assert widths[0] <= widths[1]
            for plot in ("trend", "scores"):
                drawn = f"#{plot}-plot .scatterlayer path"
                assert eventually(partial(has, page, drawn), 30), drawn
            page.save_screenshot(str(PICTURES / "dashboard-phone-dark.png"))
