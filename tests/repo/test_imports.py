"""What `import fastdicom` brings along, in a fresh interpreter."""

from __future__ import annotations

import children

HEAVY = [
    "numpy",
    "pyarrow",
    "duckdb",
    "imagecodecs",
    "simplejpeg",
    "openjpeg",
    "pylibjpeg",
    "gdcm",
    "av",
    "pydicom",
    "PIL",
    "polars",
    "pandas",
    "distributed",
    "dask",
]

LOADED = """
import sys
before = set(sys.modules)
import fastdicom
print(*sorted(set(sys.modules) - before))
"""


def loaded() -> list[str]:
    return children.run(LOADED).split()


def test_nothing_heavy_is_imported() -> None:
    tops = {name.split(".")[0] for name in loaded()}
    assert not tops & set(HEAVY)


def test_few_modules_are_imported() -> None:
    # Time decides no unit test, but the number of modules is what the time of an import grows with.
    assert len(loaded()) <= 90


def test_no_thread_and_no_warning_at_import() -> None:
    code = "import threading, warnings; warnings.simplefilter('error'); import fastdicom; print(threading.active_count())"
    assert children.run(code).strip() == "1"


def test_every_public_name_exists() -> None:
    code = "import fastdicom\nfor name in fastdicom.__all__: getattr(fastdicom, name)\nprint(set(fastdicom.__all__) <= set(dir(fastdicom)))"
    assert children.run(code).strip() == "True"
