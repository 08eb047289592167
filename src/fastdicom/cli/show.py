"""`fastdicom show`: an image as a PNG file."""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from typing import Any

from fastdicom.cli.parsers import add_command, is_same_file
from fastdicom.errors import DicomError, DicomWarning

DESCRIPTION = """Write a picture of an image as a workstation shows it: modality LUT, VOI LUT or window, palette and overlays applied, and
pixels made square. Of a file with several frames, a sheet of them, unless --frame names one."""
EXAMPLES = """examples:
  fastdicom show image.dcm -o image.png
  fastdicom show image.dcm -o lung.png --window -600 1500
  fastdicom show image.dcm -o first.png --frame 0
  fastdicom show image.dcm -o sheet.png --sheet
  cat image.dcm | fastdicom show - -o - > image.png
"""


def add_parser(subparsers: argparse._SubParsersAction[Any]) -> None:
    """Add the command to the program."""
    parser = add_command(subparsers, "show", DESCRIPTION, EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="a DICOM file; - reads standard input")
    parser.add_argument("-o", "--output", metavar="PNG", required=True, help="where to write; - writes to standard output")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("-F", "--frame", metavar="N", type=int, help="only this frame, from 0; from the end when negative")
    what.add_argument("-s", "--sheet", action="store_true", help="a sheet of all frames, or of 64 of them, also where there is only one")
    parser.add_argument(
        "-w", "--window", metavar=("CENTER", "WIDTH"), nargs=2, type=_number, help="the window, in Hounsfield units or the like"
    )
    parser.add_argument("--no-overlays", dest="overlays", action="store_false", help="leave overlays out")
    parser.add_argument("-f", "--force", action="store_true", help="read what has neither DICM nor group 0002 as a bare data set")
    parser.set_defaults(run=run, parser=parser)


def _number(value: str) -> float:
    try:
        made = float(value)
    except ValueError:
        made = math.nan
    if not math.isfinite(made):
        raise argparse.ArgumentTypeError(f"{value!r} is no number; --window takes two, its center and its width: --window 40 400")
    return made


def run(args: argparse.Namespace) -> int:
    """Write the picture; 0: it is written, 1: the file cannot be read or shown, or the picture not be written."""
    if args.output != "-" and not args.output.lower().endswith(".png"):
        args.parser.error(f"{args.output}: pictures are written as PNG, name it .png")
    if is_same_file(args.file, args.output):
        args.parser.error(f"{args.output} is the file that is read")
    if args.window is not None and not args.window[1] > 0:
        args.parser.error(f"--window: the width is {args.window[1]:g}, more than 0 was expected")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", DicomWarning)
            warnings.showwarning = _warn  # type: ignore[assignment]
            data, text = _picture(args)
    except (DicomError, IndexError, ValueError) as error:
        reason = str(error).replace("force=True", "--force")
        print(f"fastdicom: {reason}" if args.file in reason else f"fastdicom: {args.file}: {reason}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"fastdicom: {args.file}: {error.strerror or error}", file=sys.stderr)
        return 1
    return _write(args.output, data, text)


def _warn(message: Warning | str, *_: object) -> None:
    print(f"warning: {message}", file=sys.stderr)


def _picture(args: argparse.Namespace) -> tuple[bytes, str]:
    from fastdicom.codecs import png
    from fastdicom.pixels import contact_sheet, pixel_aspect, square_pixels
    from fastdicom.pixels.picture import sheet_frames
    from fastdicom.reader import dcmread

    with dcmread(sys.stdin.buffer if args.file == "-" else args.file, force=args.force) as ds:
        count = len(ds.frames)
        if args.sheet or (args.frame is None and count > 1):
            shown = sheet_frames(count)
            image = contact_sheet(ds, args.window, overlays=args.overlays, frames=shown)
            what = f"{len(shown)} of {count} frames" if len(shown) < count else f"{count} frame{'' if count == 1 else 's'}"
        else:
            frame = args.frame or 0
            image = ds.to_image(args.window, frame, overlays=args.overlays)
            image = square_pixels(image, pixel_aspect(ds, range(count)[frame]))
            what = f"frame {range(count)[frame]} of {count}" if count > 1 else "1 frame"
        return png.encode(image), f"{image.shape[1]} x {image.shape[0]} pixels, {what}"


def _write(output: str, data: bytes, text: str) -> int:
    try:
        if output == "-":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            with open(output, "wb") as file:
                file.write(data)
            print(f"{output}: {text}")
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"fastdicom: {output}: {error.strerror or error}", file=sys.stderr)
        return 1
    return 0
