"""Decoders: what turns the bytes of a frame into samples, and the table of them."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Availability", "available", "register_decoder"]


class Availability(NamedTuple):
    """One line of :func:`available`: a transfer syntax and a decoder of it.

    Attributes
    ----------
    uid, name, family : str
        The transfer syntax: its UID, its name in PS3.6, and the family of its streams (``"jpeg"``, ``"rle"``, ``"native"``, …).
    decoder : str or None
        What ``ds.decode(decoder=...)`` calls it; None when nothing decodes this syntax.
    installed : bool
        Whether all that it needs is there.
    version : str or None
        Of the distribution that it comes from.
    install : str or None
        The command that gets it, where it is not installed.
    """

    uid: str
    name: str
    family: str
    decoder: str | None
    installed: bool
    version: str | None
    install: str | None


def available() -> list[Availability]:
    """Which transfer syntax is decoded by what.

    Returns
    -------
    list of Availability
        A line for every transfer syntax of PS3.6 Annex A (and the private ones still met) and each of its decoders, in the
        order in which they are tried; `decoder` is None where there is none. `install` is the command that gets one that
        is not installed.
    """
    from fastdicom.codecs import registry
    from fastdicom.transfer_syntax import TRANSFER_SYNTAXES, get

    rows = registry.rows()
    states = {row.name: (row.installed, row.version, None if row.installed else row.install) for row in rows}
    uids = list(dict.fromkeys([*TRANSFER_SYNTAXES, *(uid for row in rows for uid in row.syntaxes)]))
    lines = []
    for uid in uids:
        syntax = get(uid)
        names = [row.name for row in rows if uid in row.syntaxes]
        lines += [Availability(uid, syntax.name, syntax.family, name, *states[name]) for name in names]
        if not names:
            lines.append(Availability(uid, syntax.name, syntax.family, None, False, None, None))
    return lines


def register_decoder(
    name: str,
    module: Any,
    /,
    syntaxes: str | tuple[str, ...] | list[str],
    *,
    distribution: str = "",
    needs: tuple[str, ...] | list[str] = (),
    rank: int = 50,
) -> None:
    """Add a decoder, until the process ends.

    Distributions offer theirs under the entry-point group ``fastdicom.decoders``: a ``fastdicom.codecs.registry.Row``, or a
    function that makes one. Plug-ins of pylibjpeg (``pylibjpeg.pixel_data_decoders``) are found as they are.

    Parameters
    ----------
    name : str
        What it is called in :func:`available`; a decoder of the same name is replaced.
    module : str or object
        The module, imported when it is first needed, or an object, with the function ``decode(src, info, out)`` of
        ``fastdicom.codecs.base.Decoder``.
    syntaxes : str or sequence of str
        The transfer syntax UIDs that it decodes.
    distribution : str
        What to install to get it.
    needs : sequence of str
        Modules without which it does not work.
    rank : int
        The lowest rank that is installed decodes; ours are 0 to 30, plug-ins of pylibjpeg have 60. From 80 on a decoder works only
        when it is named, or when no other is installed.

    Raises
    ------
    TypeError, ValueError
        When `module` has no function ``decode``, or no syntax is given.
    """
    from fastdicom.codecs import registry

    uids = (syntaxes,) if isinstance(syntaxes, str) else tuple(syntaxes)
    if not name or not uids or not all(uids):
        raise ValueError("a decoder has a name and at least one transfer syntax UID")
    if not isinstance(module, str) and not callable(getattr(module, "decode", None)):
        raise TypeError(f"{module!r} has no function decode(src, info, out)")
    registry.register(registry.Row(uids, name, module, distribution or name, tuple(needs), rank))
