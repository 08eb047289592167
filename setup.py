"""Extensions and their compiler flags; everything else about the package is in pyproject.toml.

Environment switches: FASTDICOM_SANITIZE=1 builds with ASan and UBSan, FASTDICOM_WERROR=1 makes C warnings errors.
"""

import os
import sys

from Cython.Build import cythonize
from setuptools import Extension, setup

CSRC = "src/fastdicom/csrc"
# module -> the files of csrc that it links
MODULES = {
    "fastdicom.dictionary._tables": ["fd_dict", "fd_dict_private", "fd_dict_tables"],
    "fastdicom._core": ["fd_cursor", "fd_index", "fd_part10", "fd_file"],
    "fastdicom.codecs._native": ["fd_color", "fd_guard", "fd_jpegll", "fd_pixel", "fd_rle"],
    "fastdicom.codecs._stream": ["fd_jpegcheck", "fd_sample", "fd_stream", "fd_stream_jxl"],
    "fastdicom.codecs._tileparts": ["fd_tileparts"],
    "fastdicom.pixels._frames": ["fd_cursor", "fd_encap"],
    "fastdicom.pixels._lut": ["fd_lut"],
    "fastdicom.pydicom._files": ["fd_cursor", "fd_part10"],
    "fastdicom.pydicom._lazy": ["fd_cursor", "fd_index"],
    "fastdicom.pydicom._parts": [],
    "fastdicom.pydicom._values": [],
    "fastdicom.scan._scan": [
        "fd_arrow",
        "fd_bytes",
        "fd_column",
        "fd_convert",
        "fd_cursor",
        "fd_dict",
        "fd_dict_private",
        "fd_dict_tables",
        "fd_engine",
        "fd_file",
        "fd_head",
        "fd_index",
        "fd_listing",
        "fd_long",
        "fd_match",
        "fd_nest",
        "fd_number",
        "fd_os",
        "fd_part10",
        "fd_resolve",
        "fd_scan",
        "fd_thread",
        "fd_walk",
        "fd_when",
    ],
}

compile_args: list[str] = []
link_args: list[str] = []
if sys.platform != "win32":
    compile_args = ["-std=c11", "-O3", "-fvisibility=hidden", "-fno-strict-aliasing"]
    if os.environ.get("FASTDICOM_WERROR"):
        compile_args += ["-Werror"]
    if os.environ.get("FASTDICOM_SANITIZE"):
        sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g", "-O1"]
        compile_args += sanitize
        link_args += sanitize


def extension(module: str, sources: list[str]) -> Extension:
    pyx = "src/" + module.replace(".", "/") + ".pyx"
    return Extension(
        module,
        [pyx, *(f"{CSRC}/{name}.c" for name in sources)],
        include_dirs=[CSRC],
        depends=[f"{CSRC}/{name}" for name in sorted(os.listdir(CSRC)) if name.endswith(".h")],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
    )


setup(
    ext_modules=cythonize(
        [extension(module, sources) for module, sources in MODULES.items() if os.path.exists("src/" + module.replace(".", "/") + ".pyx")],
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
        include_path=["src"],
    ),
)
