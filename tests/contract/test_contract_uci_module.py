# SPDX-License-Identifier: GPL-2.0-or-later
"""pyuci as programs meet it: the same tests over the drop-in and the real binding."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stacks
from stacks import LAB, REAL

PRELUDE = """
import os, stat, uci
CONF, SAVE = SOCKET + "/config", SOCKET + "/save"
os.makedirs(CONF, exist_ok=True)
ROUTER = "config main 'a'\\n\\toption x '1'\\n\\tlist l 'one'\\n\\tlist l 'two'\\n\\n" \\
    "# comment\\nconfig slot\\n\\toption id '0'\\n\\nconfig wifi-iface\\n\\toption id '1'\\n"

def put(text=ROUTER, name="test"):
    with open(CONF + "/" + name, "wb") as file:
        file.write(text.encode("latin-1"))

def text(name="test", where=CONF):
    path = where + "/" + name
    return open(path, "rb").read().decode("latin-1") if os.path.exists(path) else None

def new():
    return uci.Uci(savedir=SAVE, confdir=CONF)

def said(function, *arguments, **named):
    try:
        return function(*arguments, **named)
    except BaseException as error:
        return [type(error).__name__, str(error)]
"""

Run = Callable[[str], Any]
MODULES: list[object] = [LAB]
if stacks.real_module("uci"):
    MODULES.append(pytest.param(REAL, marks=pytest.mark.real))


@pytest.fixture(params=MODULES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a program with the wanted module and gives what it said."""

    def run_program(code: str) -> Any:
        program = PRELUDE + textwrap.dedent(code)
        return stacks.run_code(program, request.param, str(tmp_path))

    return run_program


NOT_FOUND = ["UciExceptionNotFound", ""]
BAD_INPUT = ["UciExceptionInvalidInput", ""]
INVALID = ["UciException", "Invalid argument"]


def test_exceptions_form_one_tree(run: Run) -> None:
    said = run(
        """
        out([[each.__name__, each.__module__, each.__bases__[0].__name__] for each in
             (uci.UciException, uci.UciExceptionNotFound, uci.UciExceptionInvalidInput)])
        """
    )
    assert said == [
        ["UciException", "uci", "Exception"],
        ["UciExceptionNotFound", "uci", "UciException"],
        ["UciExceptionInvalidInput", "uci", "UciException"],
    ]


def test_reading(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        out([u.get("test"), u.get_all("test") == u.get("test"), u.get("test", "a"),
             u.get_all("test", "a"), u.get("test", "a", "x"), u.get_all("test", "a", "l"),
             u.get("test", "cfg02f947"),
             sorted(u.get("test"))[1:], type(u.get("test", "a", "l")).__name__])
        """
    )
    assert said == [
        {
            "a": {"x": "1", "l": ["one", "two"]},
            "cfg02f947": {"id": "0"},
            "cfg033579": {"id": "1"},
        },
        True,
        "main",
        {"x": "1", "l": ["one", "two"]},
        "1",
        ["one", "two"],
        "slot",
        ["cfg02f947", "cfg033579"],
        "tuple",
    ]


def test_what_is_not_there(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        for each in [("nope",), ("test", "nope"), ("test", "a", "nope"), (),
                     ("test", "a", "x", "y"), (5,), ("test", None), ("test", "@slot[0]"),
                     ("test", "a\\0"), ("",), ("../x",), ("test", ""), ("no file",)]:
            out(said(u.get, *each)); out(said(u.get_all, *each) == said(u.get, *each))
        """
    )
    assert said[1::2] == [True] * 13
    assert said[0::2] == [
        *(NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND),
        *(NOT_FOUND, NOT_FOUND, BAD_INPUT, BAD_INPUT, NOT_FOUND, BAD_INPUT),
    ]


def test_broken_file_and_its_repair(run: Run) -> None:
    said = run(
        """
        put("config main 'a'\\n\\tfoo bar\\n"); u = new()
        out([said(u.get, "test"), said(u.get, "test", "a"), said(u.set, "test", "a", "x", "1"),
             said(u.commit, "test"), said(u.delete, "test", "a"), said(u.save, "test")])
        put(); out(said(u.get, "test", "a", "x"))
        """
    )
    assert said == [[BAD_INPUT, BAD_INPUT, INVALID, BAD_INPUT, BAD_INPUT, BAD_INPUT], "1"]


