# SPDX-License-Identifier: GPL-2.0-or-later
"""python-ubus as programs meet it: the same tests over the drop-in and the real binding."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import stacks
from stacks import LAB, Stack, Ubus

SERVER = """
    import ubus
    ubus.connect(SOCKET)
    kept = []
    def echo(handler, message):
        handler.reply(message)
    def silent(handler, message):
        return {"ignored": True}
    def twice(handler, message):
        handler.reply({"n": 1}); handler.reply({"n": 2})
    def fails(handler, message):
        raise ValueError("on purpose")
    def fails_late(handler, message):
        handler.reply({"n": 1}); raise KeyboardInterrupt
    def keep(handler, message):
        kept.append(handler)
    def use_kept(handler, message):
        handler.reply({"said": outcome(kept[0].reply, {"late": 1})})
    def replies(handler, message):
        said = [outcome(handler.reply, value)
                for value in ([1], None, "x", object(), float("nan"))]
        handler.reply({"said": [each if isinstance(each, list) else [str(each)] for each in said]})
    def leaves(handler, message):
        sys.exit(7)
    def slow(handler, message):
        time.sleep(message["ms"] / 1000); handler.reply({"slow": True})
    def inner(handler, message):
        handler.reply({"inner": outcome(ubus.call, message["object"], "echo", {"a": 1}, 300)})
    def too_much(handler, message):
        handler.reply({"sent": handler.reply({"big": "x" * 1048576})})
    def adds(handler, message):
        handler.reply({"add": outcome(ubus.add, "lab.more", {}), "send": ubus.send("lab.e", {})})
    any_type = ubus.BLOBMSG_TYPE_UNSPEC
    ubus.add("lab.obj", {
        "echo": {"method": echo, "signature": {"a": any_type}},
        "none": {"method": echo, "signature": {}},
        "strict": {"method": echo, "signature": {"name": ubus.BLOBMSG_TYPE_STRING,
                                                 "n": ubus.BLOBMSG_TYPE_INT32}},
        "wide": {"method": echo, "signature": {"n": ubus.BLOBMSG_TYPE_INT64}},
        "double": {"method": echo, "signature": {"n": ubus.BLOBMSG_TYPE_DOUBLE}},
        "bool": {"method": echo, "signature": {"n": ubus.BLOBMSG_TYPE_BOOL}},
        "silent": {"method": silent, "signature": {}},
        "twice": {"method": twice, "signature": {}},
        "fails": {"method": fails, "signature": {}},
        "fails_late": {"method": fails_late, "signature": {}},
        "keep": {"method": keep, "signature": {}},
        "use_kept": {"method": use_kept, "signature": {}},
        "replies": {"method": replies, "signature": {}},
        "leaves": {"method": leaves, "signature": {}},
        "slow": {"method": slow, "signature": {"ms": any_type}},
        "inner": {"method": inner, "signature": {"object": any_type}},
        "too_much": {"method": too_much, "signature": {}},
        "adds": {"method": adds, "signature": {}},
    })
    out("ready")
    while True:
        ubus.loop(500)
"""


@pytest.fixture(params=stacks.parameters())
def ubus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ubus]:
    stack: Stack = request.param
    bus = Ubus(stack, tmp_path)
    bus.start()
    yield bus
    bus.kill()


def test_connection_states_and_their_errors(ubus: Ubus) -> None:
    said = ubus.run(
        """
        import ubus
        out([
            ubus.get_connected(), ubus.get_socket_path(),
            outcome(ubus.disconnect), outcome(ubus.loop), outcome(ubus.objects),
            outcome(ubus.send, "a", {}), outcome(ubus.call, "a", "b", {}),
            outcome(ubus.add, "a", {}), outcome(ubus.listen),
            outcome(ubus.connect, "/nowhere/ubus.sock"), ubus.get_connected(),
            ubus.get_socket_path(),
            outcome(ubus.connect, SOCKET), ubus.get_connected(), ubus.get_socket_path() == SOCKET,
            outcome(ubus.connect, SOCKET), outcome(ubus.disconnect), ubus.get_connected(),
            ubus.get_socket_path(), outcome(ubus.connect, socket_path=SOCKET),
            outcome(ubus.disconnect, 1), outcome(ubus.disconnect, deregister=False),
        ])
        """
    )
    no = ["RuntimeError", "You are not connected to ubus."]
    assert said == [
        *(False, None, no, no, no, no, no, no, no),
        ["OSError", "Failed to connect to the ubus socket '/nowhere/ubus.sock'\n"],
        *(False, None, True, True, True),
        ["RuntimeError", "You are already connected to ubus."],
        *(None, False, None, True),
        ["TypeError", "argument 1 must be bool, not int"],
        None,
    ]


def test_type_numbers_of_libubox(ubus: Ubus) -> None:
    said = ubus.run(
        """
        import ubus
        names = "UNSPEC ARRAY TABLE STRING INT64 INT32 INT16 INT8 DOUBLE BOOL".split()
        out([getattr(ubus, "BLOBMSG_TYPE_" + name) for name in names])
        """
    )
    assert said == [0, 1, 2, 3, 4, 5, 6, 7, 8, 7]


def test_objects_show_types_by_number(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            out([ubus.objects()["lab.obj"]["strict"], ubus.objects("lab.obj")["lab.obj"]["echo"],
                 list(ubus.objects("lab.*")), ubus.objects("nothing"), ubus.objects("no*"),
                 outcome(ubus.objects, ""), outcome(ubus.objects, 5)])
            """)
    assert said == [
        *({"name": 3, "n": 5}, {"a": 0}, ["lab.obj"], {}, {}),
        ["RuntimeError", "ubus error occured: Invalid argument"],
        ["TypeError", "argument 1 must be str, not int"],
    ]


