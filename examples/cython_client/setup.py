"""An extension that cimports fastdicom._core: Cython finds its .pxd where fastdicom is installed, C finds the headers by get_include."""

from Cython.Build import cythonize
from setuptools import Extension, setup

import fastdicom

setup(
    ext_modules=cythonize(
        [Extension("headwalk._walk", ["headwalk/_walk.pyx"], include_dirs=[fastdicom.get_include()])],
        compiler_directives={"language_level": "3"},
    )
)
