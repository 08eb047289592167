"""Extensions and their compiler flags; everything else about the package is in pyproject.toml.

Environment switches: FASTDICOM_SANITIZE=1 builds with ASan and UBSan, FASTDICOM_WERROR=1 makes C warnings errors,
FASTDICOM_RELEASE=1 is for wheels: no symbols, and nothing in them of the folder in which they were built.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.modified import newer_group

CSRC = "src/fastdicom/csrc"
# module -> the files of csrc that it links
MODULES = {
    "fastdicom.dictionary._tables": ["fd_dict", "fd_dict_private", "fd_dict_tables"],
    "fastdicom._core": ["fd_cursor", "fd_index", "fd_part10", "fd_file"],
    "fastdicom.codecs._native": ["fd_color", "fd_dct", "fd_dct_idct", "fd_guard", "fd_huffman", "fd_jpegll", "fd_pixel", "fd_rle"],
    "fastdicom.codecs._stream": ["fd_huffman", "fd_jpegcheck", "fd_sample", "fd_stream", "fd_stream_jxl"],
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
    if os.environ.get("FASTDICOM_RELEASE"):
        compile_args += ["-g0", f"-ffile-prefix-map={os.getcwd()}=."]
        link_args += ["-Wl,-x"] if sys.platform == "darwin" else ["-Wl,-s"]
else:
    compile_args = ["/std:c11"]  # restrict, and initialisers that name what they set
    if os.environ.get("FASTDICOM_RELEASE"):
        compile_args += ["/experimental:deterministic"]
        link_args += ["/Brepro"]  # a hash where the time of the build would stand


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


class BuildExt(build_ext):
    """Compiles a file of csrc once for all modules that link it, and as many at a time as there are processors."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def build_extensions(self) -> None:
        stale = [module for module in self.extensions if self.force or self._is_stale(module)]
        shared = sorted({path for module in stale for path in module.sources if path.startswith(CSRC)})

        def compiled(path: str) -> list[str]:
            where = {"output_dir": self.build_temp, "include_dirs": [CSRC]}
            return self.compiler.compile([path], **where, debug=self.debug, extra_postargs=compile_args)

        with ThreadPoolExecutor(self.parallel) as pool:
            objects = dict(zip(shared, pool.map(compiled, shared), strict=True))
        for module in stale:
            module.extra_objects = [made for path in module.sources if path in objects for made in objects[path]]
            module.depends += module.sources
            module.sources = [path for path in module.sources if path not in objects]
        super().build_extensions()

    def _is_stale(self, module: Extension) -> bool:
        return newer_group([*module.sources, *module.depends], self.get_ext_fullpath(module.name), "newer")


extensions = [extension(module, sources) for module, sources in MODULES.items()]
if not {"sdist", "egg_info", "dist_info"} & set(sys.argv):  # these need no C of Cython's
    from Cython.Build import cythonize

    extensions = cythonize(
        extensions,
        compiler_directives={
            "language_level": "3",
            "boundscheck": False,
            "wraparound": False,
            "embedsignature": True,
            "freethreading_compatible": False,
        },
        include_path=["src"],
        nthreads=(os.cpu_count() or 1) if sys.platform == "linux" else 0,  # elsewhere its processes would run this file again
    )

setup(ext_modules=extensions, cmdclass={"build_ext": BuildExt})
