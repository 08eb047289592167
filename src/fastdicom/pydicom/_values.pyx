# cython: nonecheck=True
"""Values as pydicom makes them, of bytes that leave no doubt: the same types with the same attributes, at a tenth of the time.

Whatever wants a warning, another character set, or a look at the rules is NOT_PLAIN: pydicom converts it. When this module is imported, samples
of each VR are converted by the installed pydicom too; a VR whose samples differ is left to it altogether.
"""

from pydicom import config
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID
from pydicom.valuerep import IS, DSfloat, PersonName

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_GetItem
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastdicom._core cimport (
    FD_VR_AE, FD_VR_AS, FD_VR_AT, FD_VR_CS, FD_VR_DA, FD_VR_DS, FD_VR_DT, FD_VR_FD, FD_VR_FL, FD_VR_IS, FD_VR_LO, FD_VR_LT, FD_VR_OB,
    FD_VR_OD, FD_VR_OF, FD_VR_OL, FD_VR_OV, FD_VR_OW, FD_VR_PN, FD_VR_SH, FD_VR_SL, FD_VR_SS, FD_VR_ST, FD_VR_SV, FD_VR_TM, FD_VR_UC,
    FD_VR_UI, FD_VR_UL, FD_VR_UR, FD_VR_US, FD_VR_UT, FD_VR_UV, number_of,
)
from fastdicom.pydicom._parts cimport dictionary_vr, plain_conversion

cdef object NOT_PLAIN = object()
cdef dict CONFIG = config.__dict__
cdef dict ASCII_SAFE = {}  # encoding → whether it reads printable ASCII as ASCII
cdef set TRUSTED = set()   # VRs of which the installed pydicom makes what is made here
cdef object new_int = int.__new__
cdef object new_float = float.__new__
cdef object new_str = str.__new__
cdef object new = object.__new__
cdef bint PLAIN_ELEMENT = False  # whether a DataElement has the attributes that are set here


cdef bint is_on(str setting):
    cdef PyObject *found = PyDict_GetItem(CONFIG, setting)
    return found != NULL and <object>found is not False


cdef bint is_ascii_safe(object encoding):
    cdef PyObject *known = PyDict_GetItem(ASCII_SAFE, encoding)
    if known != NULL:
        return <object>known is True
    plain = bytes(range(0x20, 0x7E))
    try:
        safe = plain.decode(encoding) == plain.decode("ascii") and plain.decode("ascii").encode(encoding) == plain
    except (LookupError, UnicodeError):
        safe = False
    if len(ASCII_SAFE) < 1000:
        ASCII_SAFE[encoding] = safe
    return safe


cdef object text(const uint8_t *p, Py_ssize_t n):
    return PyUnicode_DecodeLatin1(<const char *>p, n, NULL)


cdef Py_ssize_t stripped(const uint8_t *p, Py_ssize_t n) noexcept:
    """The length without spaces and NULs at the end."""
    while n and (p[n - 1] == 0x20 or p[n - 1] == 0):
        n -= 1
    return n


cdef object several(object kind, list values):
    """A MultiValue, whose items have been made."""
    made = new(MultiValue)
    made._constructor = kind
    made._list = values
    return made


cdef object strings(const uint8_t *p, Py_ssize_t n):
    """AS, CS, DA, DT, TM: pydicom drops blanks at the end of the whole only, and takes every byte."""
    n = stripped(p, n)
    value = text(p, n)
    if "\\" not in value:
        return value
    return several(str, value.split("\\"))


cdef bint is_printable(const uint8_t *p, Py_ssize_t n) noexcept:
    """ASCII that has one meaning: 0x7E is an overline in ISO-IR 14, 0x5C a yen sign, but where it delimits."""
    cdef Py_ssize_t i
    cdef uint8_t bad = 0
    for i in range(n):
        bad |= (p[i] < 0x20) | (p[i] > 0x7D)
    return not bad


cdef object free_text(const uint8_t *p, Py_ssize_t n, uint16_t vr, object encodings):
    """LO, SH, UC and, without backslashes that delimit, LT, ST, UT (PS3.5 6.2); too long ones want a warning."""
    cdef Py_ssize_t most = 64 if vr == FD_VR_LO else 16 if vr == FD_VR_SH else 10240 if vr == FD_VR_LT else 1024 if vr == FD_VR_ST else n
    cdef bint one = vr == FD_VR_LT or vr == FD_VR_ST or vr == FD_VR_UT
    cdef list parts
    if not is_printable(p, n) or not is_ascii_safe(encodings if type(encodings) is str else (<list>encodings)[0]):
        return NOT_PLAIN
    value = text(p, n)
    if one or "\\" not in value:
        return NOT_PLAIN if n > most else value.rstrip(" ")
    parts = value.split("\\")
    for part in parts:
        if len(part) > most:
            return NOT_PLAIN
    return several(str, [part.rstrip(" ") for part in parts])


