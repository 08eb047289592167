"""A program that uses pydicom in eleven typical ways, and knows of no other reader: typical.py FOLDER [WAY]...

What it prints and what it writes to FOLDER is the same with pydicom alone and under ``python -m fastdicom.pydicom``.
"""

from __future__ import annotations

import copy
import hashlib
import io
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_charset_files, get_testdata_file
from pydicom.fileset import FileSet
from pydicom.filewriter import write_file_meta_info
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, compress, convert_color_space, iter_pixels, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless, generate_uid
from pydicom.util.codify import code_file
from pydicom.util.leanread import dicomfile


def test_file(name: str) -> str:
    found = get_testdata_file(name, download=False)
    assert found is not None, name
    return found


def show(array: np.ndarray) -> str:
    """What one line can say of every pixel."""
    return f"{array.shape} {array.dtype} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:24]}"


def look_at_headers(_: Path) -> None:
    """Values by keyword, by tag, with a default; the whole data set as text."""
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose.dcm", "reportsi.dcm", "waveform_ecg.dcm", "MR_small_bigendian.dcm"):
        ds = dcmread(test_file(name))
        print(
            name,
            ds.PatientName,
            repr(ds.PatientID),
            ds.get("StudyDate"),
            ds.get((0x0008, 0x0060)).value,
            ds.file_meta.TransferSyntaxUID.name,
        )
        print(ds.get("NoSuchKeyword", "nothing"), "Rows" in ds, ds.get("PixelSpacing"), ds.original_encoding, ds.original_character_set)
        print(ds[0x0008, 0x0018], ds["SOPInstanceUID"].VR, len(ds), ds.dir("Patient"))
        print(ds)
        print(repr(ds.file_meta), ds.preamble, Path(ds.filename).name, ds.is_implicit_VR, ds.is_little_endian)


def walk_everything(_: Path) -> None:
    """Each element of each item."""
    for name in ("rtplan.dcm", "reportsi.dcm", "liver_1frame.dcm", "nested_priv_SQ.dcm", "priv_SQ.dcm", "no_meta.dcm", "UN_sequence.dcm"):
        ds = dcmread(test_file(name), force=True)
        for elem in ds.iterall():
            print(elem.tag, elem.VR, elem.VM, elem.keyword, elem.name, elem.is_undefined_length, elem.repval, sep="|")
        seen: list[str] = []
        ds.walk(lambda item, elem: seen.append(f"{len(item)}:{elem.tag}"))  # noqa: B023
        print(" ".join(seen))
        for group in (0x0008, 0x0010, 0x0028):
            print(f"{group:04x}", [elem.keyword for elem in ds.group_dataset(group)])


def anonymise(out: Path) -> None:
    """Remove, replace, blank; and save."""
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm"):
        ds = dcmread(test_file(name))

        def blank(item: Dataset, elem: pydicom.DataElement) -> None:
            if elem.VR == "PN":
                elem.value = "Anonymous"
            elif elem.VR in ("DA", "TM", "DT"):
                item[elem.tag].value = ""

        ds.walk(blank)
        ds.remove_private_tags()
        for keyword in ("OtherPatientIDs", "PatientBirthDate", "InstitutionName"):
            if keyword in ds:
                delattr(ds, keyword)
        ds.pop("AccessionNumber", None)
        ds.PatientID = "id-1"
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[name])
        ds.save_as(out / f"anonymous-{name}")
        print(name, len(ds), ds)


def stack_a_series(out: Path) -> None:
    """Sort slices by place, stack them, to Hounsfield units, windowed."""
    folder = Path(test_file("DICOMDIR")).parent / "77654033" / "CT2"
    slices = sorted((dcmread(path) for path in folder.iterdir()), key=lambda ds: float(ds.ImagePositionPatient[2]))
    volume = np.stack([apply_modality_lut(ds.pixel_array, ds) for ds in slices])
    shown = apply_voi_lut(slices[0].pixel_array, slices[0])
    np.save(out / "volume.npy", volume)
    print([ds.InstanceNumber for ds in slices], [ds.ImagePositionPatient for ds in slices], show(volume), show(shown))


