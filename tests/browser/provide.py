"""Make a browser available to the browser tests, or say why they will be skipped."""

import subprocess
import sys

from chromium import find_browser

if find_browser() is None:
    fetched = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if fetched.returncode:
        print("No Chrome or Chromium here and none could be fetched: browser tests will skip.")