VALUES = [
    ("1", 1),
    ("-2147483648", -2147483648),
    ("2147483648", 2147483648),
    ("2 ** 63", 9223372036854775807),
    ("2 ** 64 + 5", 9223372036854775807),
    ("-2 ** 70", -9223372036854775808),
    ("1.0", 1.0),
    ("0.1234567", 0.123457),
    ("1e300", 1e300),
    ("True", True),
    ("None", None),
    ("'grüße 😀'", "grüße 😀"),
    ("'cut\\0here'", "cut"),
    ("'\\x01\\x1f\"\\\\/\\x7f\\n\\t\\b\\f'", '\x01\x1f"\\/\x7f\n\t\b\f'),
    ("'\\ud800 lone'", "\ufffd lone"),
    ("(1, 'a', [])", [1, "a", []]),
    ("{}", {}),
    (
        "{1: 'a', None: 'b', False: 'c', 1.5: 'd'}",
        {"1": "a", "null": "b", "false": "c", "1.5": "d"},
    ),
    ("{'1': 'a', 1: 'b'}", {"1": "b"}),
]


def test_values_there_and_back(ubus: Ubus) -> None:
    codes = "[" + ", ".join(code for code, _ in VALUES) + "]"
    with ubus.serving(SERVER):
        said = ubus.client(
            f"out([ubus.call('lab.obj', 'echo', {{'a': value}}) for value in {codes}])"
        )
    assert said == [[{"a": value}] for _, value in VALUES]
    kinds = [type(answer[0]["a"]) for answer in said]
    assert kinds == [type(value) for _, value in VALUES]


