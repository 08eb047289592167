"""What is found in archives that are wrong, and that nothing is found in those that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

import archive
import fastdicom
from builders import dataset, element, encapsulated, file_meta, header, image, item, minimal, part10

pytest.importorskip("pyarrow")
pytest.importorskip("duckdb")


def kinds(report: fastdicom.scan.Report) -> dict[str, int]:
    return report.totals


def write(folder: Path, *files: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for i, data in enumerate(files):
        (folder / f"{i:03}").write_bytes(data)
    return folder


def stack(heights: list[float], **more: object) -> list[bytes]:
    return [archive.instance(i + 1, z=z, **more) for i, z in enumerate(heights)]  # type: ignore[arg-type]


def test_a_sound_archive(tmp_path: Path) -> None:
    report = fastdicom.scan.check(archive.make(tmp_path / "in"))
    assert (report.findings, report.totals, report.unknown) == ([], {}, [])
    assert (report.files, report.dicom, report.not_dicom, report.dicomdirs) == (13, 12, 1, 0)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert fastdicom.scan.check(tmp_path).findings == []


def test_empty_and_unreadable_files(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", b"", b"", archive.instance())
    (folder / "broken").symlink_to("nowhere")
    report = fastdicom.scan.check(folder)
    assert [(found.kind, found.count) for found in report.findings] == [("empty", 2), ("unreadable", 1)]
    assert report.findings[0].files == (str(folder / "000"), str(folder / "001"))
    assert report.findings[1].files == (str(folder / "broken"),)


@pytest.mark.parametrize("cut", [1, 20])
def test_truncated_pixel_data(tmp_path: Path, cut: int) -> None:
    [found] = fastdicom.scan.check(write(tmp_path / "in", archive.instance()[:-cut])).findings
    assert (found.kind, found.text, found.count) == ("truncated", "the file ends inside its pixel data", 1)


def test_truncated_fragments(tmp_path: Path) -> None:
    whole = part10(minimal(image(None, 4, 4) + encapsulated([bytes(32), bytes(32)])), meta=file_meta("1.2.840.10008.1.2.4.50"))
    found = fastdicom.scan.check(write(tmp_path / "in", whole, whole[:-8], whole[:-18]), compare=False).findings
    cut = [(one.text, one.files) for one in found if one.kind == "truncated"]
    assert sorted(path for _, files in cut for path in files) == [str(tmp_path / "in/001"), str(tmp_path / "in/002")]


def cut_findings(folder: Path, *files: bytes) -> list[tuple[str, str, int]]:
    found = fastdicom.scan.check(write(folder, *files), hints=False).findings
    return [(one.kind, one.text, one.count) for one in found if one.kind in ("truncated", "no-pixels")]


def test_wherever_an_image_is_cut_off_it_is_truncated(tmp_path: Path) -> None:
    whole = archive.instance(pixels=bytes(32))
    places = range(144, len(whole))  # the first is behind DICM and the length of group 0002
    report = fastdicom.scan.check(write(tmp_path / "in", *(whole[:n] for n in places)), limit=None, hints=False, compare=False)
    told = {path for found in report.findings if found.kind == "truncated" for path in found.files}
    assert [n for i, n in enumerate(places) if str(tmp_path / f"in/{i:03}") not in told] == []


def test_a_header_that_is_cut_off(tmp_path: Path) -> None:
    bare = archive.instance(sop_class="1.2.840.10008.5.1.4.1.1.66", pixels=b"")  # raw data: no class with pixels
    behind = header(0x00400275, "SQ", 0)
    for n in range(1, 8):
        assert cut_findings(tmp_path / str(n), bare + behind[:n]) == [("truncated", "the file ends inside the header of an element", 1)]
    assert cut_findings(tmp_path / "long", bare + behind[:9]) == [("truncated", "the file ends inside an element", 1)]
    for i, more in enumerate((b"\n", b"\r\n", bytes(7), b"\x08\x00\x05\x00", b"\xfe\xff\x0d\xe0")):  # added, not cut off
        assert cut_findings(tmp_path / f"added-{i}", bare + more) == []


def test_a_sequence_that_is_cut_off(tmp_path: Path) -> None:
    bare = archive.instance(sop_class="1.2.840.10008.5.1.4.1.1.66", pixels=b"")
    nested = header(0x00400275, "SQ", 0xFFFFFFFF) + item(element(0x00400007, "LO", "chest"), undefined=True)
    assert cut_findings(tmp_path / "in", bare + nested) == [("truncated", "the file ends inside a sequence", 1)]


def test_images_without_pixels(tmp_path: Path) -> None:
    early = "no pixel data, though the SOP class is one of images: the file ends early, or was written without them"
    bare = archive.instance(pixels=b"")
    assert cut_findings(tmp_path / "in", bare, archive.instance(2)) == [("truncated", early, 1)]
    with_more = bare + element(0xFFFCFFFC, "OB", bytes(4))
    assert cut_findings(tmp_path / "more", with_more) == [("no-pixels", "no pixel data, though the SOP class is one of images", 1)]
    segmentation = archive.instance(sop_class="1.2.840.10008.5.1.4.1.1.66.4", pixels=b"")
    assert cut_findings(tmp_path / "segmentation", segmentation) == [("truncated", early, 1)]
    assert cut_findings(tmp_path / "no data set", part10(b"")) == [("truncated", "the file ends before its data set", 1)]


@pytest.mark.parametrize("data", [{"frames": [bytes(32)]}, {"syntax": "1.2.840.10008.1.2.4.94"}, {"tag": 0x7FE00008}], ids=str)
def test_pixels_that_are_there_or_elsewhere(tmp_path: Path, data: dict[str, object]) -> None:
    ids = element(0x00080016, "UI", archive.CT) + element(0x00080018, "UI", "1.2") + element(0x0020000D, "UI", "1.3")
    ids += element(0x0020000E, "UI", "1.4")
    if "frames" in data:
        whole = part10(dataset(ids + image(None, 4, 4)) + encapsulated([bytes(32)]), meta=file_meta("1.2.840.10008.1.2.4.50"))
    elif "syntax" in data:
        whole = part10(dataset(ids + image(None, 4, 4)), meta=file_meta("1.2.840.10008.1.2.4.94"))
    else:
        whole = part10(dataset(ids + image(None, 4, 4, allocated=32) + element(0x7FE00008, "OF", bytes(64))))
    assert cut_findings(tmp_path / "in", whole) == []


@pytest.mark.parametrize(
    ("sop_class", "tag", "vr"),
    [
        ("88.11", 0x0040A493, "CS"),
        ("88.59", 0x0040A730, "SQ"),
        ("11.1", 0x00700080, "CS"),
        ("9.1.1", 0x54000100, "SQ"),
        ("104.1", 0x00420011, "OB"),
        ("481.3", 0x30060020, "SQ"),
        ("481.5", 0x300A0002, "SH"),
        ("66.1", 0x00700308, "SQ"),
    ],
)
def test_what_has_no_pixels(tmp_path: Path, sop_class: str, tag: int, vr: str) -> None:
    bare = archive.instance(sop_class=f"1.2.840.10008.5.1.4.1.1.{sop_class}", pixels=b"")
    assert cut_findings(tmp_path / "in", bare + element(tag, vr, b"")) == []
    [(kind, text, _)] = cut_findings(tmp_path / "cut", bare)
    assert kind == "truncated"
    assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in text


@pytest.mark.parametrize("sop_class", ["66", "481.2", "67", "200.1"])
def test_classes_of_which_nothing_is_known(tmp_path: Path, sop_class: str) -> None:
    assert cut_findings(tmp_path / "in", archive.instance(sop_class=f"1.2.840.10008.5.1.4.1.1.{sop_class}", pixels=b"")) == []


@pytest.mark.parametrize(
    ("size", "more", "expected"),
    [
        (200, {}, None),
        (198, {}, 200),
        (0, {}, 200),
        (200, {"frames": 2}, 400),
        (150, {"photometric": "YBR_FULL_422", "samples": 3, "allocated": 8}, None),
        (198, {"photometric": "YBR_FULL_422", "samples": 3, "allocated": 8}, None),
        (298, {"photometric": "RGB", "samples": 3, "allocated": 8}, 300),
        (12, {"allocated": 1}, 13),
        (14, {"allocated": 1}, None),
        (150, {"allocated": 12}, None),
    ],
)
def test_native_pixel_data_that_are_too_short(tmp_path: Path, size: int, more: dict[str, object], expected: int | None) -> None:
    if more.get("photometric") == "YBR_FULL_422":
        size += 50  # two samples a pixel
    ids = element(0x00080016, "UI", archive.CT) + element(0x00080018, "UI", "1.2")
    whole = part10(dataset(ids + image(bytes(size), 10, 10, **more)))  # type: ignore[arg-type]
    found = cut_findings(tmp_path / "in", whole)
    assert len(found) == (expected is not None)
    if expected is not None:
        assert f": {expected} bytes expected, {size} found" in found[0][1]


def test_duplicates(tmp_path: Path) -> None:
    one, other = archive.instance(1), archive.instance(1, name="Doe^John")
    longer = archive.instance(2, description="a longer description")
    third = archive.instance(3)
    report = fastdicom.scan.check(write(tmp_path / "in", one, one, third, other[:0] + third, archive.instance(2), longer), hints=False)
    texts = {found.uid: found.text for found in report.findings if found.kind == "duplicate"}
    assert texts["1.2.3.1"].endswith("in 2 identical files")
    assert texts["1.2.3.2"].endswith("in 2 files of different sizes")
    changed = write(tmp_path / "changed", one, other)
    [found] = [found for found in fastdicom.scan.check(changed).findings if found.kind == "duplicate"]
    assert found.text.endswith("2 files of the same size, 2 different contents")
    [found] = [found for found in fastdicom.scan.check(changed, compare=False).findings if found.kind == "duplicate"]
    assert found.text.endswith("(contents not compared)")


def test_a_name_that_is_no_utf8_is_compared(tmp_path: Path) -> None:
    import os

    folder = os.fsencode(write(tmp_path / "in", archive.instance()))
    try:
        with open(os.path.join(folder, b"\xff"), "wb") as file:
            file.write(archive.instance())
    except OSError:
        pytest.skip("this file system takes no such name")
    [found] = fastdicom.scan.check(tmp_path / "in").findings
    assert found.text.endswith("in 2 identical files")


def test_disagreements(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "in",
        archive.instance(1),
        archive.instance(2),
        archive.instance(3, patient="P-2"),
        archive.instance(4, series="1.9", study="1.8"),
        archive.instance(5, series="1.9", study="1.7"),
        archive.instance(6, series="1.10", study="1.6"),
        archive.instance(7, series="1.11", study="1.6", patient="P-3"),
    )
    found = [(one.uid, one.text, len(one.files)) for one in fastdicom.scan.check(folder).findings]
    assert found == [
        ("1.2.3", "one series, 2 values of PatientID: P-1 in 2, P-2 in 1", 2),
        ("1.9", "one series, 2 values of StudyInstanceUID: 1.7 in 1, 1.8 in 1", 2),
        ("1.6", "one study, 2 values of PatientID: P-1 in 1, P-3 in 1", 2),
    ]


def test_what_may_be_left_out_of_a_name_is_no_difference(tmp_path: Path) -> None:
    names = ["A^B", "A^B^^", "A^B ^ ^", "A^B==", "A^B^=", "A ^B "]
    files = [archive.instance(i, name=name) for i, name in enumerate(names)]
    files += [archive.instance(10 + i, patient=text) for i, text in enumerate(["P-1 ", " P-1", "P-1\0"])]
    assert fastdicom.scan.check(write(tmp_path / "in", *files), hints=False, compare=False).totals in ({}, {"disagreement": 1})
    names = ["A^B", "A^C", "A^^B", "A^B=C", "a^b"]
    [found] = fastdicom.scan.check(write(tmp_path / "other", *(archive.instance(i, name=name) for i, name in enumerate(names)))).findings
    assert found.text.startswith("one series, 5 values of PatientName: ")


def test_missing_uids(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", archive.instance(1, uid=""), archive.instance(2, series="", uid="1.5"))
    found = [(one.kind, one.text, one.count) for one in fastdicom.scan.check(folder).findings]
    assert found == [("missing-uid", "no SOPInstanceUID", 1), ("missing-uid", "no SeriesInstanceUID", 1)]
    palette = archive.instance(study="", series="", uid="1.6", sop_class="1.2.840.10008.5.1.4.39.1")
    assert fastdicom.scan.check(write(tmp_path / "palette", palette)).findings == []


def test_missing_slices(tmp_path: Path) -> None:
    heights = [5.0 * i for i in range(20) if i not in (7, 8, 15)]
    [found] = fastdicom.scan.check(write(tmp_path / "in", *stack(heights))).findings
    assert (found.kind, found.is_hint, found.uid) == ("missing-slices", False, "1.2.3")
    assert found.text == "3 of 20 slices missing, between 30 and 45, 70 and 80 mm along the normal (spacing 5 mm)"
    assert len(found.files) == 4


@pytest.mark.parametrize(
    ("slices", "missing"),
    ((5, [2]), (8, [2, 5]), (10, [3, 7]), (12, [2, 5, 8]), (30, [3, 8, 13, 18, 23, 27]), (20, [9]), (20, [4, 5, 6, 7])),
)
def test_missing_slices_of_small_and_of_holey_stacks(tmp_path: Path, slices: int, missing: list[int]) -> None:
    """Renumbered, so that only their places tell."""
    [found] = fastdicom.scan.check(write(tmp_path / "in", *stack([2.5 * i for i in range(slices) if i not in missing]))).findings
    assert (found.kind, found.is_hint) == ("missing-slices", False)
    assert found.text.startswith(f"{len(missing)} of {slices} slices missing")


@pytest.mark.parametrize(
    ("slices", "missing", "numbers"),
    (
        (30, range(5, 25), "kept"),
        (30, range(5, 25), "reversed"),
        (30, range(8, 20), "anew"),  # not more than there are
        (200, range(2, 198), "kept"),
    ),
)
def test_a_hole_larger_than_half_of_a_stack(tmp_path: Path, slices: int, missing: range, numbers: str) -> None:
    kept = [i for i in range(slices) if i not in missing]
    number = {"kept": lambda i: i + 1, "reversed": lambda i: slices - i, "anew": kept.index}[numbers]
    [found] = fastdicom.scan.check(write(tmp_path / "in", *(archive.instance(number(i), z=2.5 * i) for i in kept))).findings
    assert (found.kind, found.is_hint) == ("missing-slices", False)
    assert found.text.startswith(f"{len(missing)} of {slices} slices missing, between ")


@pytest.mark.parametrize("gap", [8.3 + 2.5 * 7, 2.5 * 50])
def test_two_stacks_are_no_hole(tmp_path: Path, gap: float) -> None:
    heights = [*(2.5 * i for i in range(10)), *(22.5 + gap + 2.5 * i for i in range(10))]
    assert fastdicom.scan.check(write(tmp_path / "in", *stack(heights))).findings == []


def test_two_acquisitions_are_no_hole(tmp_path: Path) -> None:
    def file(number: int, z: float, acquisition: int) -> bytes:
        at = element(0x00200013, "IS", str(number))
        return archive.instance(number, z=z).replace(at, element(0x00200012, "IS", str(acquisition)) + at)

    apart = [file(i + 1, 2.0 * i, 1) for i in range(10)] + [file(i + 11, 2.0 * (i + 25), 2) for i in range(10)]
    assert fastdicom.scan.check(write(tmp_path / "in", *apart)).findings == []
    one = [file(i + 1, 2.0 * i, 1) for i in range(10)] + [file(i + 11, 2.0 * (i + 25), 1) for i in range(10)]
    assert kinds(fastdicom.scan.check(write(tmp_path / "one", *one))) == {"missing-slices": 1}


def test_a_database_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_bytes(b"SQLite format 3\0")
    for ask in (fastdicom.scan.check, fastdicom.scan.tree):
        with pytest.raises(ValueError, match="an index is a"):
            ask(tmp_path / "x.sqlite")


@pytest.mark.parametrize(
    "heights",
    [
        pytest.param([*[2.5 * i for i in range(8)], *[20 + 5.0 * i for i in range(8)]], id="two spacings"),
        pytest.param([2.5 * i + 0.05 * (i % 2) for i in range(20)], id="a little uneven"),
        pytest.param([0, 1, 3, 7, 12, 20, 21, 30], id="uneven"),
        pytest.param([*range(10), *range(100, 110)], id="two stacks"),
        pytest.param([0, 10, 30], id="too few"),
        pytest.param([0.0] * 10, id="one place"),
        pytest.param([5.0 * (i % 10) for i in range(50)], id="five times"),
    ],
)
def test_no_false_alarm(tmp_path: Path, heights: list[float]) -> None:
    assert fastdicom.scan.check(write(tmp_path / "in", *stack([float(height) for height in heights]))).findings == []


def test_orientations_are_told_apart(tmp_path: Path) -> None:
    files = stack([float(i) for i in range(6)])
    files += [
        archive.instance(10 + i, z=7.0 * i, orientation=turned) for i, turned in enumerate(["0\\1\\0\\0\\0\\-1", "1\\0\\0\\0\\0\\-1"] * 4)
    ]
    assert "missing-slices" not in kinds(fastdicom.scan.check(write(tmp_path / "in", *files)))


def test_localizers_are_passed_over(tmp_path: Path) -> None:
    heights = [5.0 * i for i in range(20) if i != 7]
    folder = write(tmp_path / "in", *stack(heights, image_type="ORIGINAL\\PRIMARY\\LOCALIZER"))
    assert fastdicom.scan.check(folder).findings == []


def test_a_position_with_fewer_images_is_a_hint(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", *stack([5.0 * (i % 10) for i in range(50)])[:-1])
    [found] = fastdicom.scan.check(folder).findings
    assert (found.kind, found.is_hint, found.text) == ("incomplete", True, "1 of 10 positions have fewer than 5 images")
    assert fastdicom.scan.check(folder, hints=False).findings == []


def test_gaps_in_numbers_are_a_hint_where_nothing_else_tells(tmp_path: Path) -> None:
    numbers = [1, 2, 3, 5, 6, 9, 10]
    [found] = fastdicom.scan.check(write(tmp_path / "in", *(archive.instance(i) for i in numbers))).findings
    assert (found.kind, found.is_hint, found.text) == ("numbering", True, "Instance Numbers 1 to 10 without 4, 7 to 8")
    placed = [archive.instance(number, z=5.0 * i) for i, number in enumerate(numbers)]
    assert fastdicom.scan.check(write(tmp_path / "placed", *placed)).findings == []
    sparse = [archive.instance(10 * i) for i in range(1, 8)]
    assert fastdicom.scan.check(write(tmp_path / "sparse", *sparse)).findings == []


def test_dicomdirs_are_counted(tmp_path: Path) -> None:
    folder = archive.make(tmp_path / "in")
    (folder / "other.name").write_bytes(archive.instance(uid="1.99", series="", study="", meta_class="1.2.840.10008.1.3.10"))
    report = fastdicom.scan.check(folder)
    assert (report.findings, report.dicomdirs) == ([], 1)


def test_an_index_tells_what_it_knows(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", archive.instance(1), archive.instance(1), archive.instance(2, patient="P-2"), b"")
    fastdicom.scan(folder).to_parquet(tmp_path / "index.parquet")
    fastdicom.scan(folder).to_csv(tmp_path / "index.csv")
    report = fastdicom.scan.check(tmp_path / "index.parquet")
    assert kinds(report) == {"empty": 1, "duplicate": 1, "disagreement": 1}
    assert any(text.startswith("truncated files: ") for text in report.unknown)
    assert any(text.startswith("missing slices: ") for text in report.unknown)
    assert fastdicom.scan.check(tmp_path / "index.csv").findings == report.findings
    tags = [*fastdicom.scan.DEFAULT_TAGS, "ImagePositionPatient", "ImageOrientationPatient"]
    heights = [5.0 * i for i in range(20) if i != 7]
    fastdicom.scan(write(tmp_path / "stack", *stack(heights)), tags).to_csv(tmp_path / "stack.csv")
    assert kinds(fastdicom.scan.check(tmp_path / "stack.csv")) == {"missing-slices": 1}


def test_limits(tmp_path: Path) -> None:
    files = [archive.instance(i // 2, uid=f"1.5.{i // 2}") for i in range(60)]
    folder = write(tmp_path / "in", *files)
    report = fastdicom.scan.check(folder, limit=5)
    assert (len(report.findings), report.totals) == (5, {"duplicate": 30})
    assert len(fastdicom.scan.check(folder, limit=None).findings) == 30


@pytest.mark.corpus
def test_the_corpus(corpus: Path) -> None:
    report = fastdicom.scan.check(corpus, limit=None)
    assert report.files == report.dicom + report.not_dicom
    truncated = {Path(path).name for found in report.findings if found.kind == "truncated" for path in found.files}
    assert {"MR_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"} <= truncated
