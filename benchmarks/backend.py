"""Programs on pydicom before and after `fastdicom.pydicom.install`: reading a SEG of 12,000 frames, highdicom making a label map of one, a
DataLoader over compressed CT.

    python benchmarks/backend.py [groups] [seg] [loader] [--repeats 5] [--folder DIR]

Each program is the same in both columns and knows nothing of us: it runs as ``python …`` and as ``python -m fastdicom.pydicom …``, in
turns, in processes of its own. What is told is the fastest of the repeats and the ratio; both must give the same pixels, or it is an error.
Needs pydicom, highdicom and imagecodecs; with PyTorch the loop is a `torch.utils.data.DataLoader`, without it one of plain Python.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

SEGMENTS, SLICES, SIZE = 98, 122, 64  # 11,956 frames
IMAGES = 64
FACES = {"pydicom": [], "fastdicom": ["-m", "fastdicom.pydicom"]}


def digest(array: Any) -> str:
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


# What is measured: these run in the children.


def read_groups(folder: Path) -> tuple[dict[str, float], str]:
    """Open a SEG of `make_seg.py` and read one value; then touch the groups of every frame."""
    import pydicom

    times, found = {}, []
    for lengths in ("undefined", "defined"):
        for _ in range(2):
            began = time.perf_counter()
            ds = pydicom.dcmread(folder / f"seg_{lengths}.dcm")
            count = int(ds.NumberOfFrames)
            opened = time.perf_counter()
            groups = sum(len(group.FrameContentSequence[0].DimensionIndexValues) for group in ds.PerFrameFunctionalGroupsSequence)
            times[f"{lengths} lengths: open, one value"] = opened - began
            times[f"{lengths} lengths: open, every group"] = time.perf_counter() - began
            del ds  # which takes time of its own
        found += [count, groups]
    return times, repr(found)


def read_label_map(folder: Path) -> tuple[dict[str, float], str]:
    """Open a SEG with highdicom and combine its segments to one label map."""
    import highdicom

    for _ in range(2):  # the first time loads what highdicom needs
        began = time.perf_counter()
        seg = highdicom.seg.segread(folder / "seg.dcm")
        opened = time.perf_counter()
        volume = seg.get_volume(combine_segments=True)
        ended = time.perf_counter()
    return {"segread": opened - began, "label map": ended - opened, "both": ended - began}, digest(volume.array)


def load_batches(folder: Path) -> tuple[dict[str, float], str]:
    """Batches of float images from compressed files, a file at a time, as a training loop does it."""
    import numpy as np
    import pydicom

    from fastdicom.cli.peers import pydicom_by_itself

    pydicom_by_itself()  # where we are installed, pydicom's plug-in of pylibjpeg would decode by ours in both columns

    class Images:
        def __init__(self, paths: list[Path]) -> None:
            self.paths = paths

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, index: int) -> Any:
            ds = pydicom.dcmread(self.paths[index])
            return ds.pixel_array.astype("float32") * float(ds.RescaleSlope) + float(ds.RescaleIntercept)

    times, sums = {}, []
    for name in sorted(path.name for path in folder.glob("ct-*")):
        images = Images(sorted((folder / name).iterdir()))
        began, cpu = time.perf_counter(), time.process_time()
        batches = list(_loader(images))
        times[name] = (time.perf_counter() - began) / len(images)
        times[f"{name}, of the processor"] = (time.process_time() - cpu) / len(images)
        sums.append(sum(float(np.asarray(batch, "float64").sum()) for batch in batches))
    return times, repr(sums)


def _loader(images: Any) -> Any:
    """Batches of eight."""
    try:
        from torch.utils.data import DataLoader
    except ImportError:
        import numpy as np

        return (np.stack([images[i] for i in range(at, min(at + 8, len(images)))]) for at in range(0, len(images), 8))
    return DataLoader(images, batch_size=8, num_workers=0)


# The files


def make_groups(folder: Path) -> None:
    """SEGs with sequences of undefined and of defined lengths."""
    import make_seg as maker

    maker.make(folder)


def make_seg(folder: Path) -> None:
    """A SEG as highdicom writes it: every structure in every slice."""
    import highdicom
    import numpy as np
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.sr.codedict import codes

    if (folder / "seg.dcm").exists():
        return
    template = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    series = []
    for i in range(SLICES):
        ds = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"{template.SOPInstanceUID}.{i + 1}"
        ds.FrameOfReferenceUID = template.FrameOfReferenceUID
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, i], [1, 0, 0, 0, 1, 0]
        ds.SliceThickness = ds.SpacingBetweenSlices = 1
        ds.Rows = ds.Columns = SIZE
        ds.InstanceNumber = i + 1
        series.append(ds)
    described = [
        highdicom.seg.SegmentDescription(
            segment_number=k + 1,
            segment_label=f"Structure {k + 1}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for k in range(SEGMENTS)
    ]
    labels = np.random.default_rng(1).integers(0, SEGMENTS + 1, (SLICES, SIZE, SIZE), np.uint8)
    seg = highdicom.seg.Segmentation(
        source_images=series,
        pixel_array=labels,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=described,
        series_instance_uid="1.2.826.0.1.3680043.8.498.8.1",
        series_number=2,
        sop_instance_uid="1.2.826.0.1.3680043.8.498.8.2",
        instance_number=1,
        manufacturer="nobody",
        manufacturer_model_name="none",
        software_versions="0",
        device_serial_number="0",
    )
    seg.save_as(folder / "seg.dcm")


def make_images(folder: Path) -> None:
    """CT-like images of 512 × 512, 12 bits, in four syntaxes without loss."""
    import imagecodecs
    import numpy as np
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.encaps import encapsulate
    from pydicom.uid import JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless

    encode: dict[str, tuple[str, Callable[[Any], bytes] | None]] = {
        "ct-jpeg-lossless": (JPEGLosslessSV1, lambda image: imagecodecs.jpeg_encode(image, lossless=True, predictor=1, bitspersample=16)),
        "ct-jpeg-ls": (JPEGLSLossless, imagecodecs.jpegls_encode),
        "ct-jpeg-2000": (JPEG2000Lossless, lambda image: imagecodecs.jpeg2k_encode(image, codecformat="j2k", reversible=True, level=0)),
        "ct-rle": (RLELossless, None),
    }
    random = np.random.default_rng(2)
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    for name, (syntax, encoder) in encode.items():
        (folder / name).mkdir(exist_ok=True)
        for i in range(IMAGES):
            path = folder / name / f"{i:04}.dcm"
            if path.exists():
                continue
            body = (x**2 + (1.3 * y) ** 2 < 0.8) * (1000 + 300 * np.sin(6 * x + i) * np.cos(5 * y))
            image = np.clip(body + random.normal(0, 12, body.shape) * (body > 0) + 24, 0, 4095).astype("<u2")
            ds = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
            ds.Rows, ds.Columns = image.shape
            ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
            ds.PixelData = image.tobytes()
            del ds[0xFFFCFFFC]
            if encoder is None:
                ds.compress(syntax, generate_instance_uid=False)
            else:
                ds.PixelData = encapsulate([encoder(image)])
                ds["PixelData"].VR = "OB"
                ds["PixelData"].is_undefined_length = True
                ds.file_meta.TransferSyntaxUID = syntax
            ds.save_as(path)


THEMES: dict[str, tuple[Callable[[Path], None], Callable[[Path], tuple[dict[str, float], str]], str]] = {
    "groups": (make_groups, read_groups, "a SEG of 98 segments and 12000 frames, ms"),
    "seg": (make_seg, read_label_map, f"highdicom: a SEG of {SEGMENTS} segments and {SEGMENTS * SLICES} frames, ms"),
    "loader": (make_images, load_batches, f"a loader of {IMAGES} compressed CT images a kind, ms an image"),
}


def child(theme: str, folder: Path, face: str) -> tuple[dict[str, float], str]:
    done = subprocess.run(
        [sys.executable, *FACES[face], str(Path(__file__).resolve()), theme, "--folder", str(folder), "--child"],
        check=True,
        capture_output=True,
        text=True,
    )
    times, result = json.loads(done.stdout.splitlines()[-1])
    return times, result


def measure(theme: str, folder: Path, repeats: int) -> None:
    make, _, title = THEMES[theme]
    make(folder)
    best: dict[str, dict[str, float]] = {face: {} for face in FACES}
    results = set()
    for _ in range(repeats):
        for face in FACES:
            times, result = child(theme, folder, face)
            results.add(result)
            for name, seconds in times.items():
                best[face][name] = min(seconds, best[face].get(name, seconds))
    if len(results) != 1:
        raise SystemExit(f"{theme}: the pixels differ: {results}")
    print(f"\n{title}\n| | pydicom | after install() | × |\n|---|---|---|---|")
    for name, before in best["pydicom"].items():
        after = best["fastdicom"][name]
        print(f"| {name} | {before * 1e3:.4g} | {after * 1e3:.4g} | {before / after:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("themes", nargs="*", choices=[[], *THEMES], help="all of them when none is named")
    parser.add_argument("--folder", type=Path, help="where the files are made, and found again")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(THEMES[options.themes[0]][1](options.folder)))
        return
    versions = {name: _version(name) for name in ("pydicom", "highdicom", "torch", "numpy")}
    print(f"Python {platform.python_version()}, " + ", ".join(f"{name} {version}" for name, version in versions.items()))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for theme in options.themes or THEMES:
            measure(theme, folder, options.repeats)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
