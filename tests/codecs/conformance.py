"""What compressed files hold: the reference table, the one function that holds a decoder against it, and the generator of the table.

Every file of the corpus and of pydicom's package whose frames are encapsulated has a row in ``reference.tsv``: its shape and type, and
of the samples as they are in the stream (``raw=True``) a hash where decoders agree to the bit, or a few samples where they may differ
by one (DCT). ``agreed`` names the libraries that do; of a file that is no image, or that nobody can decode, ``error`` says so.

    python tests/codecs/conformance.py        # writes reference.tsv anew; needs the corpus, pydicom, pylibjpeg's plug-ins and GDCM
"""

from __future__ import annotations

import csv
import hashlib
import sys
import warnings
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import fastdicom
from fastdicom.codecs import registry
from fastdicom.transfer_syntax import get

TABLE = Path(__file__).with_name("reference.tsv")
MOST_FRAMES = 4  # of a file, from the first on
_SAMPLES = 48
# the same library behind two names is one witness
LIBRARIES = {
    "simplejpeg": "libjpeg-turbo",
    "libjpeg-turbo": "libjpeg-turbo",
    "libjpeg-turbo-checked": "libjpeg-turbo",
    "openjpeg": "openjpeg",
    "pylibjpeg-openjpeg": "openjpeg",
    "charls": "charls",
}


@dataclass(frozen=True)
class Reference:
    """A row of the table."""

    name: str
    syntax: str
    shape: str
    dtype: str
    tolerance: int
    agreed: str
    digest: str
    error: str


def table() -> list[Reference]:
    """The rows of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        return [Reference(**{**row, "tolerance": int(row["tolerance"])}) for row in rows]


def files(corpus: Path | None, package: Path | None) -> list[tuple[str, Path]]:
    """Name and path of every file whose frames are encapsulated."""
    found = []
    if corpus is not None:
        with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
            rows = [row for row in csv.DictReader(manifest) if row["transfer_syntax_uid"]]
        found += [
            (f"corpus/{row['path']}", corpus / row["path"])
            for row in rows
            if get(row["transfer_syntax_uid"]).family not in ("native", "unknown")
        ]
    if package is not None:
        for path in sorted(package.glob("*.dcm")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                syntax = fastdicom.dcmread(path, force=True).transfer_syntax
            if syntax.family != "native":
                found.append((f"pydicom/{path.name}", path))
    return found


def decoded(path: Path, decoder: str | None) -> Any:
    """The first frames as they are in their streams."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = fastdicom.dcmread(path, force=True)
        return ds.decode(raw=True, decoder=decoder, frames=range(min(MOST_FRAMES, len(ds.frames))), threads=1)


def digest(array: Any, tolerance: int) -> str:
    """A hash, or some samples at places that only the size of the array decides."""
    flat = np.ascontiguousarray(array).reshape(-1)
    if tolerance == 0:
        return hashlib.sha256(flat.view(np.uint8).tobytes()).hexdigest()[:32]
    places = np.random.default_rng(flat.size).integers(0, flat.size, _SAMPLES)
    return " ".join(str(value) for value in flat[places].tolist())


def conforms(array: Any, reference: Reference) -> None:
    """Hold what a decoder gave against the table.

    Raises
    ------
    AssertionError
        The shape, the type or a sample is another.
    """
    assert "x".join(map(str, array.shape)) == reference.shape
    assert array.dtype.str[1:] == reference.dtype
    found = digest(array, reference.tolerance)
    if reference.tolerance == 0:
        assert found == reference.digest, "the samples are not those of the reference"
    else:
        differences = [abs(int(a) - int(b)) for a, b in zip(found.split(), reference.digest.split(), strict=True)]
        assert max(differences) <= reference.tolerance, f"samples differ by {max(differences)}"


# the generator

_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from pathlib import Path
import conformance
try:
    array = conformance.decoded(Path(sys.argv[2]), sys.argv[3])
    np.save(sys.argv[4], array)
    print("ok")
except Exception as error:
    print(f"{type(error).__name__}: {getattr(error, 'reason', error)}")
"""


def in_child(path: Path, decoder: str, scratch: Path) -> Any:
    """The array, or why there is none; a library that ends the process ends that of a child."""
    import children

    try:
        said = children.run(_CHILD, Path(__file__).parent, path, decoder, scratch / "array.npy", timeout=60, memory=0)
    except AssertionError as error:
        return str(error).splitlines()[0]
    return np.load(scratch / "array.npy") if said.startswith("ok") else said.strip()


def made(name: str, path: Path, scratch: Path) -> Reference:
    """The row of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        uid = fastdicom.dcmread(path, force=True).transfer_syntax.uid
    hostile = "fuzz" in name
    results: dict[str, Any] = {}
    for row in registry.find(uid):
        if not row.installed or (hostile and row.rank >= registry.SECONDS):
            continue
        try:
            results[row.name] = in_child(path, row.name, scratch) if row.rank >= registry.SECONDS else decoded(path, row.name)
        except fastdicom.DicomError as error:
            results[row.name] = f"{type(error).__name__}: {getattr(error, 'reason', error)}"
    arrays = {key: value for key, value in results.items() if isinstance(value, np.ndarray)}
    best = next(iter(results.values()), "UnsupportedError: nobody decodes it")
    if not arrays or isinstance(best, str):
        best = next(iter(arrays.values()), best)
    if isinstance(best, str):
        reason = best.replace(str(path), "the file").replace("\t", " ")[:160]
        return Reference(name, uid, "", "", 0, "", "", reason)
    worst = {key: int(np.abs(value.astype(np.int64) - best.astype(np.int64)).max(initial=0)) for key, value in arrays.items()}
    exact = {LIBRARIES.get(key, key) for key, most in worst.items() if most == 0}
    near = {LIBRARIES.get(key, key) for key, most in worst.items() if most <= 1}
    dct = max(worst.values()) > 0 and len(exact) < len(near)
    for key, most in worst.items():
        if most > 1:
            print(f"{name}: {key} differs by {most}", file=sys.stderr)
    tolerance = 1 if dct else 0
    shape = "x".join(map(str, best.shape))
    return Reference(name, uid, shape, best.dtype.str[1:], tolerance, " ".join(sorted(near if dct else exact)), digest(best, tolerance), "")


def main() -> None:
    """Write the table."""
    import tempfile

    import pydicom

    import corpus

    package = Path(pydicom.__file__).parent / "data" / "test_files"
    with tempfile.TemporaryDirectory() as folder:
        rows = [made(name, path, Path(folder)) for name, path in files(corpus.folder(), package)]
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        names = [field.name for field in fields(Reference)]
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in sorted(rows, key=lambda row: row.name))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
