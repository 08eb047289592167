"""A JPEG 2000 codestream that ends too early, made into one that ends (T.800 Annexes A and B): for what there is of it.

OpenJPEG, as imagecodecs calls it, gives nothing of a codestream whose last packet is not whole. So the headers of the packets are read
here, the tile-part that was cut gets the length of what it holds, and tiles that are missing get an empty tile-part.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fastdicom.errors import DecodeError

__all__ = ["Repaired", "repaired"]

_SOT, _SOD, _EOC, _SIZ, _COD, _COC = 0xFF90, 0xFF93, 0xFFD9, 0xFF51, 0xFF52, 0xFF53
_SOP, _EPH = b"\xff\x91", b"\xff\x92"
_POC, _PPM, _PPT = 0xFF5F, 0xFF60, 0xFF61
_LENGTHS = (0xFF55, 0xFF57)  # TLM, PLM: they would no longer be true
_HEAD = 14  # bytes of SOT and SOD
_BYPASS, _TERMINATE_ALL, _HIGH_THROUGHPUT = 1, 4, 64
_MOST = 1 << 18  # precincts and code-blocks of a tile that memory is given for
_MOST_TILES, _MOST_COMPONENTS = 4096, 4
_MOST_FILLED = 1 << 24  # bytes of a packet that are made up


class Repaired(NamedTuple):
    """A codestream that ends.

    Attributes
    ----------
    data : bytes
        From SOC to EOC; empty when there is nothing to be decoded.
    said : str
        What there is of it, for people.
    missing : list of (int, int, int, int)
        The tiles of which there is nothing: top, bottom, left and right of their samples.
    """

    data: bytes
    said: str
    missing: list[tuple[int, int, int, int]]


@dataclass
class _Coding:
    """COD, COC: how a component of a tile is coded (T.800 A.6.1)."""

    levels: int
    block: tuple[int, int]  # exponents of width and height
    style: int
    precincts: list[tuple[int, int]]  # exponents, of each resolution


@dataclass
class _Stream:
    data: memoryview
    size: tuple[int, ...] = ()  # Xsiz, Ysiz, XOsiz, YOsiz, XTsiz, YTsiz, XTOsiz, YTOsiz
    distances: list[tuple[int, int]] = field(default_factory=list)
    order: int = 0
    layers: int = 0
    codings: dict[int, _Coding] = field(default_factory=dict)  # by component, -1 for all others
    has_eph: bool = False  # a marker behind the header of each packet
    plain: bool = True  # nothing that is not read here: changes of order, packed headers
    head: bytearray = field(default_factory=bytearray)

    def number(self, at: int, size: int) -> int:
        return int.from_bytes(self.data[at : at + size], "big")

    @property
    def across(self) -> int:
        return _up(self.size[0] - self.size[6], self.size[4])

    @property
    def tiles(self) -> int:
        return self.across * _up(self.size[1] - self.size[7], self.size[5])

    @property
    def area(self) -> int:
        """The samples of the image, were none of its components subsampled."""
        return (self.size[0] - self.size[2]) * (self.size[1] - self.size[3]) * len(self.distances)

    def tile(self, number: int) -> tuple[int, int, int, int]:
        """Left, top, right and bottom on the reference grid (T.800 B.3)."""
        p, q = number % self.across, number // self.across
        width, height, left, top, tile_width, tile_height, first_left, first_top = self.size
        x, y = first_left + p * tile_width, first_top + q * tile_height
        return max(x, left), max(y, top), min(x + tile_width, width), min(y + tile_height, height)

    def coding(self, component: int) -> _Coding:
        return self.codings.get(component, self.codings[-1])


def _up(a: int, b: int) -> int:
    return -(-a // b)


def repaired(src: memoryview, /) -> Repaired:
    """A codestream that ends, made of one that ends too early.

    Parameters
    ----------
    src : memoryview
        From SOC on, of which the main header is whole.

    Raises
    ------
    DecodeError
        Its headers are broken, or ask for more memory than they are worth.
    """
    stream = _Stream(src)
    at = _main_header(stream)
    _check(stream)
    parts: dict[int, list[tuple[int, int, int]]] = {}  # of each tile: where parts, their data and their ends are
    cut, kept = -1, bytearray()
    end = len(src)
    while cut < 0 and end - at >= _HEAD and stream.number(at, 2) == _SOT:
        tile, length = stream.number(at + 4, 2), stream.number(at + 6, 4)
        start = _data_of(stream, at + 12)
        if tile >= stream.tiles or not start:
            break
        stop = at + length if length else end
        if stop > end or not length:
            cut, stop = tile, end
        parts.setdefault(tile, []).append((at, start, stop))
        if cut < 0:
            kept += _part(stream, at, start, bytes(src[start:stop]))
        at = stop
    said = f"{len(parts) - (cut in parts)} of {stream.tiles} tiles" if stream.tiles > 1 else ""
    if cut >= 0:
        at, start, stop = parts[cut][-1]
        data, packets = _whole_packets(stream, cut, [bytes(src[a:b]) for _, a, b in parts[cut]])
        if packets:
            kept += _part(stream, at, start, data)
            said += f"{' and of another ' if said else ''}{packets}"
        elif len(parts[cut]) == 1:
            del parts[cut]
    said = said or f"{sum(map(len, parts.values()))} tile-part(s)"
    missing = [number for number in range(stream.tiles) if number not in parts]
    empty, total = bytearray(), 0
    for number in missing if parts else ():
        packets_of_it = _Packets(stream, number, b"").count if stream.has_eph else 1
        total += packets_of_it
        if total > _MOST:
            raise DecodeError("the JPEG 2000 stream has too many packets to be read in part")
        data = _nothing(stream, packets_of_it)
        empty += struct.pack(">HHHIBBH", _SOT, 10, number, _HEAD + len(data), 0, 0, _SOD) + data
    data = bytes(stream.head + kept + empty) + _EOC.to_bytes(2, "big")
    return Repaired(data if parts else b"", said, [_samples(stream, number) for number in missing])


def _samples(stream: _Stream, number: int) -> tuple[int, int, int, int]:
    left, top, right, bottom = stream.tile(number)
    return top - stream.size[3], bottom - stream.size[3], left - stream.size[2], right - stream.size[2]


def _check(stream: _Stream) -> None:
    """Raise DecodeError where what is said of the image makes no sense, or would take more memory than it is worth."""
    numbers = (*stream.size[4:6], *(each for pair in stream.distances for each in pair))
    if len(stream.size) != 8 or -1 not in stream.codings or not all(numbers) or len(numbers) < 4:
        raise DecodeError("the JPEG 2000 main header has no SIZ or COD segment, or a broken one")
    width, height, left, top = stream.size[:4]
    if left >= width or top >= height or stream.size[6] > left or stream.size[7] > top:
        raise DecodeError("the JPEG 2000 image has no samples")
    if stream.tiles > _MOST_TILES or len(stream.distances) > _MOST_COMPONENTS:
        raise DecodeError(
            f"the JPEG 2000 stream has {stream.tiles} tiles of {len(stream.distances)} components, too many to be read in part"
        )


def _main_header(stream: _Stream) -> int:
    """Read it, and answer where the first tile-part is."""
    at = 2
    stream.head += stream.data[:2]
    while (marker := stream.number(at, 2)) != _SOT:
        length = stream.number(at + 2, 2) + 2
        body = at + 4
        if length < 4 or at + length > len(stream.data):
            raise DecodeError("the JPEG 2000 stream ends in its main header", offset=at)
        if marker == _SIZ:
            stream.size = tuple(stream.number(body + 2 + 4 * i, 4) for i in range(8))
            stream.distances = [(stream.data[i], stream.data[i + 1]) for i in range(body + 37, at + length - 1, 3)]
        elif marker == _COD:
            stream.order, stream.layers = stream.data[body + 1], stream.number(body + 2, 2)
            stream.has_eph = bool(stream.data[body] & 4)
            stream.codings[-1] = _coding(stream.data[body + 5 : at + length], bool(stream.data[body] & 1))
        elif marker == _COC:
            wide = 2 if len(stream.distances) > 256 else 1
            component = stream.number(body, wide)
            stream.codings[component] = _coding(stream.data[body + wide + 1 : at + length], bool(stream.data[body + wide] & 1))
        elif marker in (_POC, _PPM):
            stream.plain = False
        if marker not in _LENGTHS:
            stream.head += stream.data[at : at + length]
        at += length
    return at


def _coding(body: memoryview, has_precincts: bool) -> _Coding:
    levels = body[0] if len(body) else 0
    if levels > 32 or len(body) < 5 + (levels + 1 if has_precincts else 0):
        raise DecodeError("the JPEG 2000 main header has a broken coding style")
    precincts = [(each & 15, each >> 4) for each in body[5 : 6 + levels]] if has_precincts else [(15, 15)] * (levels + 1)
    if any(0 in each for each in precincts[1:]):  # a band has half of them
        raise DecodeError("the JPEG 2000 main header has a precinct without size")
    return _Coding(levels, ((body[1] & 15) + 2, (body[2] & 15) + 2), body[3], precincts)


def _data_of(stream: _Stream, at: int) -> int:
    """Where the data of a tile-part begins, behind SOD; 0 when it ends before."""
    while at + 2 <= len(stream.data):
        marker = stream.number(at, 2)
        if marker == _SOD:
            return at + 2
        if marker in (_COD, _COC, _POC, _PPT):
            stream.plain = False
        at += 2 + max(stream.number(at + 2, 2), 2)
    return 0


def _part(stream: _Stream, at: int, start: int, data: bytes) -> bytes:
    """A tile-part with such data, which does not say how many parts its tile has."""
    head = bytearray(stream.data[at:start])
    head[6:10] = (len(head) + len(data)).to_bytes(4, "big")
    head[11] = 0
    return bytes(head) + data


def _whole_packets(stream: _Stream, tile: int, parts: list[bytes]) -> tuple[bytes, str]:
    """The data of the last of a tile's parts up to its last whole packet, and what that is.

    Where the coder of bit-planes is the arithmetic one, the packet that was cut is kept too: what is missing is 1s, as that coder
    takes them at the end of its data (T.800 C.3.4). Nothing is said where there is nothing to be decoded.
    """
    before = sum(map(len, parts[:-1]))
    if not stream.plain:
        return b"", ""
    data = b"".join(parts)
    reader = _Packets(stream, tile, data)
    whole, count, lacks = 0, 0, 0
    try:
        for end, lacks in reader:
            if not lacks:
                whole, count = end, count + 1
    except IndexError:  # cut inside the header of a packet
        lacks = 0
    said = f"{count} of {reader.count} packets"
    rest = reader.count - count
    if 0 < lacks <= min(5 * stream.area, _MOST_FILLED) and not reader.style & (_BYPASS | _HIGH_THROUGHPUT):
        return data[before:] + b"\xff" * lacks + _nothing(stream, rest - 1), said + " and a part of one"
    return data[before : max(whole, before)] + _nothing(stream, rest), said if count else ""


def _nothing(stream: _Stream, packets: int) -> bytes:
    """So many packets in which there is nothing. OpenJPEG takes the end of the data for them, but where it wants an EPH."""
    if not stream.has_eph:
        return b"\0" if packets > 0 else b""
    if packets > _MOST:
        raise DecodeError("the JPEG 2000 stream has too many packets to be read in part")
    return (b"\0" + _EPH) * packets


class _Tree:
    """A tag tree (T.800 B.10.2)."""

    def __init__(self, width: int, height: int) -> None:
        self.widths: list[int] = []
        self.values: list[list[int]] = []
        self.known: list[list[bool]] = []
        while True:
            self.widths.append(width)
            self.values.append([0] * (width * height))
            self.known.append([False] * (width * height))
            if width * height <= 1:
                break
            width, height = _up(width, 2), _up(height, 2)

    def below(self, bits: _Bits, x: int, y: int, threshold: int) -> bool:
        """Whether the value of a leaf is below the threshold."""
        low = 0
        for level in range(len(self.widths) - 1, -1, -1):
            at = (y >> level) * self.widths[level] + (x >> level)
            values, known = self.values[level], self.known[level]
            values[at] = max(values[at], low)
            while values[at] < threshold and not known[at]:
                if bits.bit():
                    known[at] = True
                else:
                    values[at] += 1
            low = values[at]
        return self.known[0][y * self.widths[0] + x] and low < threshold


class _Bits:
    """The bits of a packet's header: behind a byte of 0xFF one is stuffed (T.800 B.10.1). IndexError at the end of the data."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.byte = self.left = 0

    def bit(self) -> int:
        if not self.left:
            self.left = 7 if self.byte == 0xFF else 8
            self.byte = self.data[self.at]
            self.at += 1
        self.left -= 1
        return self.byte >> self.left & 1

    def number(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self.bit()
        return value

    def end(self) -> int:
        """Where the next byte is that is none of the header's."""
        return self.at + (self.byte == 0xFF)


class _Block:
    """A code-block: what of it the packets before have told."""

    __slots__ = ("included", "length_bits", "passes", "room", "segment")

    def __init__(self) -> None:
        self.included = False
        self.length_bits, self.passes = 3, 0
        self.segment, self.room = -1, 0  # the number of the segment that is open, and how many passes it still takes


class _Precinct(NamedTuple):
    component: int
    resolution: int
    number: int
    x: int  # on the reference grid
    y: int


class _Packets:
    """The packets of a tile, in order: where each ends, and how many of its bytes are missing."""

    def __init__(self, stream: _Stream, tile: int, data: bytes) -> None:
        self.stream, self.data = stream, data
        self.tile = stream.tile(tile)
        self.bands: dict[tuple[int, int, int], list[tuple[_Tree, _Tree, list[_Block], int]]] = {}
        self.precincts = list(self._precincts())
        self.count = len(self.precincts) * stream.layers
        self.style = self.blocks = 0
        for coding in stream.codings.values():
            self.style |= coding.style

    def _rectangle(self, component: int, shift: int, across: int = 0, down: int = 0) -> tuple[int, int, int, int]:
        """Of a resolution (T.800 B-14), or of a band of it, whose origin is at (across, down) (B-15)."""
        dx, dy = self.stream.distances[component]
        left, top, right, bottom = self.tile
        half = 1 << shift >> 1
        x0, y0, x1, y1 = (_up(left, dx), _up(top, dy), _up(right, dx), _up(bottom, dy))
        return tuple(  # type: ignore[return-value]
            _up(each - half * move, 1 << shift) for each, move in ((x0, across), (y0, down), (x1, across), (y1, down))
        )

    def _precincts(self) -> Iterator[_Precinct]:
        total = 0
        for component, (dx, dy) in enumerate(self.stream.distances):
            coding = self.stream.coding(component)
            for resolution in range(coding.levels + 1):
                shift = coding.levels - resolution
                x0, y0, x1, y1 = self._rectangle(component, shift)
                px, py = coding.precincts[resolution]
                if x1 <= x0 or y1 <= y0:
                    continue
                wide, high = _up(x1, 1 << px) - (x0 >> px), _up(y1, 1 << py) - (y0 >> py)
                total += wide * high
                if total > _MOST:
                    raise DecodeError("the JPEG 2000 stream has too many precincts to be read in part")
                for number in range(wide * high):
                    x = (((x0 >> px) + number % wide) << px + shift) * dx
                    y = (((y0 >> py) + number // wide) << py + shift) * dy
                    yield _Precinct(component, resolution, number, max(x, self.tile[0]), max(y, self.tile[1]))

    def _in_order(self) -> Iterator[tuple[int, _Precinct]]:
        """Layers and precincts as the progression order has them (T.800 B.12.1)."""
        layers, precincts = range(self.stream.layers), self.precincts
        if self.stream.order == 0:  # layer, resolution
            by_resolution = sorted(precincts, key=lambda p: (p.resolution, p.component, p.number))
            yield from ((layer, p) for layer in layers for p in by_resolution)
        elif self.stream.order == 1:  # resolution, layer
            for resolution in range(1 + max((p.resolution for p in precincts), default=0)):
                chosen = sorted((p for p in precincts if p.resolution == resolution), key=lambda p: (p.component, p.number))
                yield from ((layer, p) for layer in layers for p in chosen)
        else:
            keys = {
                2: lambda p: (p.resolution, p.y, p.x, p.component, p.number),
                3: lambda p: (p.y, p.x, p.component, p.resolution, p.number),
                4: lambda p: (p.component, p.y, p.x, p.resolution, p.number),
            }
            if self.stream.order not in keys:
                raise DecodeError("the JPEG 2000 stream has an unknown progression order")
            yield from ((layer, p) for p in sorted(precincts, key=keys[self.stream.order]) for layer in layers)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        at = 0
        for layer, precinct in self._in_order():
            if at >= len(self.data):
                return
            if self.data[at : at + 2] == _SOP:
                at += 6
            at, length = self._header(at, layer, precinct)
            if self.data[at : at + 2] == _EPH:
                at += 2
            elif self.stream.has_eph:
                raise IndexError
            lacks = max(0, at + length - len(self.data))
            if lacks:
                yield at, lacks
                return
            at += length
            yield at, 0

    def _made(self, precinct: _Precinct) -> list[tuple[_Tree, _Tree, list[_Block], int]]:
        """The code-blocks of a precinct, by band (T.800 B.7)."""
        component, resolution, number = precinct[:3]
        key = (component, resolution, number)
        if key in self.bands:
            return self.bands[key]
        coding = self.stream.coding(component)
        px, py = coding.precincts[resolution]
        x0, y0, x1, _ = self._rectangle(component, coding.levels - resolution)
        wide = _up(x1, 1 << px) - (x0 >> px)
        column, row = (x0 >> px) + number % wide, (y0 >> py) + number // wide
        shift = coding.levels - resolution + (resolution > 0)
        if resolution:
            px, py = px - 1, py - 1
        made = []
        for across, down in ((1, 0), (0, 1), (1, 1)) if resolution else ((0, 0),):
            band = self._rectangle(component, shift, across, down)
            left, right = max(band[0], column << px), min(band[2], column + 1 << px)
            top, bottom = max(band[1], row << py), min(band[3], row + 1 << py)
            bx, by = min(coding.block[0], px), min(coding.block[1], py)
            if right <= left or bottom <= top:
                continue
            w, h = _up(right, 1 << bx) - (left >> bx), _up(bottom, 1 << by) - (top >> by)
            self.blocks += w * h
            if self.blocks > _MOST:
                raise DecodeError("the JPEG 2000 stream has too many code-blocks to be read in part")
            made.append((_Tree(w, h), _Tree(w, h), [_Block() for _ in range(w * h)], w))
        self.bands[key] = made
        return made

    def _header(self, at: int, layer: int, precinct: _Precinct) -> tuple[int, int]:
        """Where the header of a packet ends, and how long the body is (T.800 B.10)."""
        bits, length = _Bits(self.data, at), 0
        style = self.stream.coding(precinct.component).style
        if bits.bit():
            for inclusion, planes, blocks, width in self._made(precinct):
                for number, block in enumerate(blocks):
                    x, y = number % width, number // width
                    if not (bits.bit() if block.included else inclusion.below(bits, x, y, layer + 1)):
                        continue
                    if not block.included:
                        block.included = True
                        zeros = 1
                        while not planes.below(bits, x, y, zeros):
                            zeros += 1
                    length += _lengths(bits, block, style)
        return bits.end(), length


def _passes(bits: _Bits) -> int:
    """The number of coding passes (T.800 Table B.4)."""
    if not bits.bit():
        return 1
    if not bits.bit():
        return 2
    if (number := bits.number(2)) < 3:
        return 3 + number
    if (number := bits.number(5)) < 31:
        return 6 + number
    return 37 + bits.number(7)


def _lengths(bits: _Bits, block: _Block, style: int) -> int:
    """The bytes that a code-block has in a packet: a number for each of its segments (T.800 B.10.7)."""
    left, length = _passes(bits), 0
    while bits.bit():
        block.length_bits += 1
        if block.length_bits > 32:
            raise DecodeError("a code-block of the JPEG 2000 stream has an impossible length", offset=bits.at)
    while left:
        if not block.room:
            block.segment += 1
            block.room = _room(block.segment, style)
        count = min(left, block.room)
        length += bits.number(block.length_bits + count.bit_length() - 1)
        block.room -= count
        left -= count
    return length


def _room(segment: int, style: int) -> int:
    """How many passes a segment takes: where the coder of bit-planes is ended (T.800 D.4 to D.6; T.814 B.2)."""
    if style & _HIGH_THROUGHPUT:
        return 1 if segment == 0 else 1 << 30
    if style & _TERMINATE_ALL:
        return 1
    if style & _BYPASS:
        return 10 if segment == 0 else 1 if segment % 2 == 0 else 2
    return 1 << 30
