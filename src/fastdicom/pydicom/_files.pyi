from collections.abc import Callable
from io import BytesIO

from pydicom.dataset import Dataset, FileDataset

from fastdicom._core import Source

def open_file(
    source: Source,
    filename: str | None,
    buffer: BytesIO | None,
    stop_before: frozenset[int] | None,
    defer: float | None,
    reread: Callable[[], Dataset],
) -> FileDataset | None: ...