def read_compressed(out: Path) -> None:
    """Arrays and decompressed files of images that pydicom's own plug-ins decode."""
    for name in (
        "MR_small_RLE.dcm",
        "JPEG2000.dcm",
        "SC_rgb_jpeg_dcmtk.dcm",
        "SC_rgb_jpeg_gdcm.dcm",
        "SC_rgb_rle_2frame.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "GDCMJ2K_TextGBR.dcm",
        "examples_ybr_color.dcm",
    ):
        ds = dcmread(test_file(name))
        print(name, ds.PhotometricInterpretation, show(ds.pixel_array))
        ds.decompress(generate_instance_uid=False)
        print(ds.PhotometricInterpretation, ds.file_meta.TransferSyntaxUID.name, show(ds.pixel_array))
        ds.save_as(out / f"decompressed-{name}")


def to_and_from_json(out: Path) -> None:
    """The JSON model, with bulk data and back."""
    for name in ("CT_small.dcm", "rtplan.dcm", "reportsi.dcm", "test-SR.dcm", "MR_small_bigendian.dcm"):
        ds = dcmread(test_file(name))
        text = ds.to_json(bulk_data_threshold=1 << 20)
        (out / f"{name}.json").write_text(text, encoding="utf-8")
        back = Dataset.from_json(text)
        print(name, len(text), back == ds, json.loads(text).keys() == ds.to_json_dict(1 << 20).keys())
        print(list(ds.to_json_dict(64, lambda elem: f"bulk/{elem.tag}").items())[-3:])


def browse_a_file_set(out: Path) -> None:
    """A DICOMDIR, its instances, and a copy of it."""
    files = FileSet(dcmread(test_file("DICOMDIR")))
    print(files)
    for instance in files.find(PatientID="77654033"):
        ds = instance.load()
        print(instance.SOPInstanceUID, ds.Modality, Path(ds.filename).name, ds.get("Rows"))
    print(files.find_values("Modality"), files.find_values("PatientID"))
    new = FileSet()
    new.UID = generate_uid(entropy_srcs=["file set"])
    for name in ("CT_small.dcm", "MR_small.dcm"):
        new.add(test_file(name))
    new.write(out / "fileset")
    print(sorted(str(path.relative_to(out)) for path in (out / "fileset").rglob("*")))


def read_in_part(_: Path) -> None:
    """Some tags, no pixels, deferred, from memory, by force; and what is no DICOM."""
    for name in ("CT_small.dcm", "MR_small_RLE.dcm", "rtplan.dcm"):
        path = test_file(name)
        print(dcmread(path, specific_tags=["PatientName", (0x0008, 0x0060), 0x00280010]))
        print("PixelData" in dcmread(path, stop_before_pixels=True), list(dcmread(path, stop_before_pixels=True).keys())[-2:])
        deferred = dcmread(path, defer_size=512)
        print(hashlib.sha256(deferred.get("PixelData", b"")).hexdigest()[:16], deferred == dcmread(path))
        content = Path(path).read_bytes()
        with io.BytesIO(content) as file, open(path, "rb") as opened:
            print(dcmread(file) == dcmread(opened), file.tell(), opened.tell(), type(dcmread(Path(path)).filename).__name__)
        meta, ds = dicomfile(path).fobj.name == path, dcmread(io.BytesIO(content[:2000]), force=True)
        print(meta, len(ds))
    print(dcmread(test_file("no_meta.dcm"), force=True))
    for path in (__file__, test_file("no_meta.dcm"), "no/such/file.dcm"):
        try:
            dcmread(path)
        except Exception as error:
            print(type(error).__name__, str(error).replace(str(path), "PATH"))
    for path in sorted(get_charset_files("chr*.dcm")):
        ds = dcmread(path)
        name = ds.get("PatientName", "")
        print(Path(path).name, ds.get("SpecificCharacterSet"), name, repr(getattr(name, "components", None)))


