"""``python -m fastdicom.pydicom script.py …``: runs a program that uses pydicom, unchanged, with our reader and decoders."""

from __future__ import annotations

import builtins
import importlib.machinery
import io
import os
import runpy
import sys
import zipfile
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import NoReturn

from fastdicom._version import __version__

HELP = """\
usage: python -m fastdicom.pydicom [-h] [-V] [-v] PROGRAM [ARGUMENT ...]

Runs a Python program that uses pydicom, unchanged, with fastdicom's reader and decoders:
pydicom.dcmread and the decoders of pydicom are replaced before the program imports anything.

PROGRAM is what it is for python itself:
  script.py       a file, or a folder or zip archive with a __main__.py
  -m MODULE       a module or package: python -m fastdicom.pydicom -m pynetdicom storescp 11112
  -c CODE         a program given as text
  -               a program from standard input

options, before PROGRAM:
  -h, --help      show this help and exit
  -V, --version   show the versions of fastdicom and pydicom and exit
  -v, --verbose   say on standard error what was replaced

sys.argv, sys.path[0] and __main__ are what python itself would make them; the exit status is that of the program.
An installed command is run by its path: python -m fastdicom.pydicom "$(command -v pydicom)" show image.dcm

Processes that the program starts read with fastdicom too: FASTDICOM_PYDICOM=1 is set for them. The variable also turns it on
by itself, for programs whose command cannot be changed: FASTDICOM_PYDICOM=1 PROGRAM. It is seen while pydicom is imported, by
the plug-in that the distribution fastdicom-core registers with pylibjpeg; without pylibjpeg it has no effect.
"""

PROGRAM = "python -m fastdicom.pydicom"


def _fail(message: str, status: int = 2) -> NoReturn:
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    raise SystemExit(status)


def _versions() -> str:
    import pydicom

    return f"fastdicom {__version__}, pydicom {pydicom.__version__}"


def _code_of(path: str, shown: str) -> CodeType:
    """The code of a script, or of a compiled one."""
    try:
        with io.open_code(path) as file:
            content = file.read()
    except OSError as error:
        _fail(f"can't open file {shown!r}: [Errno {error.errno}] {error.strerror}")
    if path.endswith(".pyc"):
        return importlib.machinery.SourcelessFileLoader("__main__", path).get_code("__main__")  # type: ignore[return-value]
    return compile(content, path, "exec", dont_inherit=True)


def _new_main(file: str | None = None, loader: object = importlib.machinery.BuiltinImporter) -> dict[str, object]:
    """The names of a new ``__main__``, as Python makes it; ours has gone before the program begins."""
    module = ModuleType("__main__")
    module.__dict__.update(__annotations__={}, __builtins__=builtins, __loader__=loader)
    if file is not None:
        module.__dict__.update(__file__=file, __cached__=None)
    sys.modules["__main__"] = module
    return module.__dict__


def _first_of_path(entry: str) -> None:
    # python -m has put the current folder there; with -P or -I nobody puts anything there
    if not sys.flags.safe_path:
        sys.path[0] = entry


def _run_module(name: str, *, alter_argv: bool) -> None:
    # what python -m itself calls, there with the frozen runpy: unlike run_module it leaves __main__ in place for threads and exit handlers
    _new_main()
    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]


def _run_script(script: str) -> None:
    if Path(script).is_dir() or (Path(script).is_file() and zipfile.is_zipfile(script)):
        folder = str(Path(script).absolute())
        if sys.flags.safe_path:  # its modules are found there all the same
            sys.path.insert(0, folder)
        _first_of_path(folder)
        _run_module("__main__", alter_argv=False)
        return
    path = str(Path(script).absolute())  # as __file__ has been since Python 3.9
    code = _code_of(path, script)
    _first_of_path(str(Path(path).resolve().parent))
    kind = importlib.machinery.SourcelessFileLoader if path.endswith(".pyc") else importlib.machinery.SourceFileLoader
    exec(code, _new_main(path, kind("__main__", path)))  # noqa: S102 running a program is what this is for


def _run_text(text: str | bytes, name: str) -> None:
    _first_of_path("")
    names = _new_main(name if name == "<stdin>" else None)
    exec(compile(text, name, "exec", dont_inherit=True), names)  # noqa: S102


def _own(traceback: TracebackType) -> bool:
    name = traceback.tb_frame.f_code.co_filename
    return name == __file__ or name == runpy.__file__ or name.startswith("<frozen runpy")


def _run(program: str, arguments: list[str]) -> None:
    """Run the program; what it raises is shown with its own frames only, as Python would."""
    try:
        if program == "-m":
            name, *arguments = arguments
            # the path of the module comes in the first place
            sys.argv[:] = ["-m", *arguments]
            _first_of_path(str(Path.cwd()))
            _run_module(name, alter_argv=True)
        elif program == "-c":
            text, *arguments = arguments
            sys.argv[:] = ["-c", *arguments]
            _run_text(text, "<string>")
        elif program == "-":
            sys.argv[:] = ["-", *arguments]
            _run_text(sys.stdin.buffer.read(), "<stdin>")
        else:
            sys.argv[:] = [program, *arguments]
            _run_script(program)
    except Exception as error:
        rest = error.__traceback__
        while rest is not None and _own(rest):
            rest = rest.tb_next
        sys.excepthook(type(error), error.with_traceback(rest), rest)
        raise SystemExit(1) from None


def main(arguments: list[str] | None = None) -> None:
    """Run the command; it ends as the program ends."""
    rest = list(sys.argv[1:] if arguments is None else arguments)
    verbose = False
    while rest and rest[0].startswith("-") and rest[0] not in ("-", "-m", "-c"):
        option = rest.pop(0)
        if option in ("-h", "--help"):
            print(HELP, end="")
            return
        if option in ("-V", "--version"):
            print(_versions())
            return
        if option in ("-v", "--verbose"):
            verbose = True
        elif option == "--":
            break
        else:
            _fail(f"unknown option {option}; see --help")
    if not rest:
        _fail("which program? see --help")
    program, *rest = rest
    if program in ("-m", "-c") and not rest:
        _fail(f"argument expected for the {program} option; see --help")
    from fastdicom.pydicom.patch import install

    report = install()
    if verbose:
        print(report, file=sys.stderr)
    # for processes that are started afresh
    os.environ["FASTDICOM_PYDICOM"] = "1"
    _run(program, rest)


if __name__ == "__main__":
    main()