def test_values_that_cannot_be_sent(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            def deep(n):
                value = 1
                for _ in range(n):
                    value = [value]
                return value
            loop = []; loop.append(loop)
            arguments = [[], None, "x", 5, {"a": object()}, {"a": b"x"}, {"a": {(1, 2): 3}},
                         {"a": loop}, {"a": deep(60)}, {"a": deep(31)}]
            out([outcome(ubus.call, "lab.obj", "echo", each) for each in arguments])
            out(outcome(ubus.call, "lab.obj", "echo", {"a": deep(30)}) == [{"a": deep(30)}])
            out(outcome(ubus.call, "lab.obj", "echo", {"a": float("nan")})[0])
            out(outcome(ubus.call, "lab.obj", "echo", {"a": float("-inf")}))
            out(outcome(ubus.call, "lab.obj", "echo", {"a": {"": 1}}))
            out(outcome(ubus.call, "lab.obj", "echo", {"a": "x" * 1048576}))
            out(outcome(ubus.call, "lab.obj", "echo", {"a": 1}))
            """)
    no_json = ["TypeError", "Failed to create json for ubus."]
    assert said[0] == [
        *(no_json, no_json, no_json, no_json),
        ["TypeError", "Object of type object is not JSON serializable"],
        ["TypeError", "Object of type bytes is not JSON serializable"],
        ["TypeError", "keys must be str, int, float, bool or None, not tuple"],
        ["ValueError", "Circular reference detected"],
        *(no_json, no_json),
    ]
    unknown = ["RuntimeError", "ubus error occured: Unknown error"]
    too_large = ["RuntimeError", "ubus error occured: Invalid argument"]
    assert said[1:] == [True, "RuntimeError", unknown, unknown, too_large, [{"a": 1}]]


def test_arguments_must_be_exactly_those_declared(ubus: Ubus) -> None:
    calls = {
        "strict": ["{'name': 'a', 'n': 1}", "{'name': 'a'}", "{'name': 'a', 'n': 1, 'x': 1}"],
        "none": ["{}", "{'x': 1}"],
        "wide": ["{'n': 5000000000}", "{'n': 5}"],
        "double": ["{'n': 1.0}", "{'n': 1}"],
        "bool": ["{'n': False}", "{'n': 0}"],
        "echo": ["{'a': None}", "{}"],
    }
    code = "".join(
        f"out(outcome(ubus.call, 'lab.obj', '{method}', {arguments}))\n"
        for method, each in calls.items()
        for arguments in each
    )
    with ubus.serving(SERVER):
        said = ubus.client(code)
    no = ["RuntimeError", "ubus error occured: Invalid argument"]
    assert said == [
        *([{"name": "a", "n": 1}], no, no),
        *([{}], no),
        *([{"n": 5000000000}], no),
        *([{"n": 1.0}], no),
        *([{"n": False}], no),
        *([{"a": None}], no),
    ]


def test_errors_of_a_call(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            out([
                outcome(ubus.call, "lab.none", "echo", object()),
                outcome(ubus.call, "lab.obj", "nope", {}),
                outcome(ubus.call, "lab.obj", "slow", {"ms": 300}, 50),
                outcome(ubus.call, "lab.obj", "echo", {"a": 1}, -1),
                outcome(ubus.call, "lab.obj", "echo", {"a": 1}, 1.5),
                outcome(ubus.call, "lab.obj", "echo", {"a": 1}, 2 ** 31),
                outcome(ubus.call, 5, "echo", {"a": 1}),
                outcome(ubus.call, "lab.obj", None, {"a": 1}),
                outcome(ubus.call, "lab\\0obj", "echo", {"a": 1}),
                outcome(ubus.call, object="lab.obj", method="echo", arguments={"a": 1}, timeout=0),
            ])
            """)
    assert said == [
        ["RuntimeError", "Object 'lab.none' was not found."],
        ["RuntimeError", "ubus error occured: Method not found"],
        ["RuntimeError", "ubus error occured: Request timed out"],
        ["TypeError", "timeout can't be lower than 0"],
        ["TypeError", "'float' object cannot be interpreted as an integer"],
        ["OverflowError", "signed integer is greater than maximum"],
        ["TypeError", "argument 1 must be str, not int"],
        ["TypeError", "argument 2 must be str, not None"],
        ["ValueError", "embedded null character"],
        [{"a": 1}],
    ]


def test_what_handlers_may_do(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            for method in "silent twice fails fails_late keep use_kept replies adds".split():
                out(outcome(ubus.call, "lab.obj", method, {}, 2000))
            out(outcome(ubus.call, "lab.obj", "inner", {"object": "lab.obj"}, 2000))
            out(outcome(ubus.call, "lab.obj", "inner", {"object": "lab.none"}, 2000))
            """)
    no_json = ["TypeError", "Failed to create json for ubus."]
    assert said == [
        [],
        [{"n": 1}, {"n": 2}],
        ["RuntimeError", "ubus error occured: Unknown error"],
        ["RuntimeError", "ubus error occured: Unknown error"],
        [],
        [{"said": ["RuntimeError", "Handler is not linked to a call response."]}],
        [
            {
                "said": [no_json] * 3
                + [["TypeError", "Object of type object is not JSON serializable"]]
                + [no_json]
            }
        ],
        [{"add": None, "send": True}],
        [{"inner": ["RuntimeError", "ubus error occured: Request timed out"]}],
        [{"inner": ["RuntimeError", "Object 'lab.none' was not found."]}],
    ]


def test_exit_in_a_handler_ends_the_process_and_the_caller_waits_in_vain(ubus: Ubus) -> None:
    with ubus.serving(SERVER) as server:
        said = ubus.client("out(outcome(ubus.call, 'lab.obj', 'leaves', {}, 300))")
        assert server.wait(stacks.PROCESS_LIMIT_S) == 7
    assert said == ["RuntimeError", "ubus error occured: Request timed out"]


def test_reply_over_the_limit_takes_the_objects_away(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            out(outcome(ubus.call, "lab.obj", "too_much", {}, 300))
            out(ubus.objects())
            """)
    assert said == [["RuntimeError", "ubus error occured: Request timed out"], {}]


