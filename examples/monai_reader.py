"""Read images for MONAI by fastdicom: an ImageReader, and a comparison with MONAI's own PydicomReader.

    python examples/monai_reader.py FOLDER_OR_FILE... [--repeat 3]

    from monai_reader import FastDicomReader
    image = monai.transforms.LoadImage(reader=FastDicomReader())("folder of a series")

A file is an image, a folder is a series: its slices stacked by Instance Number. Values are rescaled (Rescale Slope, Intercept) to float32
where the file says so. Slices are decoded on threads, straight into one array, before anything is transposed or becomes float.

Where MONAI's reader differs on purpose: frames of a multi-frame file are the last axis, with the affine of their functional groups,
and colour is a channel. Segmentations (DICOM SEG) are not stacked by segment: `PydicomReader` does that.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from monai.data import ImageReader
from monai.data.utils import affine_to_spacing, orientation_ras_lps
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

import fastdicom

# as PydicomReader keeps them in its metadata: Image Position and Orientation (Patient), Pixel Spacing
KEPT = {"00200032": "ImagePositionPatient", "00200037": "ImageOrientationPatient", "00280030": "PixelSpacing"}
GROUPS = {"ImagePositionPatient": "PlanePosition", "ImageOrientationPatient": "PlaneOrientation", "PixelSpacing": "PixelMeasures"}


class Series(list):
    """The slices of a folder, as `FastDicomReader.read` gives them; a plain list are images by themselves."""


class FastDicomReader(ImageReader):
    """Images and series of DICOM files.

    Parameters
    ----------
    channel_dim : str or int, optional
        Where channels are, if not where this reader knows them to be (last for colour, none otherwise).
    affine_lps_to_ras : bool
        Whether the affine is turned from DICOM's LPS to RAS, as other readers of MONAI have it.
    swap_ij : bool
        Columns first, then rows, as other readers of MONAI have it.
    threads : int, optional
        How many slices are decoded at a time; as many as there are processors by default.
    **options
        For `fastdicom.dcmread`, such as ``mmap=False``.
    """

    def __init__(
        self,
        channel_dim: str | int | None = None,
        affine_lps_to_ras: bool = True,
        swap_ij: bool = True,
        threads: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.channel_dim = float("nan") if channel_dim == "no_channel" else channel_dim
        self.affine_lps_to_ras = affine_lps_to_ras
        self.swap_ij = swap_ij
        self.threads = threads
        self.options = options

    def verify_suffix(self, filename: Any) -> bool:  # noqa: ARG002
        """True: names of DICOM files say nothing."""
        return True

    def read(self, data: Any, **kwargs: Any) -> Any:
        """Open files: a data set for a file, a `Series` for a folder; a list of both for several."""
        opened = [self._open(Path(name), {**self.options, **kwargs}) for name in ensure_tuple(data)]
        return opened[0] if len(opened) == 1 else opened

    def _open(self, path: Path, options: dict[str, Any]) -> Any:
        if not path.is_dir():
            return fastdicom.dcmread(path, **options)
        slices = Series()
        for name in sorted(path.iterdir()):
            try:
                slices.append(fastdicom.dcmread(name, **options))
            except (fastdicom.DicomError, OSError) as error:
                warnings.warn(f"{name} was left out: {error}", stacklevel=3)
        if not slices:
            raise ValueError(f"{path}: no DICOM files")
        return slices if len(slices) > 1 else slices[0]

    def get_data(self, img: Any) -> tuple[np.ndarray, dict[str, Any]]:
        """The array and the metadata of what `read` gave; several images are stacked along a new first axis."""
        images = [img] if isinstance(img, (Series, fastdicom.Dataset)) else list(img)
        made = [self._image(each if isinstance(each, Series) else [each]) for each in images]
        array = made[0][0] if len(made) == 1 else np.stack([array for array, _ in made])
        return array, made[0][1]

    def _image(self, slices: Sequence[fastdicom.Dataset]) -> tuple[np.ndarray, dict[str, Any]]:
        if len(slices) > 1:
            slices = sorted((ds for ds in slices if "InstanceNumber" in ds), key=lambda ds: ds.InstanceNumber)
            if not slices:
                raise ValueError("no slice has an Instance Number: nothing says their order")
        first = slices[0]
        volume = self._decoded(slices)  # (slices, rows, columns) or (slices, rows, columns, samples)
        flat = volume.shape[0] == 1
        order = [2, 1, 0] if self.swap_ij else [1, 2, 0]
        axes = [*order, *range(3, volume.ndim)]
        if flat:
            axes.remove(0)
            array = np.ascontiguousarray(volume.transpose([0, *axes])[0])
        else:
            array = np.ascontiguousarray(volume.transpose(axes))
        spatial = array.shape[: 2 if flat else 3]
        affine = self._affine(slices, volume.shape[0])
        meta: dict[str, Any] = {tag: _json(first, keyword) for tag, keyword in KEPT.items() if _placed(first, keyword) is not None}
        if len(slices) > 1 and _placed(slices[-1], "ImagePositionPatient") is not None:
            meta["lastImagePositionPatient"] = np.asarray(_placed(slices[-1], "ImagePositionPatient"))
        colour = array.ndim > len(spatial)
        meta |= {
            MetaKeys.SPATIAL_SHAPE: spatial,
            MetaKeys.SPACE: SpaceKeys.RAS if self.affine_lps_to_ras else SpaceKeys.LPS,
            MetaKeys.ORIGINAL_AFFINE: affine,
            MetaKeys.AFFINE: affine.copy(),
            MetaKeys.ORIGINAL_CHANNEL_DIM: self.channel_dim if self.channel_dim is not None else -1 if colour else float("nan"),
            "spacing": affine_to_spacing(affine, r=len(spatial)),
        }
        return _rescaled(array, slices), meta

    def _decoded(self, slices: Sequence[fastdicom.Dataset]) -> np.ndarray:
        """All pixels, frame behind frame, as stored."""
        if len(slices) == 1:
            frames = slices[0].frames
            return slices[0].decode(threads=self.threads)[None] if len(frames) == 1 else slices[0].decode(threads=self.threads)
        kind = slices[0].frames
        if len(kind) != 1:
            raise ValueError(f"{slices[0].filename}: {len(kind)} frames; a series is stacked of files with one")
        volume = np.empty((len(slices), *kind.shape[1:]), kind.dtype)
        with ThreadPoolExecutor(self.threads) as pool:  # decoding holds no GIL, nor does reading
            for _ in pool.map(lambda ds, out: ds.decode(out=out, threads=1), slices, volume):
                pass
        return volume

    def _affine(self, slices: Sequence[fastdicom.Dataset], count: int) -> np.ndarray:
        """From indices (column, row, slice), or (row, column, slice), to millimetres (PS3.3 C.7.6.2.1.1)."""
        affine = np.eye(4)
        first, last = slices[0], slices[-1]
        position, orientation = _placed(first, "ImagePositionPatient"), _placed(first, "ImageOrientationPatient")
        if position is None or orientation is None:  # as PydicomReader: the identity for (row, column)
            return affine[:, [1, 0, 2, 3]] if self.swap_ij else affine
        spacing = _placed(first, "PixelSpacing") or [1.0, 1.0]
        affine[:3, 0] = np.asarray(orientation[:3]) * spacing[1]  # a step to the next column goes along a row
        affine[:3, 1] = np.asarray(orientation[3:]) * spacing[0]
        affine[:3, 3] = position
        end = _placed(last, "ImagePositionPatient", -1)
        if count > 1 and end is not None:
            affine[:3, 2] = (np.asarray(end) - position) / (count - 1)
        if not self.swap_ij:
            affine = affine[:, [1, 0, 2, 3]]
        return orientation_ras_lps(affine) if self.affine_lps_to_ras else affine


def _placed(ds: fastdicom.Dataset, keyword: str, frame: int = 0) -> Any:
    """A list of numbers that says where an image is: in the data set, or in the functional groups of a frame (PS3.3 C.7.6.16)."""
    value = ds.get(keyword)
    if value is None and GROUPS.get(keyword):
        for groups in (ds.get("PerFrameFunctionalGroupsSequence"), ds.get("SharedFunctionalGroupsSequence")):
            if groups:
                inner = groups[frame if len(groups) > 1 else 0].get(f"{GROUPS[keyword]}Sequence")
                if inner and inner[0].get(keyword) is not None:
                    return inner[0].get(keyword)
    return value


def _json(ds: fastdicom.Dataset, keyword: str) -> dict[str, Any]:
    return {"vr": "DS", "Value": list(_placed(ds, keyword))}


def _rescaled(array: np.ndarray, slices: Sequence[fastdicom.Dataset]) -> np.ndarray:
    """Modality values (PS3.3 C.11.1) as float32; what has neither slope nor intercept stays as it is stored."""
    scales = [(ds.get("RescaleSlope"), ds.get("RescaleIntercept")) for ds in slices]
    if all(scale == (None, None) for scale in scales):
        return array
    array = array.astype(np.float32)
    factors = np.array([[1.0 if slope is None else slope, intercept or 0.0] for slope, intercept in scales], np.float32)
    if (factors == factors[0]).all():
        array *= factors[0, 0]
        array += factors[0, 1]
    else:  # each slice has its own, as in PET
        array *= factors[:, 0]
        array += factors[:, 1]
    return array


def main(argv: list[str] | None = None) -> dict[str, float]:
    """Compare with PydicomReader; answers the best time in seconds by name."""
    from monai.data import PydicomReader
    from monai.transforms import LoadImage

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="files or folders, each an image")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts (%(default)s)")
    args = parser.parse_args(argv)

    best: dict[str, float] = {}
    loaded: dict[str, list[Any]] = {}
    readers = {"fastdicom": FastDicomReader(), "PydicomReader": PydicomReader()}
    for _ in range(args.repeat):
        for name, reader in readers.items():
            load = LoadImage(reader=reader)
            start = time.perf_counter()
            loaded[name] = [load(path) for path in args.paths]
            best[name] = min(best.get(name, float("inf")), time.perf_counter() - start)
    for path, ours, theirs in zip(args.paths, loaded["fastdicom"], loaded["PydicomReader"], strict=True):
        if ours.shape != theirs.shape:
            raise SystemExit(f"{path}: {tuple(ours.shape)} by fastdicom, {tuple(theirs.shape)} by PydicomReader")
        difference = float((ours - theirs).abs().max())
        apart = float(np.abs(np.asarray(ours.affine) - np.asarray(theirs.affine)).max())
        print(f"{path}: {tuple(ours.shape)} {ours.dtype}, values differ by {difference:g}, affines by {apart:g}")
        if difference > 1e-3 or apart > 1e-6:
            raise SystemExit("that is too much")
    for name, seconds in best.items():
        print(f"{name:16} {seconds * 1000:9.1f} ms")
    return best


if __name__ == "__main__":
    main()
