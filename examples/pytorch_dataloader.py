"""Feed a PyTorch training loop from DICOM files: with workers, with threads, and beside pydicom doing the same.

    python examples/pytorch_dataloader.py FOLDER [--batch 16] [--workers 2] [--epochs 3]

Three ways to the same batches:

1. `DataLoader` with workers, and a data set whose batch is one call of `fastdicom.decode_many` into a tensor in shared memory: the
   worker decodes straight into what the training process gets, and nothing is copied or pickled on the way but file names.
2. No workers: `decode_many` on threads, into two tensors that are made once (pinned when there is CUDA) and filled in turns, one
   while the other is trained on. This needs no processes at all, because decoding does not hold the GIL.
3. `DataLoader` with workers and pydicom, an image at a time, as most code does it today.

All of them leave out files that are no images or have another shape, and the sums of all pixels are compared.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

import fastdicom


class DicomFiles(Dataset):
    """Images of one shape, by path.

    It is pickled by path: a worker, spawned or forked, gets names and opens files itself.
    """

    def __init__(self, paths: list[str], shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.paths = paths
        self.shape = shape
        self.dtype = dtype

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> torch.Tensor:
        """A whole batch, which DataLoader asks for where a data set has this method."""
        batch = torch.empty((len(indices), *self.shape), dtype=self.dtype)
        threads = None
        if get_worker_info() is not None:
            batch.share_memory_()  # the training process maps it: the batch is never sent
            threads = 1  # there is a worker a processor already
        done = fastdicom.decode_many((self.paths[i] for i in indices), out=batch.numpy(), threads=threads)
        for error in done.errors.values():
            raise error
        return batch


class PydicomFiles(Dataset):
    """The same by pydicom."""

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> torch.Tensor:
        import pydicom

        return torch.from_numpy(np.array(pydicom.dcmread(self.paths[index]).pixel_array))


def whole_batch(batch: torch.Tensor) -> torch.Tensor:
    """What DataLoader makes of a batch that is one tensor already."""
    return batch


def on_threads(files: DicomFiles, size: int) -> Iterator[torch.Tensor]:
    """Batches in two tensors that take turns; one is valid until the next is asked for."""
    pinned = torch.cuda.is_available()
    buffers = [torch.empty((size, *files.shape), dtype=files.dtype, pin_memory=pinned) for _ in range(2)]

    def fill(number: int) -> torch.Tensor:
        paths = files.paths[number * size : (number + 1) * size]
        batch = buffers[number % 2][: len(paths)]
        for error in fastdicom.decode_many(paths, out=batch.numpy()).errors.values():
            raise error
        return batch

    with ThreadPoolExecutor(1) as pool:
        count = -(-len(files) // size)
        coming = pool.submit(fill, 0)
        for number in range(count):
            batch = coming.result()
            if number + 1 < count:
                coming = pool.submit(fill, number + 1)
            yield batch


def images_in(folder: str) -> DicomFiles:
    """The files of a folder whose pixels have the shape and type of the first one's, by their headers."""
    kinds: dict[tuple[tuple[int, ...], np.dtype[Any]], list[str]] = {}
    others = 0
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
        try:
            with fastdicom.dcmread(path) as ds:
                frames = ds.frames
                shape = frames.shape if len(frames) > 1 else frames.shape[1:]
                kinds.setdefault((shape, frames.dtype), []).append(str(path))
        except (fastdicom.DicomError, OSError):
            others += 1
    if not kinds:
        raise SystemExit(f"{folder}: no file has pixels")
    (shape, dtype), paths = next(iter(kinds.items()))
    others += sum(map(len, kinds.values())) - len(paths)
    print(f"{len(paths)} images of {dtype} {shape}; {others} other files are left out")
    return DicomFiles(paths, shape, torch.from_numpy(np.empty(0, dtype)).dtype)


def train(batches: Any, device: torch.device) -> tuple[int, int]:
    """In place of a training step: the number of images, and the sum of all pixels."""
    images, total = 0, torch.zeros((), dtype=torch.int64, device=device)
    for batch in batches:
        images += len(batch)
        total += batch.to(device, non_blocking=True).to(torch.int64).sum()
    return images, int(total)


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Compare; answers images a second by name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--batch", type=int, default=16, help="images a batch (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes of DataLoader (%(default)s)")
    parser.add_argument("--epochs", type=int, default=3, help="the best of so many counts; the first starts the workers (%(default)s)")
    parser.add_argument("--context", default="spawn", choices=("spawn", "forkserver", "fork"), help="how workers start (%(default)s)")
    args = parser.parse_args(argv)
    warnings.simplefilter("ignore", fastdicom.DicomWarning)

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    files = images_in(args.folder)
    options: dict[str, Any] = {"batch_size": args.batch, "pin_memory": torch.cuda.is_available(), "num_workers": args.workers}
    if args.workers:
        options |= {"persistent_workers": True, "multiprocessing_context": args.context}
    ours = DataLoader(files, collate_fn=whole_batch, **options)
    loaders = {
        f"fastdicom, DataLoader, {args.workers} workers": lambda: ours,
        "fastdicom, threads and two buffers": lambda: on_threads(files, args.batch),
    }
    try:
        import pydicom  # noqa: F401
    except ImportError:
        print("pydicom is not installed: nothing to compare with")
    else:
        theirs = DataLoader(PydicomFiles(files.paths), **options)
        loaders[f"pydicom, DataLoader, {args.workers} workers"] = lambda: theirs

    rates: dict[str, float] = {}
    sums = set()
    for name, batches in loaders.items():
        for _ in range(args.epochs):
            start = time.perf_counter()
            images, total = train(batches(), device)
            rates[name] = max(rates.get(name, 0.0), images / (time.perf_counter() - start))
            sums.add((images, total))
        print(f"{name:40} {rates[name]:9.0f} images/s")
    if len(sums) != 1:
        raise SystemExit(f"the batches are not the same: {sums}")
    return rates


if __name__ == "__main__":
    main()