def test_add_refuses_what_is_no_method_table(ubus: Ubus) -> None:
    said = ubus.client("""
        def f(handler, message): pass
        good = {"method": f, "signature": {}}
        tables = [
            {"m": f}, {"m": {"method": f}}, {"m": {"method": 5, "signature": {}}},
            {"m": {"method": f, "signature": []}}, {"m": {"method": f, "signature": {"a": 9}}},
            {"m": {"method": f, "signature": {"a": -1}}}, {"m": dict(good, more=1)}, {5: good},
            {"m": {"method": f, "signature": {"a": "3"}}},
            {"m": {"method": f, "signature": {5: 3}}},
        ]
        said = [outcome(ubus.add, "lab.a", table) for table in tables]
        out([all(each[0] == "TypeError" for each in said), len({each[1] for each in said}),
             said[0][1].startswith("Incorrect method arguments!\\nExpected:\\n\\t(<obj_name>, { ")])
        out([outcome(ubus.add, 5, {})[0], outcome(ubus.add, "lab.b", {"m": good}),
             outcome(ubus.add, "lab.b", {"m": good}), outcome(ubus.add, "", {}),
             outcome(ubus.add, object_name="lab.c", methods={}), sorted(ubus.objects())])
        """)
    taken = ["RuntimeError", "ubus error occured: Invalid argument"]
    assert said == [
        [True, 1, True],
        ["TypeError", None, taken, None, None, ["", "lab.b", "lab.c"]],
    ]


def test_add_without_a_dict_puts_an_empty_object_on_the_bus_and_fails(ubus: Ubus) -> None:
    said = ubus.client("out([outcome(ubus.add, 'lab.a', [])[0], ubus.objects()])")
    assert said == ["SystemError", {"lab.a": {}}]


