"""Loaded by pytest with ``-p suite_plugin`` when somebody else's suite runs: installs our face first, and keeps every outcome.

The environment says what to do: ``SUITE_FACE`` is ``plain`` or ``fastdicom``, ``SUITE_REPORT`` names the JSON that is written, and
``SUITE_OFFLINE=1`` lets pydicom's downloads of test files fail at once instead of after many attempts each.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest


def _without_us() -> None:
    """Hide the plug-ins that our distribution registers with other libraries: this is the outcome that ours is compared with."""
    found = importlib.metadata.entry_points

    def entry_points(**asked: str) -> object:
        if not str(asked.get("group")).startswith("pylibjpeg."):
            return found(**asked)
        return importlib.metadata.EntryPoints(point for point in found(**asked) if not point.value.startswith("fastdicom."))

    importlib.metadata.entry_points = entry_points


if os.environ["SUITE_FACE"] == "plain":
    _without_us()
    os.environ.pop("FASTDICOM_PYDICOM", None)
else:
    # for the processes that tests start
    os.environ["FASTDICOM_PYDICOM"] = "1"

if os.environ.get("SUITE_OFFLINE") == "1":
    from pydicom.data import download

    download._SIMULATE_NETWORK_OUTAGE = True

INSTALLED = None
if os.environ["SUITE_FACE"] == "fastdicom":
    # before a test module is imported, so that its "from pydicom import dcmread" binds ours
    from fastdicom.pydicom import install

    INSTALLED = install()

_RANK = {"passed": 0, "skipped": 1, "failed": 2}


class Outcomes:
    """The worst outcome of each test's setup, call and teardown, and what it said."""

    def __init__(self) -> None:
        self.tests: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one test."""
        outcome = report.outcome
        if hasattr(report, "wasxfail"):
            # what is expected to fail, or passed in spite of that: neither a pass nor a failure
            outcome = "skipped"
        entry = self.tests.setdefault(report.nodeid, {"outcome": "passed", "seconds": 0.0})
        entry["seconds"] = round(float(entry["seconds"]) + report.duration, 4)  # type: ignore[arg-type]
        if _RANK[outcome] > _RANK[str(entry["outcome"])]:
            entry["outcome"] = outcome
        if outcome == "failed":
            entry["message"] = report.longreprtext[-4000:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take a module that could not be collected."""
        if report.failed:
            self.tests[report.nodeid] = {"outcome": "failed", "seconds": 0.0, "message": report.longreprtext[-4000:]}

    def pytest_sessionfinish(self) -> None:
        """Write what was seen."""
        Path(os.environ["SUITE_REPORT"]).write_text(json.dumps(self.tests, indent=1, sort_keys=True), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Count where the outcomes arrive: not in the workers of xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Outcomes(), "suite-outcomes")


def pytest_report_header() -> list[str]:
    """Say which face is on."""
    return [f"face: {INSTALLED!r}" if INSTALLED is not None else "face: pydicom's own"]