def test_constructor(run: Run) -> None:
    said = run(
        """
        put()
        u = uci.Uci(SAVE, CONF)
        out([u.confdir() == CONF, u.savedir() == SAVE, u.get("test", "a"),
             uci.Uci().confdir(), uci.Uci().savedir(), said(uci.Uci, foo=1)[0],
             said(uci.Uci, 1)[0], said(u.set_confdir, CONF)[0], said(u.set_savedir, SAVE)[0],
             u.list_configs(), said(uci.Uci(SAVE, CONF + "/none").list_configs)])
        put(name="b"); put(name="a.b"); put(name=".c"); os.mkdir(CONF + "/d"); put(name="e-f")
        out(u.list_configs())
        """
    )
    assert said == [
        [
            *(True, True, "main", "/etc/config", "/tmp/.uci", "SystemError", "SystemError"),
            *("SystemError", "SystemError", ["test"], ["UciException", "Entry not found"]),
        ],
        ["b", "e-f", "test"],
    ]


def test_setting_and_committing(run: Run) -> None:
    said = run(
        """
        put(); os.chmod(CONF + "/test", 0o640); inode = os.stat(CONF + "/test").st_ino
        u = new()
        u.set("test", "a", "x", "it's"); u.set("test", "a", "l", ["three", "four 4"])
        u.set("test", "new", "main"); u.set("test", "new", "y", "ü\\n2")
        u.set("test", "new", "z", "")
        u.set("test", "cfg02f947", "id", "9")
        out([text() == ROUTER, text(where=SAVE), u.get("test", "a", "l")])
        out([u.commit("test"), text(), text(where=SAVE),
             stat.S_IMODE(os.stat(CONF + "/test").st_mode), os.stat(CONF + "/test").st_ino != inode,
             sorted(os.listdir(CONF))])
        """
    )
    assert said[0] == [True, None, ["three", "four 4"]]
    assert said[1] == [
        None,
        "\nconfig main 'a'\n\toption x 'it'\\''s'\n\tlist l 'three'\n\tlist l 'four 4'\n\n"
        "config slot\n\toption id '9'\n\nconfig wifi-iface\n\toption id '1'\n\n"
        "config main 'new'\n\toption y '\xc3\xbc\n2'\n\n",
        "",
        *(0o640, True, ["test"]),
    ]


def test_refused_values(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        for each in (5, True, 1.5, None, b"x", {"a": 1}):
            out(said(u.set, "test", "a", "x", each))
        out([said(u.set, "test", "a", "l", ["ok", 5]), u.get("test", "a", "l"),
             said(u.set), said(u.set, "test", "a"), said(u.set, "test", 5, "x", "1"),
             said(u.set, "a", "b", "c", "d", "e"), said(u.set, "test", "a", "x\\0", "1"),
             said(u.set, "test", "a", "x", "cut\\0here"), u.get("test", "a", "x"),
             said(u.set, "nope", "a", "x", "1"), said(u.set, "test", "nope", "x", "1"),
             said(u.set, "test", "@slot[0]", "id", "1"), said(u.set, "test", "a", "bad type"),
             said(u.set, "test", "a", "x", ()), said(u.get, "test", "a", "x"),
             said(u.set, "test", "a", "never", ""), said(u.set, "test", "a", "type"),
             u.get("test", "a"), said(u.set, "test", "nope", ["a"])])
        """
    )
    unsupported = ["UciException", "Unsupported value passed to uci.set()"]
    count = ["UciException", "Invalid number of arguments passed to Uci.set()"]
    assert said[:6] == [unsupported] * 6
    assert said[6] == [
        ["TypeError", "bad argument type for built-in operation"],
        ["ok"],
        *(count, count, ["TypeError", "argument 2 must be str, not int"], count),
        ["ValueError", "embedded null character"],
        *(None, "cut", INVALID, INVALID, INVALID, INVALID),
        *(None, NOT_FOUND, None, None, "type", INVALID),
    ]


def test_names_that_libuci_drops_later(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        u.set("test", "a", "my-opt", "1"); u.set("test", "my-sec", "main")
        out([u.get("test", "a", "my-opt"), u.get("test", "my-sec")])
        u.commit("test")
        out(["my-opt" in text(), "my-sec" in text(), "my-opt" in new().get("test", "a") or None])
        """
    )
    assert said == [["1", "main"], [False, False, None]]


