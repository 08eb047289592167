"""Fixtures of the whole suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import corpus as corpus_module

try:
    import hypothesis
except ImportError:  # a wheel is tested with less installed
    pass
else:
    # time decides no test: a sanitizer, or a machine with other work, makes any deadline wrong
    hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if corpus_module.required() and corpus_module.folder() is None:
        raise pytest.UsageError("FASTDICOM_REQUIRE_CORPUS is set, but there is no corpus: set FASTDICOM_CORPUS to its folder")


@pytest.fixture(scope="session", autouse=True)
def pydicom_is_no_mirror() -> None:
    """Where this package is installed, pydicom would decode by our plug-in of pylibjpeg what ours is compared with."""
    import children

    if not children.sanitized():  # where nothing is compared with it, and its libraries need not be loaded
        from fastdicom.cli.peers import pydicom_by_itself

        pydicom_by_itself()


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the corpus; the test is skipped where there is none."""
    folder = corpus_module.folder()
    if folder is None:
        pytest.skip("no corpus: set FASTDICOM_CORPUS to its folder")
    return folder


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """A scan that is not told how many threads to take takes one: its rows come in the order of the walk, in one batch."""
    if request.path.parent.name not in {"scan", "oracle", "cli"} or request.path.name == "test_scan_threads.py":
        yield
        return
    from fastdicom.scan import threads

    cores = threads.cores
    threads.cores = lambda: 1
    yield
    threads.cores = cores


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return corpus_module.ROOT
