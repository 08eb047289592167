"""Makes small archives of studies: files with patient, study, series, instance and a place in space."""

from __future__ import annotations

from pathlib import Path

from builders import dataset, element, file_meta, part10

CT = "1.2.840.10008.5.1.4.1.1.2"


def instance(
    number: int = 1,
    *,
    series: str = "1.2.3",
    study: str = "1.2",
    patient: str = "P-1",
    name: str = "Doe^Jane",
    uid: str | None = None,
    sop_class: str = CT,
    modality: str = "CT",
    z: float | None = None,
    orientation: str = "1\\0\\0\\0\\1\\0",
    image_type: str = "ORIGINAL\\PRIMARY\\AXIAL",
    series_number: int = 1,
    description: str = "thorax",
    date: str = "20240131",
    pixels: bytes = bytes(32),
    meta_class: str | None = None,
) -> bytes:
    """One file of a series; `z` puts it there (Image Position and Orientation, PS3.3 C.7.6.2)."""
    uid = f"{series}.{number}" if uid is None else uid
    ids = [(0x00080016, sop_class), (0x00080018, uid)]
    out = element(0x00080008, "CS", image_type) + b"".join(element(tag, "UI", value) for tag, value in ids if value)
    out += element(0x00080020, "DA", date) + element(0x00080050, "SH", "A-7") + element(0x00080060, "CS", modality)
    out += element(0x00081030, "LO", "chest") + element(0x0008103E, "LO", description)
    out += element(0x00100010, "PN", name) + element(0x00100020, "LO", patient)
    out += element(0x00100030, "DA", "19700101") + element(0x00100040, "CS", "F")
    out += b"".join(element(tag, "UI", value) for tag, value in [(0x0020000D, study), (0x0020000E, series)] if value)
    out += element(0x00200011, "IS", str(series_number)) + element(0x00200013, "IS", str(number))
    if z is not None:
        out += element(0x00200032, "DS", f"-100\\-100\\{z:g}") + element(0x00200037, "DS", orientation)
    out += element(0x00280010, "US", 4) + element(0x00280011, "US", 4)
    out += element(0x7FE00010, "OW", pixels) if pixels else b""
    return part10(dataset(out), meta=file_meta(sop_class=meta_class or sop_class, sop_instance=uid))


def make(folder: Path) -> Path:
    """Two patients, three studies, four series, twelve instances; and a file that is no DICOM."""
    folder.mkdir(parents=True, exist_ok=True)
    plan = [("P-1", "1.2", "1.2.1", 1, 5), ("P-1", "1.2", "1.2.2", 2, 3), ("P-1", "1.3", "1.3.1", 1, 2), ("P-2", "1.4", "1.4.1", 1, 2)]
    for patient, study, series, series_number, count in plan:
        for i in range(count):
            data = instance(i + 1, series=series, study=study, patient=patient, series_number=series_number, z=5.0 * i)
            (folder / f"{series}-{i}.dcm").write_bytes(data)
    (folder / "readme.txt").write_text("no DICOM")
    return folder