def test_deleting(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        out([u.delete("test", "a", "x"), said(u.get, "test", "a", "x"), u.delete("test", "a", "x"),
             u.delete("test", "nope"), u.delete("test"), said(u.delete, "nope"),
             u.delete("test", "cfg02f947"), sorted(u.get("test"))])
        u.commit("test"); out(text())
        """
    )
    assert said[0] == [
        *(None, NOT_FOUND, None, None, None, NOT_FOUND, None, ["a", "cfg033579"]),
    ]
    assert said[1] == (
        "\nconfig main 'a'\n\tlist l 'one'\n\tlist l 'two'\n\nconfig wifi-iface\n"
        "\toption id '1'\n\n"
    )


def test_adding(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        out([u.add("test", "slot"), text(where=SAVE), u.add("test", "slot")])
        u.set("test", "cfg04f947", "id", "7"); u.commit("test")
        out([text().split("'1'\\n")[-1], text(where=SAVE)])
        out([said(u.add, "nope", "slot"), said(u.add, "test", "slot"), said(u.add, "test")[0],
             said(new().add, "test", "bad type")])
        """
    )
    assert said[0] == ["cfg04f947", "+test.cfg04f947='slot'\n", "cfg05f947"]
    assert said[1] == ["\nconfig slot\n\toption id '7'\n\nconfig slot\n\n", ""]
    assert said[2] == [
        ["UciException", "Entry not found"],
        ["UciException", "Duplicate entry"],
        "TypeError",
        "cfg0669ce",
    ]


def test_renaming_and_reordering(run: Run) -> None:
    said = run(
        """
        put(); u = new()
        out([u.rename("test", "a", "x", "y"), u.rename("test", "a", "b"),
             u.rename("test", "cfg02f947", "named"), sorted(u.get("test")), u.get("test", "b")])
        out([said(u.rename, "test", "nope", "q"), said(u.rename, "test", "nope", "x", "q"),
             said(u.rename, "test", "b", "nope", "q"), said(u.rename, "test"),
             said(u.rename, "test", "b", 5)[0], said(u.rename, "nope", "a", "b"),
             said(u.reorder, "test", "b", 0), said(u.reorder, "test", "nope", 0),
             said(u.reorder, "nope", "b", 0), said(u.reorder, "test", "b", "0")[0]])
        u.commit("test"); out(text())
        """
    )
    internal = ["UciException", "Internal uci error"]
    not_found = ["UciException", "Entry not found"]
    assert said[0] == [None, None, None, ["b", "cfg033579", "named"], "main"]
    assert said[1] == [
        *(not_found, internal, not_found),
        ["UciException", "Invalid number of arguments passed to Uci.rename()"],
        *("TypeError", not_found, internal, internal, not_found, "TypeError"),
    ]
    assert said[2].startswith("\nconfig main 'b'\n\toption y '1'\n\tlist l")
    assert "config slot 'named'" in said[2]


def test_an_object_caches_for_ever(run: Run) -> None:
    said = run(
        """
        put(); u = new(); u.get("test", "a", "x")
        v = new(); v.set("test", "a", "x", "2"); v.commit("test")
        out([u.get("test", "a", "x"), v.get("test", "a", "x"), new().get("test", "a", "x")])
        os.unlink(CONF + "/test")
        out([u.get("test", "a", "x"), u.set("test", "a", "x", "3"), u.commit("test"), text()])
        """
    )
    assert said[0] == ["1", "2", "2"]
    assert said[1][:3] == ["1", None, None]


