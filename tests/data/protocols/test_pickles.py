import copyreg
import io
import os
import pickle
import struct
import subprocess

import numpy as np
import pytest

from facequal.data.errors import ForeignPickleError
from facequal.data.protocols import pickles
from facequal.data.protocols.pickles import load_plain_pickle

ARRAY = np.arange(6, dtype=np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "set.bin"


def load(path, data: bytes):
    path.write_bytes(data)
    return load_plain_pickle(path)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "array",
    [
        ARRAY,
        ARRAY.reshape(6, 1),
        ARRAY.reshape(2, 3).T,
        ARRAY[::2],
        np.zeros(0, np.uint8),
        np.array([True, False]),
        np.array([1, 0, -3]),
        np.arange(3, dtype=">i4"),
        np.array(7),
    ],
    ids=str,
)
def test_arrays_come_back(path, array, protocol):
    for text in (b"numpy._core", b"numpy.core"):  # as numpy 2 writes, and as numpy 1 did
        data = pickle.dumps([array], protocol)
        if protocol < 4:  # names of any length
            data = data.replace(b"numpy._core", text)
        (loaded,) = load(path, data)
        assert type(loaded) is np.ndarray
        assert loaded.dtype.kind == array.dtype.kind
        np.testing.assert_array_equal(loaded, array)


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_come_back(path, protocol):
    value = ([b"abc", b"\xff\xd8\x00", b""], [True, False, 3, -1], (1, 2))
    assert load(path, pickle.dumps(value, protocol)) == value
    scalars = load(path, pickle.dumps([np.bool_(True), np.False_, np.int64(-5), np.uint8(7)], protocol))
    assert scalars == [True, False, -5, 7]
    assert [type(scalar) for scalar in scalars] == [bool, bool, int, int]


def test_strings_of_python_2_are_bytes(path):
    text = b"\xff\xd8\xff\xe0 JPEG"
    data = b"\x80\x02](T" + struct.pack("<i", len(text)) + text + b"U\x02ab" + b"e."
    assert load(path, data) == [text, b"ab"]


def test_arrays_of_python_2(path):
    # what Python 2 wrote for ([array([1, 2, 3], uint8)]): names and data are its byte strings
    data = (
        b"\x80\x02]cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x03\x01\x02\x03tba."
    )
    (loaded,) = load(path, data)
    np.testing.assert_array_equal(loaded, np.array([1, 2, 3], np.uint8))
    assert loaded.dtype == np.uint8


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def touch(path):
    return Call(io.open, str(path), "w")


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_runs(tmp_path, path, protocol):
    trace = tmp_path / "trace"
    hostile = [
        touch(trace),
        Call(os.system, f"touch {trace}"),
        Call(eval, f"open({str(trace)!r}, 'w')"),
        Call(exec, f"open({str(trace)!r}, 'w')"),
        Call(subprocess.Popen, ["touch", str(trace)]),
        Call(getattr, "x", "upper"),
        Call(np.load, str(trace)),
        Call(np.save, str(trace), 1),
        Call(np.memmap, str(trace), np.uint8, "w+", 0, (4,)),
        Call(np.ndarray, (2,), "O"),
        Call(__import__, "antigravity"),
        Call(copyreg._reconstructor, Call, object, None),
        Call(bytearray, 1 << 40),
    ]
    for item in hostile:
        for value in (item, ([item], [True]), [ARRAY, item]):
            with pytest.raises(ForeignPickleError, match=r"set\.bin: "):
                load(path, pickle.dumps(value, protocol))
    assert not trace.exists()


def test_the_message_names_file_and_function(path):
    with pytest.raises(ForeignPickleError, match=r"set\.bin: .*it asks for posix\.system"):
        load(path, pickle.dumps(Call(os.system, "true")))


def global_call(module: str, name: str, arguments: bytes) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("__builtin__", "eval"),
        ("os", "system"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy._core.multiarray", "_reconstruct.__globals__"),
        ("numpy.lib.npyio", "load"),
        ("numpy.testing._private.utils", "runstring"),
        ("_codecs", "decode"),
        ("codecs", "encode"),
        ("copyreg", "_reconstructor"),
        ("facequal.data.protocols.pickles", "load_plain_pickle"),
    ],
)
def test_other_names_are_refused(path, module, name):
    with pytest.raises(ForeignPickleError, match=f"it asks for {module}.{name}"):
        load(path, global_call(module, name, b")"))


RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
U1 = b"cnumpy\ndtype\nU\x02u1\x85R"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"cnumpy\ndtype\nU\x02O8\x85R", "dtype 'O8'"),
        (b"cnumpy\ndtype\nU\x01O\x85R", "dtype 'O'"),
        (b"cnumpy\ndtype\nU\x02f8\x85R", "dtype 'f8', allowed are b1"),
        (b"cnumpy\ndtype\n]\x85R", "dtype"),
        (U1 + b"(K\x03U\x01?NNNK\x00K\x00K\x00tb", "a byte order"),
        (U1 + b"Nb", "not a pickle"),
        (RECONSTRUCT + b"(K\x01K\x03\x85" + U1 + b"\x89U\x02abtb", r"shape \(3,\) made of 2 bytes"),
        (RECONSTRUCT + b"(K\x01J\xff\xff\xff\xff\x85" + U1 + b"\x89U\x02abtb", "an array of shape"),
        (RECONSTRUCT + b"(K\x01U\x01a\x85" + U1 + b"\x89U\x02abtb", "an array of shape"),
        (RECONSTRUCT + b"(K\x01K\x02\x85" + U1 + b"\x89]tb", "not made of bytes"),
        (RECONSTRUCT + b"(K\x01K\x02\x85U\x02u1\x89U\x02abtb", "not made of bytes"),
        (RECONSTRUCT + b"K\x01b", "not a pickle"),
        (b"cnumpy\nndarray\nK\x02\x85R", r"a call of numpy\.ndarray"),
        (b"cnumpy\nndarray\n(U\x01aU\x01bdb", r"a state for numpy\.ndarray"),
        (b"cnumpy\nndarray\nN}U\x01aU\x01bs\x86b", r"a state for numpy\.ndarray"),
        (b"cnumpy\nndarray\n)\x81", "not a pickle"),
        (b"(inumpy\nndarray\n", r"a call of numpy\.ndarray"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00rot\x86R", "text in the encoding 'rot'"),
        (b"c_codecs\nencode\nU\x01aX\x06\x00\x00\x00latin1\x86R", "text in the encoding"),
        (b"c__builtin__\nbytes\nJ\xff\xff\xff\x7f\x85R", "not a pickle"),
        (b"cnumpy.core.multiarray\nscalar\n" + U1 + b"U\x02ab\x86R", r"shape \(\) made of 2 bytes"),
        (b"cnumpy.core.numeric\n_frombuffer\n(U\x02ab" + U1 + b"K\x02\x85U\x01Ztr" + b"R", "not"),
        (b"U\x01aQ", "a persistent object b'a'"),
        (b"Pname\n", "a persistent object 'name'"),
        (b"\x82\x01", "not a pickle"),
    ],
)
def test_abused_array_functions_are_refused(path, body, message):
    with pytest.raises(ForeignPickleError, match=message):
        load(path, b"\x80\x02" + body + b".")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"a": 1}, "a dict"),
        ([1.5], "a float"),
        (["text"], "a str"),
        ([None], "a NoneType"),
        ([{1}], "a set"),
        ([[[b"x"]]], "lists nested deeper"),
    ],
)
def test_other_types_are_refused(path, value, what):
    with pytest.raises(ForeignPickleError, match=rf"set\.bin: it holds {what}"):
        load(path, pickle.dumps(value, 4))


def test_object_arrays_are_refused(path):
    for protocol in range(6):
        with pytest.raises(ForeignPickleError, match="dtype 'O8'"):
            load(path, pickle.dumps([np.array([b"a", None], dtype=object)], protocol))


def test_functions_that_are_not_called_are_refused(path):
    for name in ("ndarray", "dtype"):
        with pytest.raises(ForeignPickleError, match="it holds a numpy function or type"):
            load(path, b"\x80\x02]cnumpy\n" + name.encode() + b"\na.")
    with pytest.raises(ForeignPickleError, match="it holds a numpy function or type"):
        load(path, b"\x80\x02]" + U1 + b"a.")


def test_a_list_within_itself_is_refused(path):
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ForeignPickleError, match="nested deeper"):
        load(path, pickle.dumps(loop))


def test_stand_ins_cannot_be_changed(path):
    before = dict(pickles._KNOWN)
    for body in (b"cnumpy\ndtype\n}U\x06_buildU\x01bsb", b"cnumpy\ndtype\nN}X\x06\x00\x00\x00_buildU\x01bs\x86b"):
        with pytest.raises(ForeignPickleError):
            load(path, b"\x80\x02" + body + b".")
    assert before == pickles._KNOWN
    np.testing.assert_array_equal(load(path, pickle.dumps([ARRAY]))[0], ARRAY)


@pytest.mark.parametrize("data", [b"", b"\x80\x04", b"garbage", b"\x80\x63.", pickle.dumps([b"abc" * 50])[:-20], b"."])
def test_damaged_files_are_errors(path, data):
    with pytest.raises(ForeignPickleError, match=r"set\.bin: not a pickle of"):
        load(path, data)


def test_every_cut_of_a_file_is_an_error(path):
    data = pickle.dumps(([ARRAY, b"abc"], [True]), 4)
    for length in range(len(data)):
        with pytest.raises(ForeignPickleError):
            load(path, data[:length])


def test_flipped_bytes_never_do_more_than_fail(path):
    data = pickle.dumps(([ARRAY, b"abc"], [True, np.True_]), 4)
    generator = np.random.default_rng(0)
    outcomes = set()
    for _ in range(300):
        mutated = bytearray(data)
        for position in generator.integers(0, len(data), 2):
            mutated[position] = generator.integers(0, 256)
        try:
            load(path, bytes(mutated))
            outcomes.add("read")
        except ForeignPickleError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_missing_file(tmp_path):
    with pytest.raises(ForeignPickleError, match=r"none\.bin: No such file"):
        load_plain_pickle(tmp_path / "none.bin")