cdef object application(const uint8_t *p, Py_ssize_t n):
    """AE: blanks on both sides do not count."""
    if not is_printable(p, n):
        return NOT_PLAIN
    value = text(p, n)
    if "\\" not in value:
        return value.strip(" ")
    return several(str, [part.strip(" ") for part in value.split("\\")])


cdef bint is_uid(const uint8_t *p, Py_ssize_t n) noexcept:
    """PS3.5 9.1: numbers without zeros in front, between dots, 64 bytes at most."""
    cdef Py_ssize_t i, start = 0
    if n == 0 or n > 64:
        return False
    for i in range(n + 1):
        if i < n and p[i] != 0x2E:
            if not 0x30 <= p[i] <= 0x39:
                return False
            continue
        if i == start or (p[start] == 0x30 and i - start > 1):
            return False
        start = i + 1
    return True


cdef object uids(const uint8_t *p, Py_ssize_t n):
    cdef Py_ssize_t i, start = 0
    cdef list out = None
    n = stripped(p, n)
    for i in range(n + 1):
        if i < n and p[i] != 0x5C:
            continue
        if not is_uid(p + start, i - start):
            return NOT_PLAIN
        value = new_str(UID, text(p + start, i - start))
        if i == n and out is None:
            return value
        if out is None:
            out = []
        out.append(value)
        start = i + 1
    return several(UID, out)


cdef object integer(const uint8_t *p, Py_ssize_t n):
    """An IS (PS3.5 6.2) of at most 12 bytes that fits 32 bits."""
    cdef Py_ssize_t i = 0, start, end = n
    cdef int64_t total = 0
    cdef bint minus = False
    if n > 12:
        return NOT_PLAIN
    while end and p[end - 1] == 0x20:
        end -= 1
    while i < end and p[i] == 0x20:
        i += 1
    start = i
    if i < end and (p[i] == 0x2D or p[i] == 0x2B):
        minus = p[i] == 0x2D
        i += 1
    if i == end:
        return NOT_PLAIN
    while i < end:
        if not 0x30 <= p[i] <= 0x39:
            return NOT_PLAIN
        total = total * 10 + (p[i] - 0x30)
        i += 1
    if total > 0x7FFFFFFF:
        return NOT_PLAIN
    value = new_int(IS, -total if minus else total)
    value.original_string = text(p + start, end - start)
    return value


cdef object decimal(const uint8_t *p, Py_ssize_t n):
    """A DS (PS3.5 6.2)."""
    cdef Py_ssize_t i = 0, end = n
    cdef bint digit = False
    while end and p[end - 1] == 0x20:
        end -= 1
    while i < end and p[i] == 0x20:
        i += 1
    p, n = p + i, end - i
    for i in range(n):
        if 0x30 <= p[i] <= 0x39:
            digit = True
        elif p[i] not in (0x2B, 0x2D, 0x2E, 0x45, 0x65):
            return NOT_PLAIN
    if not digit:
        return NOT_PLAIN
    written = text(p, n)
    try:
        value = new_float(DSfloat, written)
    except ValueError:
        return NOT_PLAIN
    value.original_string = written
    value.auto_format = False
    return value


ctypedef object (*one_value)(const uint8_t *p, Py_ssize_t n)


cdef object numbers_in_text(const uint8_t *p, Py_ssize_t n, one_value one, object kind):
    cdef Py_ssize_t i, start = 0
    cdef list out = None
    n = stripped(p, n)
    for i in range(n + 1):
        if i < n and p[i] != 0x5C:
            continue
        value = one(p + start, i - start)
        if value is NOT_PLAIN:
            return NOT_PLAIN
        if i == n and out is None:
            return value
        if out is None:
            out = []
        out.append(value)
        start = i + 1
    return several(kind, out)