def test_save_makes_changes_visible_to_others(run: Run) -> None:
    said = run(
        """
        put(); u = new(); u.set("test", "a", "x", "it's")
        u.set("test", "a", "l", ["p", "q"]); u.delete("test", "cfg02f947")
        out([new().get("test", "a", "x"), u.save("test"), text(where=SAVE),
             new().get("test", "a", "x"), new().get("test", "a", "l"), text() == ROUTER])
        v = new(); v.commit("test")
        out([v.get("test", "a", "x"), "it'" in text(), text(where=SAVE)])
        """
    )
    assert said[0] == [
        "1",
        None,
        "test.a.x='it'\\''s'\n-test.a.l\n|test.a.l='p'\n|test.a.l='q'\n-test.cfg02f947\n",
        *("it's", ["p", "q"], True),
    ]
    assert said[1] == ["it's", True, ""]


def test_revert_drops_saved_and_unsaved_changes(run: Run) -> None:
    said = run(
        """
        put(); u = new(); u.set("test", "a", "x", "2"); u.save("test"); u.set("test", "a", "y", "3")
        out([u.revert("test"), u.get("test", "a"), sorted(u.get_all("test", "a")),
             u.get("test", "a", "x"), text(where=SAVE)])
        u.set("test", "a", "x", "4"); u.set("test", "a", "y", "5"); u.revert("test", "a", "y")
        out([u.get("test", "a", "x"), said(u.get, "test", "a", "y"), text(where=SAVE),
             said(u.revert, "nope")])
        """
    )
    assert said == [
        [None, "main", ["l", "x"], "1", ""],
        ["4", NOT_FOUND, "test.a.x='4'\n", NOT_FOUND],
    ]


def test_arguments_of_a_wrong_kind_commit_save_and_revert_the_first_config(run: Run) -> None:
    said = run(
        """
        put(); u = new(); u.set("test", "a", "x", "2")
        out([said(u.commit)[0], "option x '2'" in text()])
        u.set("test", "a", "x", "3")
        out([said(u.save, 5)[0], text(where=SAVE), said(u.revert, "a", "b", "c", "d")[0],
             text(where=SAVE), u.get("test", "a", "x")])
        """
    )
    assert said == [
        ["SystemError", True],
        ["SystemError", "test.a.x='3'\n", "SystemError", "", "2"],
    ]


def test_two_objects_merge_at_commit(run: Run) -> None:
    said = run(
        """
        put(); u, v = new(), new()
        u.set("test", "a", "x", "2"); v.set("test", "a", "y", "3")
        u.commit("test"); v.commit("test")
        out([new().get("test", "a", "x"), new().get("test", "a", "y"), u.get_all("test", "a")["x"],
             v.get("test", "a", "x")])
        """
    )
    assert said == ["2", "3", "2", "2"]


def test_with_commits_even_after_an_exception(run: Run) -> None:
    said = run(
        """
        put()
        def body():
            with new() as u:
                u.set("test", "a", "x", "2")
                raise KeyError("on purpose")
        out([said(body), new().get("test", "a", "x")])
        with new() as u:
            u.get("test")
        out([said(u.get, "test"), said(u.set, "test", "a", "x", "3"), said(u.commit, "test"),
             said(u.list_configs), said(u.__enter__), said(u.add, "test", "slot")])
        """
    )
    assert said == [
        [["KeyError", "'on purpose'"], "2"],
        [
            *(BAD_INPUT, INVALID, BAD_INPUT, INVALID),
            ["UciException", "Entering with non-initialized object is invalid"],
            INVALID,
        ],
    ]


def test_changes_are_lost_with_the_object(run: Run) -> None:
    assert run("put(); u = new(); u.set('test', 'a', 'x', '2'); del u; out(text() == ROUTER)")


def test_commit_says_nothing_when_it_wrote_nothing(run: Run) -> None:
    said = run(
        """
        put(); u = uci.Uci(savedir=SAVE + "/two/levels", confdir=CONF)
        u.set("test", "a", "x", "2"); out([u.commit("test"), text() == ROUTER])
        v = new(); before = text(); out([v.commit("test"), text() == before])
        """
    )
    assert said == [[None, True], [None, True]]


def test_commit_follows_a_link(run: Run) -> None:
    said = run(
        """
        put(name="real"); os.rename(CONF + "/real", SOCKET + "/real")
        os.symlink(SOCKET + "/real", CONF + "/test")
        u = new(); u.set("test", "a", "x", "2"); u.commit("test")
        out([os.path.islink(CONF + "/test"), "option x '2'" in text("real", SOCKET)])
        """
    )
    assert said == [True, True]


