"""Says whether an sdist and wheels may be published: python tools/check_package.py FILE...

Of a wheel: its size, its metadata and licence, and that nothing is in it but Python, declarations and the extension modules of this
project. So no library of others is shipped, whose licence would have to be shipped too.
Of an sdist: that all of the repository is in it, and nothing else.
"""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
MOST_BYTES = 5_000_000
LICENSE = "MIT"
KINDS = {".py", ".pyi", ".pyx", ".pxd", ".h", ".typed"}
BINARY = re.compile(rb"\x7fELF|MZ|\xcf\xfa\xed\xfe|\xfe\xed\xfa\xcf|\xca\xfe\xba\xbe|!<arch>")
EXTENSION = re.compile(r"(fastdicom/[\w/]+)\.(?:cpython-\d+t?-[\w-]+\.so|cp\d+t?-win\w*\.pyd)")
# folders in which wheels are built: one of them in a file means that the same commit makes other bytes elsewhere
BUILD_FOLDERS = re.compile(
    rb"/(?:tmp|home|Users|project|root|private/var)/[\w.-]+/[\w./-]*\.(?:c|h|pyx|pxd)\b|[A-Z]:\\[\w.\\ -]+\.(?:c|h|pyx|pxd|pdb)\b"
)


def modules() -> set[str]:
    """The extension modules: a .pyx each."""
    folder = ROOT / "src"
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.pyx")}


def metadata_faults(text: str) -> list[str]:
    meta = email.message_from_string(text)
    faults = [
        f"metadata without {name}"
        for name in ("Name", "Version", "Summary", "Requires-Python", "Description-Content-Type")
        if not meta[name]
    ]
    if meta["License-Expression"] != LICENSE:
        faults.append(f"License-Expression is {meta['License-Expression']}, expected {LICENSE}")
    if meta.get_all("License-File") != ["LICENSE"]:
        faults.append(f"License-File is {meta.get_all('License-File')}, expected LICENSE alone")
    version = re.search(r'"(.+)"', (ROOT / "src/fastdicom/_version.py").read_text(encoding="utf-8"))
    if version is None or meta["Version"] != version[1]:
        faults.append(f"Version is {meta['Version']}, _version.py says otherwise")
    return faults


def wheel_faults(path: Path) -> list[str]:
    faults = [f"{path.stat().st_size:,} bytes, more than {MOST_BYTES:,}"] if path.stat().st_size > MOST_BYTES else []
    found = set()
    with zipfile.ZipFile(path) as wheel:
        info = "-".join(path.name.split("-")[:2]) + ".dist-info/"
        names = set(wheel.namelist())
        faults += metadata_faults(wheel.read(info + "METADATA").decode())
        licence = info + "licenses/LICENSE"
        if licence not in names or wheel.read(licence).split() != (ROOT / "LICENSE").read_bytes().split():
            faults.append("the licence is not the project's")
        for name in sorted(name for name in names if not name.endswith("/")):
            data = wheel.read(name)
            extension = EXTENSION.fullmatch(name)
            if extension:
                found.add(extension[1])
            elif BINARY.match(data) or not (
                name.startswith(info) or (name.startswith("fastdicom/") and PurePosixPath(name).suffix in KINDS)
            ):
                faults.append(f"{name} is none of the project's: with what licence?")
            if extension and (told := BUILD_FOLDERS.search(data)):
                faults.append(f"{name} names the folder in which it was built: {told[0].decode()}")
    if found != modules():
        faults.append(f"extension modules: {sorted(found ^ modules())} are missing or too many")
    return faults


def tracked() -> set[str] | None:
    """The files of the repository; None where there is no git."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    return set(git.stdout.decode().split("\0")) - {""} if git.returncode == 0 else None


def sdist_faults(path: Path) -> list[str]:
    with tarfile.open(path) as sdist:
        top = path.name.removesuffix(".tar.gz") + "/"
        files = {member.name.removeprefix(top) for member in sdist if member.isfile()}
        pkg_info = sdist.extractfile(top + "PKG-INFO")
        faults = metadata_faults(pkg_info.read().decode()) if pkg_info else ["no PKG-INFO"]
    expected = tracked()
    if expected is None:
        return faults
    made = {name for name in files if name == "PKG-INFO" or name == "setup.cfg" or ".egg-info/" in name}
    faults += [f"{name} is missing" for name in sorted(expected - files)]
    return faults + [f"{name} is not of the repository" for name in sorted(files - expected - made)]


def main(paths: list[str]) -> int:
    status = 0
    for path in map(Path, paths):
        faults = wheel_faults(path) if path.suffix == ".whl" else sdist_faults(path)
        print(f"{path.name}: {path.stat().st_size:,} bytes, {'; '.join(faults) or 'good'}")
        status |= bool(faults)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