def copy_and_pickle(out: Path) -> None:
    """Through pickle, deepcopy, and comparisons; a data set outlives its file."""
    for name in ("CT_small.dcm", "rtplan.dcm", "JPEG2000.dcm"):
        path = out / f"moved-{name}"
        path.write_bytes(Path(test_file(name)).read_bytes())
        ds = dcmread(path)
        path.unlink()
        back, deep, flat = pickle.loads(pickle.dumps(ds)), copy.deepcopy(ds), copy.copy(ds)
        print(name, back == ds, deep == ds, flat == ds, type(back).__name__, back.file_meta == ds.file_meta, Path(back.filename).name)
        deep.PatientName = "Other"
        print(deep == ds, ds.PatientName, flat.PatientName, len(back.get("PixelData", b"")))
    print(code_file(test_file("MR_small_RLE.dcm"))[:4000].replace(test_file("MR_small_RLE.dcm"), "PATH"))


def change_and_write(out: Path) -> None:
    """Unchanged, with new elements, in other encodings and compressed."""
    for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "SC_rgb.dcm", "reportsi.dcm"):
        path = get_testdata_file(name, download=False)
        if path is None:
            continue
        ds = dcmread(path)
        ds.save_as(out / f"same-{name}")
        print(name, (out / f"same-{name}").read_bytes() == Path(path).read_bytes())
        ds.ReferencedSeriesSequence = Sequence([Dataset()])
        ds.ReferencedSeriesSequence[0].SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
        block = ds.private_block(0x0099, "somebody", create=True)
        block.add_new(0x01, "SH", "private")
        ds.add_new(0x00104000, "LT", "a comment")
        ds[0x0010, 0x0010].value = "New^Name"
        dcmwrite(out / f"changed-{name}", ds, enforce_file_format=True)
        if not ds.file_meta.TransferSyntaxUID.is_compressed and name != "MR_small_bigendian.dcm":
            for syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian):
                again = dcmread(out / f"changed-{name}")
                again.file_meta.TransferSyntaxUID = syntax
                again.save_as(out / f"{syntax.name.replace(' ', '-')}-{name}", implicit_vr=syntax.is_implicit_VR, little_endian=True)
            if "PixelData" in ds:
                compress(ds, RLELossless, generate_instance_uid=False, encoding_plugin="pydicom")
                ds.save_as(out / f"rle-{name}")
        print(ds)
    ds = dcmread(test_file("ExplVR_BigEnd.dcm"))
    assert ds.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    with io.BytesIO() as file:
        write_file_meta_info(file, ds.file_meta)
        print(hashlib.sha256(file.getvalue()).hexdigest())


def show_pictures(out: Path) -> None:
    """Frames one by one, palettes, colours and overlays."""
    for name in ("SC_rgb_rle_2frame.dcm", "examples_ybr_color.dcm", "emri_small_RLE.dcm", "rtdose.dcm", "liver.dcm", "liver_1frame.dcm"):
        path = get_testdata_file(name, download=False)
        if path is None:
            continue
        for number, frame in enumerate(iter_pixels(path)):
            print(name, number, show(frame))
        print(show(pixel_array(path, index=0)), show(pixel_array(path, raw=True)))
    ds = dcmread(test_file("examples_palette.dcm"))
    np.save(out / "palette.npy", apply_color_lut(ds.pixel_array, ds))
    ds = dcmread(test_file("SC_ybr_full_422_uncompressed.dcm"))
    print(show(ds.pixel_array), show(convert_color_space(ds.pixel_array, "RGB", "YBR_FULL")))
    ds = dcmread(test_file("examples_overlay.dcm"))
    print(show(ds.overlay_array(0x6000)), show(ds.pixel_array))


WAYS = {
    way.__name__: way
    for way in (
        look_at_headers,
        walk_everything,
        anonymise,
        stack_a_series,
        read_compressed,
        to_and_from_json,
        browse_a_file_set,
        read_in_part,
        copy_and_pickle,
        change_and_write,
        show_pictures,
    )
}


def main() -> None:
    folder, *names = sys.argv[1:]
    for name in names or WAYS:
        out = Path(folder, name)
        out.mkdir(parents=True)
        print(f"== {name}")
        WAYS[name](out)


if __name__ == "__main__":
    main()