def test_text_that_is_no_utf8(run: Run) -> None:
    said = run(
        """
        put("config main 'a'\\n\\toption x 'b\\xff'\\n\\toption y 'ok'\\n")
        out([said(new().get, "test", "a", "x")[0], said(new().get, "test")[0],
             new().get("test", "a", "y")])
        put("config main 'a'\\n\\tlist x 'b\\xff'\\n\\tlist x 'ok'\\n")
        out(said(new().get, "test", "a", "x")[0])
        """
    )
    assert said == [["UnicodeDecodeError", "UnicodeDecodeError", "ok"], "SystemError"]


def test_what_pyuci_only_names(run: Run) -> None:
    said = run("put(); u = new(); out([said(u.load), said(u.unload, 'test'), said(u.changes)])")
    assert said == [["NotImplementedError", ""]] * 3


def test_error_texts_keep_the_last_parse_error_for_ever(run: Run) -> None:
    said = run(
        """
        put("config main 'a'\\n\\tfoo bar\\n", "broken"); put(); u = new()
        out([said(u.add, "nope", "x"), said(u.add, "broken", "x"), said(u.add, "nope", "x"),
             said(new().set, "test", "z", "x", "1")])
        """
    )
    tail = " (invalid command) at line 2, byte 1"
    assert said == [
        ["UciException", "Entry not found"],
        ["UciException", "Parse error" + tail],
        ["UciException", "Entry not found" + tail],
        ["UciException", "Invalid argument" + tail],
    ]


def test_typed_values_of_euci(run: Run) -> None:
    said = run(
        """
        import euci
        put(); u = euci.EUci(SAVE, CONF)
        out([u.get("test", "a", "x"), u.get("test", "a", "x", dtype=int), u.get("test", "a"),
             u.get("test", "a", "x", dtype=bool), u.get("test", "a", "l"),
             u.get("test", "a", "l", list=True), u.get("test", "a", "x", list=True),
             u.get("test", "a", "nope", default=5), said(u.get, "test", "a", "nope"),
             said(u.get, "test", "a", "l", dtype=int),
             u.get("test", "a", "l", dtype=int, default=7),
             u.get("test", "a", "x", dtype=int, convert=lambda n: n + 1), sorted(u.get("test"))])
        for name, value in (("t", True), ("f", False), ("n", 5), ("o", None), ("b", b"ab"),
                            ("m", [1, 2]), ("g", (True, False, 0)), ("e", [])):
            u.set("test", "a", name, value)
        out(u.get_all("test", "a"))
        out([u.add("test", "main", "named"), u.get("test", "named"), str(euci.NoDefault)])
        """
    )
    assert said[0] == [
        *("1", 1, "main", True, "one", ["one", "two"], ["1"], 5, NOT_FOUND, NOT_FOUND, 7, 2),
        ["a", "cfg02f947", "cfg033579"],
    ]
    kept = {"x": "1", "l": ["one", "two"]}
    one = {"t": "1", "f": "0", "n": "5", "o": "None"}
    many = {"b": ["97", "98"], "m": ["1", "2"], "g": ["1", "0", "0"]}
    assert said[1] == kept | one | many
    assert said[2] == ["named", "main", "NoDefault"]


def test_where_the_real_one_crashes_the_drop_in_says_so(tmp_path: Path) -> None:
    code = """
    put(); u = new(); out(said(u.delete, 5))
    with u: pass
    out(said(u.confdir)); out(said(u.savedir))
    """
    program = PRELUDE + textwrap.dedent(code)
    for kind, reason in stacks.run_code(program, LAB, str(tmp_path)):
        assert kind == "RuntimeError"
        assert "pyuci crashes here" in reason


def test_dotted_name_in_one_argument_is_refused_loudly(tmp_path: Path) -> None:
    """The real one writes NULs into the caller's string: the same constant differs next time."""
    code = PRELUDE + "put(); out(said(new().get, 'test.a.x'))"
    said = stacks.run_code(code, LAB, str(tmp_path))
    assert said[0] == "RuntimeError"
    assert "pyuci" in said[1]
