"""How Sphinx builds the documentation: ``python -m sphinx -W -b html docs build/docs``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import fastdicom

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "fastdicom"
author = "fastdicom contributors"
copyright = author
version = release = fastdicom.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "numpydoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.programoutput",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}

# Docstrings are numpydoc's. In them `name` is an object of this library where there is one, and code where there is none.
default_role = "py:obj"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True
add_module_names = True
toc_object_entries_show_parents = "hide"

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]  # pages of the project that are included begin below their title

# the program whose help is shown is the one that is documented, whatever the path of the shell says
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(fastdicom.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
os.environ["COLUMNS"] = "100"

html_theme = "furo"
html_title = f"fastdicom {version}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}
html_show_sphinx = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
pygments_style = "tango"
pygments_dark_style = "monokai"


def make_pictures(_app: object, _config: object) -> None:
    """Make the pictures of the pages with what the pages are about."""
    from pydicom.examples import get_path

    folder = Path(__file__).parent / "_pictures"
    folder.mkdir(exist_ok=True)
    for name, source, options in (
        ("ct", "ct", {"window": (40, 400)}),
        ("ct-lung", "ct", {"window": (-600, 1500)}),
        ("overlay", "overlay", {}),
        ("palette", "palette_color", {}),
    ):
        (folder / f"{name}.png").write_bytes(fastdicom.pixels.to_png(fastdicom.dcmread(get_path(source)), **options))


def setup(app: Sphinx) -> None:
    """Let Sphinx call what is above."""
    app.connect("config-inited", make_pictures)