def test_name_taken_by_another_process(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("out(outcome(ubus.add, 'lab.obj', {}))")
    assert said == ["RuntimeError", "ubus error occured: Invalid argument"]


def test_events_reach_listeners_but_not_their_sender(ubus: Ubus) -> None:
    listener = """
        import ubus
        ubus.connect(SOCKET)
        def got(name, data):
            out([name, data])
        def fails(name, data):
            raise ValueError("on purpose")
        ubus.listen(("lab.*", got), ("exact", got), ("lab.x", fails))
        ubus.send("lab.own", {})
        out("ready")
        while True:
            ubus.loop(500)
    """
    with ubus.serving(listener) as process:
        said = ubus.client("""
            out([
                ubus.send("lab.x", {"a": [1, None, 0.5]}), ubus.send("exact", {}),
                ubus.send("exactly", {}), ubus.send("other", {}), ubus.send("lab.", {"n": 1}),
                ubus.send("ubus.own", {}), ubus.send("", {}),
                outcome(ubus.send, "lab.x", [1]), outcome(ubus.send, "lab.x", object()),
                outcome(ubus.send, 5, {}), outcome(ubus.send, "big", {"a": "x" * 1048576}),
                ubus.send(event="lab.last", data={}),
            ])
            """)
        assert process.stdout is not None
        seen = [process.stdout.readline() for _ in range(4)]
    assert seen == [
        '["lab.x", {"a": [1, null, 0.5]}]\n',
        '["exact", {}]\n',
        '["lab.", {"n": 1}]\n',
        '["lab.last", {}]\n',
    ]
    assert said == [
        *(True, True, True, True, True, False, True),
        ["TypeError", "Failed to create json for ubus."],
        ["TypeError", "Object of type object is not JSON serializable"],
        ["TypeError", "argument 1 must be str, not int"],
        *(False, True),
    ]


def test_listen_refuses_what_is_no_tuple_of_pattern_and_callback(ubus: Ubus) -> None:
    said = ubus.client("""
        def f(name, data): pass
        out([outcome(ubus.listen), outcome(ubus.listen, ["a", f]), outcome(ubus.listen, ("a", 5)),
             outcome(ubus.listen, (5, f)), outcome(ubus.listen, "a"),
             outcome(ubus.listen, ("a", f))])
        """)
    expected = ["TypeError", "Expected (event, callback) tuple"]
    none = ["TypeError", "You need to set at least one event."]
    assert said == [none, expected, expected, expected, expected, None]


def test_loop_takes_milliseconds_and_returns_none(ubus: Ubus) -> None:
    said = ubus.client("""
        start = time.monotonic(); out(ubus.loop(200)); out(time.monotonic() - start)
        start = time.monotonic(); out(ubus.loop(0)); out(time.monotonic() - start)
        start = time.monotonic(); out(ubus.loop(timeout=20)); out(time.monotonic() - start)
        out([outcome(ubus.loop, 1.5), outcome(ubus.loop, "1"), outcome(ubus.loop, 2 ** 40)])
        """)
    assert said[0::2][:3] == [None, None, None]
    assert 0.19 < said[1] < 0.5
    assert said[3] < 0.1
    assert 0.015 < said[5] < 0.3
    assert said[6] == [
        ["TypeError", "'float' object cannot be interpreted as an integer"],
        ["TypeError", "'str' object cannot be interpreted as an integer"],
        ["OverflowError", "signed integer is greater than maximum"],
    ]


def test_loop_zero_handles_what_is_there(ubus: Ubus) -> None:
    said = ubus.client("""
        seen = []
        ubus.listen(("ubus.object.add", lambda name, data: seen.append(data["path"])))
        ubus.add("lab.own", {})
        ubus.loop(0)
        out(seen)
        """)
    assert said == ["lab.own"]


def test_inner_loop_in_a_callback_ends_the_outer_one(ubus: Ubus) -> None:
    said = ubus.client("""
        ubus.listen(("ubus.object.add", lambda name, data: ubus.loop(50)))
        ubus.add("lab.own", {})
        start = time.monotonic()
        ubus.loop(5000)
        out(time.monotonic() - start < 2)
        """)
    assert said is True


def test_other_threads_run_during_loop(ubus: Ubus) -> None:
    said = ubus.client("""
        ticks = []
        def tick():
            for _ in range(20):
                time.sleep(0.01); ticks.append(1)
        thread = threading.Thread(target=tick); thread.start()
        ubus.loop(400); out(len(ticks) >= 10); thread.join()
        """)
    assert said is True


def test_sigterm_without_a_handler_only_ends_the_present_loop(ubus: Ubus) -> None:
    said = ubus.client("""
        def after(delay):
            time.sleep(delay); os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=after, args=(0.2,)).start()
        start = time.monotonic(); ubus.loop(5000); first = time.monotonic() - start
        os.kill(os.getpid(), signal.SIGTERM)
        start = time.monotonic(); ubus.loop(200); second = time.monotonic() - start
        out([first < 2, second > 0.15])
        """)
    assert said == [True, True]


def test_sigterm_ends_an_endless_loop(ubus: Ubus) -> None:
    said = ubus.client("""
        def after():
            time.sleep(0.2); os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=after).start()
        ubus.loop(); out("over")
        """)
    assert said == "over"


def test_own_signal_handler_runs_when_loop_returns(ubus: Ubus) -> None:
    said = ubus.run(
        """
        import ubus
        at = []
        signal.signal(signal.SIGTERM, lambda *_: at.append(time.monotonic()))
        ubus.connect(SOCKET)
        def after():
            time.sleep(0.1); os.kill(os.getpid(), signal.SIGTERM)
        threading.Thread(target=after).start()
        start = time.monotonic(); ubus.loop(600); end = time.monotonic()
        time.sleep(0)
        out([end - start > 0.55, len(at), at[0] - start > 0.55])
        """
    )
    assert said == [True, 1, True]


def test_disconnect_gives_sigterm_back(ubus: Ubus) -> None:
    code = """
        import ubus
        ubus.connect(SOCKET); ubus.loop(10); ubus.disconnect()
        out("ready")
        time.sleep(20)
    """
    with ubus.serving(code) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(stacks.PROCESS_LIMIT_S) == -signal.SIGTERM


def test_loop_takes_exit_codes_of_children_away(ubus: Ubus) -> None:
    program = """
        import subprocess, ubus
        {before}
        ubus.connect(SOCKET)
        codes = []
        def work():
            for _ in range(5):
                child = subprocess.Popen(["sh", "-c", "exit 3"])
                time.sleep(0.1); codes.append(child.wait())
        thread = threading.Thread(target=work); thread.start()
        while thread.is_alive():
            ubus.loop(100)
        out(codes)
    """
    assert ubus.run(program.format(before="")) == [0] * 5
    handler = "signal.signal(signal.SIGCHLD, lambda *_: None)"
    assert ubus.run(program.format(before=handler)) == [3] * 5


def test_lost_ubusd_is_noticed_by_send_and_mended_by_connecting_again(ubus: Ubus) -> None:
    code = """
        import ubus
        ubus.connect(SOCKET)
        ubus.add("lab.obj", {})
        out("ready")
        sys.stdin.readline()
        start = time.monotonic(); ubus.loop(200); slept = time.monotonic() - start
        out([slept > 0.15, ubus.get_connected(), ubus.send("a", {}),
             outcome(ubus.objects), outcome(ubus.call, "lab.obj", "m", {}),
             outcome(ubus.add, "lab.more", {}), outcome(ubus.listen, ("a", print)),
             ubus.loop(10), outcome(ubus.disconnect), ubus.get_connected()])
        sys.stdin.readline()
        out([ubus.connect(SOCKET), ubus.objects(), ubus.add("lab.obj", {}), ubus.objects()])
    """
    with subprocess.Popen(
        stacks.program(code, ubus.stack.module, ubus.socket),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == '"ready"\n'
        ubus.kill()
        process.stdin.write("\n")
        process.stdin.flush()
        lost = process.stdout.readline()
        ubus.start()
        process.stdin.write("\n")
        process.stdin.flush()
        mended = process.stdout.readline()
        process.kill()
    assert lost == (
        '[true, true, false, ["RuntimeError", "ubus error occured: Invalid argument"], '
        '["RuntimeError", "Object \'lab.obj\' was not found."], '
        '["RuntimeError", "ubus error occured: Invalid argument"], null, null, null, false]\n'
    )
    assert mended == '[true, {}, null, {"lab.obj": {}}]\n'


def test_methods_are_looked_up_in_the_dict_given_to_add_at_each_call(ubus: Ubus) -> None:
    server = """
        import ubus
        ubus.connect(SOCKET)
        def one(handler, message):
            methods["m"]["method"] = two; handler.reply({"n": 1})
        def two(handler, message):
            del methods["m"]; handler.reply({"n": 2})
        methods = {"m": {"method": one, "signature": {}}}
        ubus.add("lab.obj", methods)
        out("ready")
        while True:
            ubus.loop(500)
    """
    with ubus.serving(server):
        said = ubus.client("for _ in range(3): out(outcome(ubus.call, 'lab.obj', 'm', {}))")
    gone = ["RuntimeError", "ubus error occured: Method not found"]
    assert said == [[{"n": 1}], [{"n": 2}], gone]


def test_calls_of_threads_do_not_mix_while_nobody_is_in_loop(ubus: Ubus) -> None:
    with ubus.serving(SERVER):
        said = ubus.client("""
            wrong = []
            def work(n):
                for i in range(50):
                    value = [n, i]
                    if ubus.call("lab.obj", "echo", {"a": value}, 5000) != [{"a": value}]:
                        wrong.append(value)
            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            out(wrong)
            """)
    assert said == []


@pytest.mark.parametrize(
    "code",
    [
        # the real one is killed by SIGSEGV as soon as the callback returns
        """
        ubus.listen(("ubus.object.add", lambda name, data: out(outcome(ubus.disconnect))))
        ubus.add("lab.own", {})
        ubus.loop(100)
        """,
        # the real one waits for ever
        """
        def f(handler, message): pass
        ubus.add("lab.own", {"m": {"method": f, "signature": {}}})
        ubus.listen(("ubus.object.add",
                     lambda name, data: out(outcome(ubus.call, "lab.own", "m", {}))))
        ubus.add("lab.other", {})
        ubus.loop(300)
        """,
        # the real one hangs, loses replies or crashes
        """
        said = []
        def work():
            time.sleep(0.1); said.append(outcome(ubus.send, "a", {}))
        thread = threading.Thread(target=work); thread.start()
        ubus.loop(300); thread.join(); out(said[0])
        """,
    ],
    ids=["disconnect-in-callback", "call-of-own-object", "second-thread-during-loop"],
)
def test_where_the_real_one_breaks_the_drop_in_says_so(code: str, tmp_path: Path) -> None:
    bus = Ubus(Stack(LAB, LAB), tmp_path)
    bus.start()
    try:
        said = bus.client(code)
    finally:
        bus.kill()
    assert said[0] == "RuntimeError"
    assert "python-ubus" in said[1]
