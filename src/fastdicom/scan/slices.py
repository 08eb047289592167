"""Are slices missing? Judged by where the images of a series lie in space (PS3.3 C.7.6.2.1.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import mul, or_
from typing import Final, NamedTuple

__all__ = ["Gap", "Place", "Slices", "judged"]

_PARALLEL: Final = 1 - 1e-8  # cosine between the normals of one stack: what rounding does, half a meter away less than 0.1 mm
_STACKS: Final = 64  # more orientations than that are no stacks
_SAME_PLACE: Final = 0.01  # mm: two images at one place
_FEWEST: Final = 4  # places, to know what the distance is
_MOSTLY: Final = 0.75  # of the distances are the usual one, or a gap must stand alone
_OFF: Final = 0.1  # of the usual distance may a multiple of it be off
_OFF_FAR: Final = 0.02  # where more is missing: two stacks have any distance from each other


class Place(NamedTuple):
    """Images at one place: the normal of the slice, how far along it from the origin, how many, and the name of one.

    And the lowest Instance Number, and the Acquisition Number when all have the same; None where that is not known.
    """

    normal: tuple[float, float, float]
    along: float
    images: int
    path: str
    number: int | None = None
    acquisition: str | None = None


class Gap(NamedTuple):
    """Slices that are missing from a stack: how many, of how many, where along its normal, the files beside them."""

    missing: int
    expected: int
    spacing: float
    between: tuple[tuple[float, float], ...]
    files: tuple[str, ...]


@dataclass
class Slices:
    """What is known about the slices of a series.

    Attributes
    ----------
    is_regular : bool
        There are stacks, and all of them are spaced evenly: missing slices between others would be seen.
    gaps : list of Gap
        One a stack that has any.
    thin : list of str
        A file of each place that has fewer images than the others.
    """

    is_regular: bool = False
    gaps: list[Gap] = field(default_factory=list)
    thin: list[str] = field(default_factory=list)
    thin_text: str = ""

    @staticmethod
    def spacing_text(gap: Gap) -> str:
        """Where the gaps are, for people."""
        shown = ", ".join(f"{low:.4g} and {high:.4g}" for low, high in gap.between[:3])
        more = f" and {len(gap.between) - 3} more places" if len(gap.between) > 3 else ""
        return f"between {shown} mm along the normal{more} (spacing {gap.spacing:.4g} mm)"


def judged(places: Iterable[Place]) -> Slices:
    """Return what is known about the slices of one series."""
    found = Slices()
    regular = []
    for stack in _stacks(places):
        heights = _heights(stack)
        if len(heights) < _FEWEST:
            continue
        gap = _gap(heights)
        regular.append(gap is not None)
        if gap is not None and gap.missing:
            found.gaps.append(gap)
        if gap is not None:
            _thin(heights, found)
    found.is_regular = bool(regular) and all(regular)
    return found


def _stacks(places: Iterable[Place]) -> list[list[Place]]:
    """The places by orientation."""
    stacks: list[tuple[tuple[float, float, float], list[Place]]] = []
    known: dict[tuple[float, float, float], list[Place]] = {}  # most files of a stack have the very same numbers
    for place in places:
        stack = known.get(place.normal)
        if stack is None:
            parallel = (stack for normal, stack in stacks if sum(map(mul, normal, place.normal)) > _PARALLEL)
            stack = next(parallel, None)
            if stack is None:
                stack = []
                if len(stacks) < _STACKS:
                    stacks.append((place.normal, stack))
            known[place.normal] = stack
        stack.append(place)
    return [stack for _, stack in stacks]


def _heights(stack: list[Place]) -> list[Place]:
    """The different places along the normal, in order."""
    found: list[Place] = []
    for place in sorted(stack, key=lambda place: (place.along, place.path)):
        if found and place.along - found[-1].along < _SAME_PLACE:
            last = found[-1]
            numbers = [number for number in (last.number, place.number) if number is not None]
            same = last.acquisition if last.acquisition == place.acquisition else None
            found[-1] = last._replace(images=last.images + place.images, number=min(numbers, default=None), acquisition=same)
        else:
            found.append(place)
    return found


def _gap(heights: list[Place]) -> Gap | None:
    """The missing slices of a stack, perhaps none; None when it is not spaced evenly, and so tells nothing."""
    steps = [after.along - before.along for before, after in pairwise(heights)]
    small = sorted(step for step in steps if step <= 1.5 * min(steps))
    usual = small[len(small) // 2]
    even = [abs(step - usual) <= _OFF * usual for step in steps]
    # few of them missing among many; or more, but each between slices that are where they belong: not a stack that changes its spacing
    if sum(even) < _MOSTLY * len(steps) and (2 * sum(even) < len(steps) or not all(map(or_, even, even[1:]))):
        return None
    holes = [i for i, step in enumerate(steps) if abs(step / usual - 1) > _OFF]
    if any(steps[i] / usual < 1.5 or abs(steps[i] / usual - round(steps[i] / usual)) > 2 * _OFF for i in holes):
        return None
    missing = sum(round(steps[i] / usual) - 1 for i in holes)
    if missing > len(heights) // 2 and not all(_is_hole(heights, even, i, steps[i] / usual) for i in holes):
        return None
    between = tuple((heights[i].along, heights[i + 1].along) for i in holes)
    files = tuple(place.path for i in holes for place in heights[i : i + 2])
    return Gap(missing, missing + len(heights), usual, between, files)


def _is_hole(heights: list[Place], even: list[bool], at: int, times: float) -> bool:
    """Are slices missing behind a place when that is very many of them, or does another stack begin there?"""
    if abs(times - round(times)) > _OFF_FAR:
        return False
    below, above = heights[: at + 1], heights[at + 1 :]
    sides = [{place.acquisition for place in side} for side in (below, above)]
    if None not in sides[0] | sides[1] and len(sides[0]) == len(sides[1]) == 1 and sides[0] != sides[1]:
        return False
    # numbers that leave out what the places do
    numbers = [place.number for place in heights if place.number is not None]
    if len(numbers) == len(heights):
        between = [after - before for before, after in pairwise(numbers)]
        usual = Counter(step for step, is_even in zip(between, even, strict=True) if is_even).most_common(1)[0][0]
        if usual and between[at] == usual * round(times):
            return True
    # or as many slices there as missing, on both sides of the hole where they belong
    return round(times) - 1 <= len(heights) and any(even[:at]) and any(even[at + 1 :])


def _thin(heights: list[Place], found: Slices) -> None:
    """Places with fewer images than most have: a time or an echo is missing there."""
    usual, number = Counter(height.images for height in heights).most_common(1)[0]
    few = [height for height in heights if height.images < usual]
    if usual > 1 and few and number >= _MOSTLY * len(heights):
        found.thin += [height.path for height in few]
        found.thin_text = f"{len(found.thin)} of {len(heights)} positions have fewer than {usual} images"
