# SPDX-License-Identifier: GPL-2.0-or-later
"""The AT dialogue: whatever bytes come, in whatever pieces."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import ArgumentError, BusyError
from remsim.modem.at import (
    ANYTHING,
    MARKER,
    MAX_ANSWER_CHARS,
    MAX_ANSWER_LINES,
    MAX_LINE_BYTES,
    QUIET_S,
    Answered,
    AtDialogue,
    AtEvent,
    Dropped,
    DropReason,
    Expect,
    Final,
    InStep,
    Phase,
    Prompted,
    Request,
    TimedOut,
    Unsolicited,
    check_command,
    prefix_of,
)
from remsim.modem.commands import CEREG

CSQ = Request("AT+CSQ", Expect(("+CSQ",)))
CGSN = Request("AT+CGSN", Expect(("+CGSN",), bare=True))


def feed(dialogue: AtDialogue, data: bytes, now: float = 0.0, size: int = 0) -> list[AtEvent]:
    """In one piece, or in pieces of `size` bytes."""
    step = size or len(data) or 1
    events: list[AtEvent] = []
    for start in range(0, len(data), step):
        events += dialogue.receive(data[start : start + step], now)
    return events


def in_step(*, echo: bool = True, urcs: frozenset[str] = frozenset()) -> AtDialogue:
    dialogue = AtDialogue(urcs)
    dialogue.get_in_step(0.0, 5.0)
    marker = MARKER.encode()
    assert dialogue.take_output() == marker + b"\r"
    if echo:
        assert InStep(True) in feed(dialogue, marker + b"\r\r\nOK\r\n")
    else:
        feed(dialogue, b"\r\nOK\r\n")
        assert dialogue.take_output() == marker + b"\r"
        feed(dialogue, b"\r\nOK\r\n")
        assert dialogue.tick(QUIET_S) == [InStep(False)]
    return dialogue


def ask(
    dialogue: AtDialogue, request: Request = CSQ, now: float = 1.0, timeout_s: float = 3.0
) -> None:
    dialogue.begin(request, now, timeout_s)
    assert dialogue.take_output() == request.command.encode() + b"\r"


def answers(events: Iterable[AtEvent]) -> list[Answered]:
    return [event for event in events if isinstance(event, Answered)]


def unsolicited(events: Iterable[AtEvent]) -> list[str]:
    return [event.line for event in events if isinstance(event, Unsolicited)]


# --- plain exchanges -----------------------------------------------------------------------------

FRAMINGS = [
    b"AT+CSQ\r\r\n+CSQ: 11, 99\r\n\r\nOK\r\n",
    b"AT+CSQ\r\n+CSQ: 11, 99\r\nOK\r\n",
    b"AT+CSQ\r+CSQ: 11, 99\rOK\r",
    b"AT+CSQ\n+CSQ: 11, 99\nOK\n",
    b"at+csq\r\r\n+CSQ: 11, 99\r\n\r\nOK\r\n",
    b"\xff\x00AT+CSQ\r\r\n\x00+CSQ: 11, 99\r\n\xfe\r\nOK\r\n",
    b"AT+CSQ\r\r\n+CSQ: 11,\x07 99 \r\n\r\nOK \r\n",
]


@pytest.mark.parametrize("data", FRAMINGS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
def test_every_framing_in_every_cut_gives_the_same_answer(data: bytes, size: int) -> None:
    dialogue = in_step()
    ask(dialogue)
    [answer] = answers(feed(dialogue, data, 1.0, size))
    assert answer == Answered(CSQ, Final.OK, ("+CSQ: 11, 99",))
    assert dialogue.phase is Phase.IDLE


def test_answer_without_echo_is_understood() -> None:
    dialogue = in_step(echo=False)
    ask(dialogue)
    [answer] = answers(feed(dialogue, b"\r\n+CSQ: 11, 99\r\n\r\nOK\r\n"))
    assert answer.lines == ("+CSQ: 11, 99",)


def test_echo_that_appears_on_a_port_thought_silent_is_no_reply_line() -> None:
    dialogue = in_step(echo=False)
    ask(dialogue, CGSN)
    [answer] = answers(feed(dialogue, b"AT+CGSN\r\r\n863123040012343\r\n\r\nOK\r\n"))
    assert answer.lines == ("863123040012343",)


@pytest.mark.parametrize(
    ("line", "final", "number", "text"),
    [
        ("OK", Final.OK, None, ""),
        ("ERROR", Final.ERROR, None, ""),
        ("+CME ERROR: 10", Final.CME, 10, ""),
        ("+CME ERROR:14", Final.CME, 14, ""),
        ("+CME ERROR: SIM not inserted", Final.CME, 10, "SIM not inserted"),
        ("+CME ERROR: SIM busy", Final.CME, 14, "SIM busy"),
        ("+CME ERROR: something new", Final.CME, None, "something new"),
        ("+CMS ERROR: 310", Final.CMS, 310, ""),
        ("+cme error: 100", Final.CME, 100, ""),
        ("COMMAND NOT SUPPORT", Final.ERROR, None, "COMMAND NOT SUPPORT"),
    ],
)
def test_every_final_result_ends_the_answer(
    line: str, final: Final, number: int | None, text: str
) -> None:
    dialogue = in_step()
    ask(dialogue)
    [answer] = answers(feed(dialogue, f"AT+CSQ\r\r\n{line}\r\n".encode()))
    assert (answer.final, answer.number, answer.text) == (final, number, text)


# --- unsolicited lines ---------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 5])
def test_urc_inside_reply_is_not_lost_and_no_reply_line(size: int) -> None:
    dialogue = in_step(urcs=frozenset(["+ESIMS"]))
    ask(dialogue)
    data = b"AT+CSQ\r\r\n+ESIMS: 1,29\r\n+CSQ: 11, 99\r\n+CTZV: +8,1\r\nRING\r\n\r\nOK\r\n"
    events = feed(dialogue, data, 1.0, size)
    assert answers(events)[0].lines == ("+CSQ: 11, 99",)
    assert unsolicited(events) == ["+ESIMS: 1,29", "+CTZV: +8,1", "RING"]


def test_urc_before_the_echo_is_not_lost() -> None:
    dialogue = in_step()
    ask(dialogue)
    events = feed(dialogue, b"\r\n+CREG: 2\r\nAT+CSQ\r\r\n+CSQ: 11, 99\r\n\r\nOK\r\n")
    assert unsolicited(events) == ["+CREG: 2"]
    assert answers(events)[0].lines == ("+CSQ: 11, 99",)


@pytest.mark.parametrize(
    "urc", ["+CEREG: 1", '+CEREG: 5,"05D5","0019BF801",7', "+CEREG: 1,05D5,0019BF801,7"]
)
def test_registration_urc_inside_the_registration_reply_is_told_apart(urc: str) -> None:
    dialogue = in_step()
    ask(dialogue, CEREG.request)
    reply = '+CEREG: 2,5,"05D5","0019BF801",7'
    events = feed(dialogue, f"AT+CEREG?\r\r\n{urc}\r\n{reply}\r\n{urc}\r\nOK\r\n".encode())
    assert answers(events)[0].lines == (reply,)
    assert unsolicited(events) == [urc, urc]


def test_bare_reply_is_told_from_unknown_unsolicited_lines() -> None:
    dialogue = in_step()
    ask(dialogue, CGSN)
    events = feed(
        dialogue, b"AT+CGSN\r\r\n^NEWURC: 1\r\n863123040012343\r\nRDY\r\n*PSUTTZ: 1\r\n\r\nOK\r\n"
    )
    assert answers(events)[0].lines == ("863123040012343",)
    assert unsolicited(events) == ["^NEWURC: 1", "RDY", "*PSUTTZ: 1"]


def test_set_command_has_no_reply_lines() -> None:
    dialogue = in_step()
    ask(dialogue, Request("AT+CEREG=2"))
    events = feed(dialogue, b'AT+CEREG=2\r\r\n+CEREG: 1,"05D5","0019BF801",7\r\n\r\nOK\r\n')
    assert answers(events)[0].lines == ()
    assert len(unsolicited(events)) == 1


def test_no_carrier_is_unsolicited_and_ends_nothing() -> None:
    dialogue = in_step()
    ask(dialogue)
    events = feed(dialogue, b"AT+CSQ\r\r\nNO CARRIER\r\n+CSQ: 1,99\r\nOK\r\n")
    assert unsolicited(events) == ["NO CARRIER"]
    assert answers(events)[0].lines == ("+CSQ: 1,99",)


def test_table_for_people_keeps_every_line_but_known_unsolicited_ones() -> None:
    dialogue = in_step(urcs=frozenset(["^RSSI"]))
    ask(dialogue, Request("ATI", ANYTHING))
    events = feed(
        dialogue, b"ATI\r\r\nFibocom\r\n+GCAP: +CGSM\r\n^RSSI: 20\r\nSINR (dB): 1\r\nOK\r\n"
    )
    assert answers(events)[0].lines == ("Fibocom", "+GCAP: +CGSM", "SINR (dB): 1")


def test_unsolicited_line_while_idle_is_reported() -> None:
    dialogue = in_step()
    assert unsolicited(feed(dialogue, b"\r\n+CREG: 1\r\n\r\n+NEW: 1\r\n")) == [
        "+CREG: 1",
        "+NEW: 1",
    ]


def test_stray_final_while_idle_is_dropped() -> None:
    dialogue = in_step()
    assert feed(dialogue, b"\r\nOK\r\n") == [Dropped(DropReason.STALE)]


# --- time ----------------------------------------------------------------------------------------


def test_deadline_ends_the_request() -> None:
    dialogue = in_step()
    ask(dialogue, now=10.0, timeout_s=3.0)
    assert dialogue.next_tick_at == 13.0
    assert dialogue.tick(12.9) == []
    assert dialogue.tick(13.0) == [TimedOut(CSQ)]
    assert dialogue.phase is Phase.OUT_OF_STEP
    assert dialogue.next_tick_at is None


def test_answer_that_comes_with_the_deadline_is_too_late() -> None:
    dialogue = in_step()
    ask(dialogue, now=10.0, timeout_s=3.0)
    events = feed(dialogue, b"AT+CSQ\r\r\n+CSQ: 11, 99\r\n\r\nOK\r\n", 13.0)
    assert events[0] == TimedOut(CSQ)
    assert not answers(events)


@pytest.mark.parametrize("cut", range(27))
def test_late_answer_is_never_taken_for_the_next_one(cut: int) -> None:
    late = b"AT+CSQ\r\r\n+CSQ: 31,99\r\n\r\nOK\r\n"
    dialogue = in_step()
    ask(dialogue, now=10.0)
    feed(dialogue, late[:cut], 12.0)
    assert TimedOut(CSQ) in dialogue.tick(13.0)
    dialogue.get_in_step(14.0, 5.0)
    dialogue.take_output()
    events = feed(dialogue, late[cut:] + MARKER.encode() + b"\r\r\nOK\r\n", 15.0)
    assert InStep(True) in events
    ask(dialogue, now=16.0)
    events = feed(dialogue, b"AT+CSQ\r\r\n+CSQ: 5,99\r\n\r\nOK\r\n", 16.1)
    assert [answer.lines for answer in answers(events)] == [("+CSQ: 5,99",)]


def test_late_answer_without_echo_goes_by_while_the_port_settles() -> None:
    dialogue = in_step(echo=False)
    ask(dialogue, now=10.0)
    assert dialogue.tick(13.0) == [TimedOut(CSQ)]
    dialogue.get_in_step(13.0, 5.0)
    feed(dialogue, b"+CSQ: 31,99\r\n\r\nOK\r\n", 13.1)  # the late answer
    feed(dialogue, b"\r\nOK\r\n", 13.2)  # the first marker's
    assert dialogue.phase is Phase.SETTLING
    feed(dialogue, b"\r\nOK\r\n", 13.3)  # the second marker's
    assert dialogue.tick(13.7) == []
    assert dialogue.tick(13.8) == [InStep(False)]


def test_nothing_can_be_asked_while_out_of_step() -> None:
    with pytest.raises(BusyError):
        AtDialogue().begin(CSQ, 0.0, 1.0)


def test_one_request_at_a_time() -> None:
    dialogue = in_step()
    ask(dialogue)
    with pytest.raises(BusyError):
        dialogue.begin(CSQ, 1.0, 1.0)
    with pytest.raises(BusyError):
        dialogue.get_in_step(1.0, 1.0)


def test_silent_modem_stays_out_of_step() -> None:
    dialogue = AtDialogue()
    dialogue.get_in_step(0.0, 4.0)
    assert dialogue.tick(4.0) == [TimedOut(None)]
    assert not dialogue.is_in_step


def test_urcs_buffered_before_the_port_was_opened_are_drained_first() -> None:
    dialogue = AtDialogue(frozenset(["+ESIMS"]))
    dialogue.get_in_step(0.0, 4.0)
    burst = b"\r\n+ESIMS: 1,29\r\n" + b"\r\n+CREG: 2\r\n" * 10 + b"\r\nOK\r\n"
    events = feed(dialogue, burst + MARKER.encode() + b"\r\r\nOK\r\n")
    assert unsolicited(events)[0] == "+ESIMS: 1,29"
    assert events[-1] == InStep(True)


def test_half_line_before_the_marker_is_harmless() -> None:
    dialogue = AtDialogue()
    dialogue.get_in_step(0.0, 4.0)
    assert InStep(True) in feed(dialogue, b"+CSQ: 1" + MARKER.encode() + b"\r\r\nOK\r\n")


def test_echo_switched_on_by_the_first_marker_is_noticed() -> None:
    dialogue = AtDialogue()
    dialogue.get_in_step(0.0, 4.0)
    dialogue.take_output()
    feed(dialogue, b"\r\nOK\r\n")
    assert dialogue.take_output() == MARKER.encode() + b"\r"
    assert InStep(True) in feed(dialogue, MARKER.encode() + b"\r\r\nOK\r\n")
    assert dialogue.has_echo


# --- prompts and data mode -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1])
def test_text_prompt_is_declined(size: int) -> None:
    dialogue = in_step()
    ask(dialogue, Request("AT+CMGS=23", ANYTHING))
    events = feed(dialogue, b"AT+CMGS=23\r\r\n> ", 1.0, size)
    assert Prompted() in events
    assert dialogue.take_output() == b"\x1b"
    assert answers(feed(dialogue, b"\r\nOK\r\n"))


def test_data_mode_leaves_the_dialogue_out_of_step() -> None:
    dialogue = in_step()
    ask(dialogue, Request("AT+CGDATA", ANYTHING))
    [answer] = answers(feed(dialogue, b"AT+CGDATA\r\r\nCONNECT 150000000\r\n"))
    assert answer.final is Final.ERROR
    assert dialogue.phase is Phase.OUT_OF_STEP


# --- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_endless_line_is_dropped_once_and_the_next_line_is_read(size: int) -> None:
    dialogue = in_step()
    ask(dialogue)
    data = b"AT+CSQ\r" + b"x" * (3 * MAX_LINE_BYTES) + b"\r\n+CSQ: 1,99\r\nOK\r\n"
    events = feed(dialogue, data, 1.0, size)
    assert events.count(Dropped(DropReason.OVERLONG)) == 1
    assert answers(events)[0].lines == ("+CSQ: 1,99",)


def test_endless_answer_is_cut_at_its_bound() -> None:
    dialogue = in_step()
    ask(dialogue, Request("AT+CLAC", ANYTHING))
    lines = b"".join(b"+CMD%d\r\n" % n for n in range(2 * MAX_ANSWER_LINES))
    [answer] = answers(feed(dialogue, b"AT+CLAC\r\r\n" + lines + b"OK\r\n"))
    assert answer.is_truncated
    assert len(answer.lines) == MAX_ANSWER_LINES
    ask(dialogue, Request("AT+CLAC", ANYTHING))
    lines = b"".join(b"x" * 1000 + b"\r\n" for n in range(100))
    [answer] = answers(feed(dialogue, b"AT+CLAC\r\r\n" + lines + b"OK\r\n"))
    assert sum(map(len, answer.lines)) <= MAX_ANSWER_CHARS


@pytest.mark.parametrize(
    "command", ["", "A", "HELLO", "AT+CSQ\r", "AT\x1b", "AT+é", " AT", "AT" + "x" * 600, "AT\nAT"]
)
def test_only_one_line_of_at_goes_out(command: str) -> None:
    with pytest.raises(ArgumentError):
        check_command(command)
    with pytest.raises(ArgumentError):
        in_step().begin(Request(command), 0.0, 1.0)


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        ("+CSQ: 11, 99", "+CSQ"),
        ('+GTDUALSIM : 0, "SUB1", "NO SERVICE"', "+GTDUALSIM"),
        ("^HCSQ:1", "^HCSQ"),
        ("!UIMS: 0", "!UIMS"),
        ("PCC:103,358", "PCC"),
        ("863123040012343", ""),
        ("1,4,262,1", ""),
        ("SINR (dB): 14.2", ""),
    ],
)
def test_prefix_is_found_with_and_without_blanks(line: str, prefix: str) -> None:
    assert prefix_of(line) == prefix


# --- any bytes at all ----------------------------------------------------------------------------

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(
            [
                *(b"\r\n", b"\r", b"OK\r\n", b"ERROR\r\n", b"+CME ERROR: 10\r\n", b"AT+CSQ\r"),
                *(b"> ", b"+CSQ: 11, 99\r\n", b"+CREG: 1\r\n", MARKER.encode() + b"\r"),
                *(b"RING\r\n", b"\x00\xff", b"y" * 5000),
            ]
        ),
    ),
    max_size=30,
)


def play(pieces: list[bytes]) -> tuple[AtDialogue, list[AtEvent]]:
    """A dialogue that always asks again."""
    dialogue, events, now = AtDialogue(), [], 0.0
    for piece in pieces:
        now += 0.25
        if dialogue.phase is Phase.OUT_OF_STEP:
            dialogue.get_in_step(now, 2.0)
        elif dialogue.phase is Phase.IDLE:
            dialogue.begin(CSQ, now, 2.0)
        dialogue.take_output()
        events += dialogue.tick(now) + dialogue.receive(piece, now)
        assert dialogue.held_bytes <= MAX_LINE_BYTES
    return dialogue, events


@given(PIECES)
def test_no_bytes_break_the_dialogue(pieces: list[bytes]) -> None:
    _, events = play(pieces)
    for answer in answers(events):
        assert all(prefix_of(line) == "+CSQ" for line in answer.lines)


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=20))
def test_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    whole, parts = in_step(), in_step()
    for dialogue in (whole, parts):
        ask(dialogue)
    data = b"AT+CSQ\r\r\n" + data + b"\r\nOK\r\n"
    expected = whole.receive(data, 1.0)
    found, at = [], 0
    for cut in [*cuts, len(data)]:
        found += parts.receive(data[at : at + cut], 1.0)
        at += cut
    assert found == expected
    assert whole.take_output() == parts.take_output()