cdef object person_name(const uint8_t *p, Py_ssize_t n, object encodings, object mode):
    """A PN of ASCII, one value of at most 64 bytes."""
    cdef Py_ssize_t i
    cdef int equals = 0
    n = stripped(p, n)
    if n == 0 or n > 64 or p[n - 1] == 0x3D or not is_printable(p, n):
        return NOT_PLAIN
    for i in range(n):
        if p[i] == 0x5C:
            return NOT_PLAIN
        equals += p[i] == 0x3D
    if type(encodings) is not str:
        if len(<list>encodings) != 1:
            return NOT_PLAIN
        encodings = (<list>encodings)[0]
    if equals > 2 or not is_ascii_safe(encodings):
        return NOT_PLAIN
    value = text(p, n)
    made = new(PersonName)
    made._components = tuple(value.split("="))
    made.validation_mode = mode
    made.original_string = PyBytes_FromStringAndSize(<const char *>p, n)
    made.encodings = (encodings,)
    return made


cdef object numbers(const uint8_t *p, Py_ssize_t n, uint16_t vr, bint big):
    """A number, or a list of them (of tags a MultiValue)."""
    cdef Py_ssize_t size = 2 if vr == FD_VR_US or vr == FD_VR_SS else 8 if vr in (FD_VR_FD, FD_VR_SV, FD_VR_UV) else 4
    cdef Py_ssize_t i
    cdef list out
    if n == size:
        return number_of(p, vr, big, BaseTag)
    if n % size:
        return NOT_PLAIN
    out = []
    for i in range(n // size):
        out.append(number_of(p + i * size, vr, big, BaseTag))
    return several(Tag, out) if vr == FD_VR_AT else out


cdef object value_of(uint16_t vr, const uint8_t *p, Py_ssize_t n, bint big, object encodings, object mode):
    """The value of `n` > 0 bytes as ``pydicom.values.convert_value`` makes it, or NOT_PLAIN."""
    if vr not in TRUSTED:
        return NOT_PLAIN
    if vr in (FD_VR_US, FD_VR_SS, FD_VR_UL, FD_VR_SL, FD_VR_FL, FD_VR_FD, FD_VR_AT, FD_VR_SV, FD_VR_UV):
        return numbers(p, n, vr, big)
    if vr == FD_VR_CS or vr == FD_VR_AS:
        return strings(p, n)
    if vr == FD_VR_DA or vr == FD_VR_TM or vr == FD_VR_DT:
        return NOT_PLAIN if is_on("datetime_conversion") else strings(p, n)
    if vr == FD_VR_UI:
        return uids(p, n)
    if vr == FD_VR_DS:
        if is_on("use_DS_numpy") or is_on("use_DS_decimal") or mode == 2:
            return NOT_PLAIN
        return numbers_in_text(p, n, decimal, DSfloat)
    if vr == FD_VR_IS:
        return NOT_PLAIN if is_on("use_IS_numpy") else numbers_in_text(p, n, integer, IS)
    if vr in (FD_VR_LO, FD_VR_SH, FD_VR_UC, FD_VR_LT, FD_VR_ST, FD_VR_UT):
        return free_text(p, n, vr, encodings)
    if vr == FD_VR_PN:
        return person_name(p, n, encodings, mode)
    if vr == FD_VR_AE:
        return application(p, n)
    if vr == FD_VR_UR:
        return text(p, n).rstrip(" ") if is_printable(p, n) else NOT_PLAIN
    if vr in (FD_VR_OB, FD_VR_OW, FD_VR_OF, FD_VR_OD, FD_VR_OL, FD_VR_OV):
        return PyBytes_FromStringAndSize(<const char *>p, n)
    return NOT_PLAIN


cdef object element_of(object tag, object vr, object value, object place, bint undefined, object mode, object creator):
    """A DataElement of pydicom's with a value that has been converted."""
    if not PLAIN_ELEMENT:
        made = DataElement(tag, vr, value, place, bool(undefined), already_converted=True)
        made.private_creator = creator
        return made
    made = new(DataElement)
    made.tag = tag
    made.VR = vr
    made.validation_mode = mode
    made._value = value
    made.file_tell = place
    made.is_undefined_length = bool(undefined)
    made.private_creator = creator
    return made


def finished(object raw):
    """The DataElement that pydicom makes of a RawDataElement with numbers, a code string or bytes; None: it shall do so itself."""
    cdef bytes data
    cdef object vr, value, mode
    cdef uint16_t code
    if type(raw) is not RawDataElement or type(raw.value) is not bytes or type(raw.tag) is not BaseTag or not plain_conversion():
        return None
    data, vr = raw.value, raw.VR
    if vr is None:
        vr = dictionary_vr(<uint32_t>raw.tag)
    if not data or vr is None or len(vr) != 2 or raw.tag >> 16 & 1:
        return None
    code = ord(vr[0]) << 8 | ord(vr[1])
    mode = config.settings.reading_validation_mode
    if code == FD_VR_OB or code == FD_VR_OW:
        value = data if code in TRUSTED else NOT_PLAIN  # the same object, not a copy
    elif code == FD_VR_US or code == FD_VR_CS or code == FD_VR_IS:
        value = value_of(code, data, len(data), not raw.is_little_endian, default_encoding, mode)
    else:
        return None
    if value is NOT_PLAIN:
        return None
    return element_of(raw.tag, vr, value, raw.value_tell, raw.length == 0xFFFFFFFF, mode, None)


# Held against the installed pydicom

_ATTRIBUTES = ["tag", "VR", "validation_mode", "_value", "file_tell", "is_undefined_length", "private_creator"]
PLAIN_ELEMENT = list(vars(DataElement(BaseTag(0x00181000), "US", 1, 12, already_converted=True))) == _ATTRIBUTES

_SAMPLES = {
    "AE": (b"AE1 ", b" A\\B "), "AS": (b"018M",), "AT": (b"\x10\0\x20\0", b"\x10\0\x20\0\x10\0\x30\0"), "CS": (b"A B ", b"A\\B "),
    "DA": (b"20200102", b"20200102\\20210304"), "DS": (b"1.50 ", b" -1e-3\\2 \\+.5"), "DT": (b"20200102030405.123 ",),
    "FD": (b"\0\0\0\0\0\0\xf8\x3f", b"\0\0\0\0\0\0\xf8\x3f" * 2), "FL": (b"\0\0\xc0\x3f", b"\0\0\xc0\x3f" * 2), "IS": (b"12", b"-1\\+002 "),
    "LO": (b"text ", b" a \\b"), "LT": (b"a\\b  ",), "OB": (b"\1\0",), "OD": (bytes(8),), "OF": (bytes(4),), "OL": (bytes(4),),
    "OV": (bytes(8),), "OW": (b"\1\2",), "PN": (b"Doe^John ", b"A^B=C=D"), "SH": (b"short", b"a\\b "), "SL": (b"\xff" * 4, b"\xfe" * 8),
    "SS": (b"\xff\xfe", b"\1\0\2\0"), "ST": (b"a\\b ",), "SV": (b"\xff" * 8,), "TM": (b"0102", b"01\\02 "), "UC": (b"a ", b"a\\b"),
    "UI": (b"1.2.3\0", b"1.2\\3.4"), "UL": (b"\1\0\0\xff", bytes(8)), "UR": (b"http://a  ",), "US": (b"\1\xff", b"\1\0\2\0"), "UT": (b"a\\b ",),
    "UV": (b"\xff" * 8,),
}


cdef object facts_of(object value):
    kind = type(value)
    if kind is MultiValue:
        return kind, value._constructor, [facts_of(item) for item in value], list(vars(value))
    if kind is list:
        return kind, [facts_of(item) for item in value]
    return kind, repr(value), vars(value) if hasattr(value, "__dict__") else None


cdef object vr_code(str vr):
    return ord(vr[0]) << 8 | ord(vr[1])


def convert(str vr, bytes data, big=False, encodings=default_encoding):
    """The value of `data` as it is made here, or NotImplemented: what is not plain is pydicom's."""
    value = value_of(vr_code(vr), data, len(data), bool(big), encodings, config.settings.reading_validation_mode)
    return NotImplemented if value is NOT_PLAIN else value


def trusted():
    """The VRs that are converted here."""
    return frozenset(chr(vr >> 8) + chr(vr & 0xFF) for vr in TRUSTED)


cdef int compare() except -1:
    """Find out of which VRs the installed pydicom makes the same."""
    tag = BaseTag(0x00181000)
    mode = config.settings.reading_validation_mode
    for vr, samples in _SAMPLES.items():
        TRUSTED.add(vr_code(vr))
        for data in samples:
            try:
                theirs = convert_raw_data_element(RawDataElement(tag, vr, len(data), data, 12, False, True))
                mine = convert(vr, data)
                elem = element_of(tag, vr, mine, 12, False, mode, None)
                same = facts_of(theirs.value) == facts_of(mine) and list(vars(theirs)) == list(vars(elem))
            except Exception:
                same = False
            if not same:
                TRUSTED.discard(vr_code(vr))
    return 0


compare()
