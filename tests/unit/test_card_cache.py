# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cache tells, what it forgets, what it keeps, and what it finds out."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from card_bench import CachedCard, Shelf
from remsim.card.cache_files import STABLE_FILES, is_directory, is_stable, path_of
from remsim.card.cache_memory import MAX_OCTETS, Key, Memory, short_id_of
from remsim.card.cache_touch import Touch, is_plain, proactive_type, touch_of
from remsim.card.place import Place
from remsim_lab.rspro.files import ISIM_AID, USIM_AID
from remsim_lab.rspro.sim import VirtualSim
from remsim_lab.rspro.startup import Modem, challenge_for, new_card, seconds

PIN = b"1234".ljust(8, b"\xff")
ICCID_READ = ("00a40004023f00", "00a40004022fe2", "00b000000a")
USIM = "00a4040410" + USIM_AID.hex()
IMSI_READ = (USIM, "00a40004026f07", "00b0000009")
VERIFY = "0020000108" + PIN.hex()
IMSI = (0xFF01, 0x6F07)


def served(card, *commands):
    """How many of these were answered without asking the card."""
    before = card.cache.counters.served
    card.say(*commands)
    return card.cache.counters.served - before


@pytest.fixture
def card():
    """Everything below was read once."""
    card = CachedCard()
    card.say(*ICCID_READ, "00a40004022f00", "00b2010426", *IMSI_READ)
    return card


@pytest.fixture
def kept(card):
    """And kept: a new process begins."""
    card.quiet()
    assert card.shelf.log == ["keep"]
    card.restart()
    return card


# --- telling --------------------------------------------------------------------------------------


def test_second_time_is_told_from_memory(card):
    assert served(card, *ICCID_READ, "00a40004022f00", "00b2010426", *IMSI_READ) == 8


def test_told_data_are_fetched_as_from_the_card():
    card = CachedCard()
    card.say(*ICCID_READ)
    first = card.say("00a40004022fe2", "00c0000014")
    assert card.say("00a40004022fe2", "00c0000014") == first
    assert served(card, "00a40004022fe2", "00c0000014") == 2


def test_fetch_of_another_length_is_the_cards_business():
    card = CachedCard()
    card.say(*ICCID_READ, "00a40004022fe2", "00c0000014")
    assert card.say("00a40004022fe2", "00c0000020") == ["6114", "6c14"]
    assert card.sent[-2:] == [bytes.fromhex("00a40004022fe2"), bytes.fromhex("00c0000020")]


def test_nothing_is_told_before_the_iccid_is_known():
    card = CachedCard()
    card.say(*IMSI_READ)
    assert served(card, *IMSI_READ) == 0


def test_absent_file_and_wrong_length_are_told_as_well(card):
    assert card.say("00a4000402eeee", "00b0000002", "00b0000044") == ["6a82", "08099000", "6c09"]
    assert served(card, "00a4000402eeee", "00b0000002", "00b0000044") == 3


@pytest.mark.parametrize(
    "command",
    [
        "80f2000000",
        "80f2000c00",
        "80f2010c00",
        "0084000008",
        "0088008122" + "10" + "00" * 16 + "10" + "00" * 16,
        "00b0870009",  # by short file identifier
        "00b2000226",
        "00a2010401ff",
        "0020000100",
        "0070000001",
    ],
)
def test_card_itself_is_asked_each_time(card, command):
    assert served(card, command, command) == 0


@pytest.mark.parametrize("file", ["6f7e", "6f7b", "6f73", "6fe3", "6fe4", "6f08", "6f05", "6f60"])
def test_contents_that_change_are_read_each_time(card, file):
    read = ("00a4000402" + file, "00b0000002")
    card.say(*read)
    assert served(card, *read) == 1


def test_read_of_a_changing_file_goes_to_that_file_in_one_exchange(card):
    card.say("00a40004026f7e", "00a40004026f73")
    card.sent.clear()
    wanted = card.sim.file(0xFF01, 0x6F7E).data.hex() + "9000"
    assert card.say("00a40004026f7e", "00b000000b") == ["6114", wanted]
    assert [each.hex() for each in card.sent] == ["00a40004026f7e", "00b000000b"]


def test_write_waits_until_its_file_is_selected(card):
    card.say(*IMSI_READ, "00a40004026f7e", "00a40004026f07", "00b0000009", "00a40004026f7e")
    before = bytes(card.sim.file(*IMSI).data)
    card.clock.move(1)
    card.answers.clear()
    card.cache.command(bytes.fromhex("00d6000001aa"), card.clock.monotonic())
    assert card.on_its_way == 1
    card.deliver()
    assert card.answers == [b"\x90\x00"]
    assert card.sim.file(0xFF01, 0x6F7E).data[0] == 0xAA
    assert card.sim.file(*IMSI).data == before


def test_logical_channels_are_told_apart(card):
    card.say("0070000001", "01a40004022fe2", "01b000000a", "01a4040410" + ISIM_AID.hex())
    card.say("01a40004026f02", "01b0000004")
    assert served(card, "01a40004026f02", "01b0000004", *IMSI_READ) == 5
    assert card.say("80f2000c00", "81f2000c00") == ["9000", "9000"]
    plain = VirtualSim()
    for command in ("0070000001", *IMSI_READ, "01a4040410" + ISIM_AID.hex(), "01a40004026f02"):
        plain.process(bytes.fromhex(command))
    assert card.sim.state() == plain.state()


def test_announced_proactive_command_is_not_delayed(card):
    card.say("8010000001ff")
    card.sim.proactive.append(bytes.fromhex("d009810301260082028182"))
    assert card.say("80f2000c00") == ["910b"]
    assert card.say("00b0000009")[0][-4:] == "910b"
    assert card.say("801200000b")[0][-4:] == "9000"
    assert served(card, "00b0000009") == 1


def test_class_a0_is_served_too():
    card = CachedCard()
    read = ("a0a40000023f00", "a0a40000022fe2", "a0b000000a", "a0a40000027f20", "a0a40000026f07")
    first = card.say(*read, "a0c000000f", "a0b0000009")
    assert card.say(*read[3:], "a0c000000f", "a0b0000009") == first[3:]
    assert card.cache.counters.served == 3  # 7F20 was selected from elsewhere the first time


# --- forgetting -----------------------------------------------------------------------------------


def test_written_file_is_read_anew_wherever_it_is():
    card = CachedCard()
    card.say(*ICCID_READ, "00a40804047f206f07", "00b0000009", *IMSI_READ)
    card.say("00d6000001aa")
    assert served(card, "00b0000009") == 0
    assert served(card, "00a40804047f206f07", "00b0000009") == 1


def test_write_by_short_identifier_spares_files_of_other_identifiers(card):
    card.say(USIM, "00a40004026f07", "00c0000014", "00a40004026fad", "00c0000013", "00b0000004")
    card.say("00d68b0001aa")  # LOCI
    assert served(card, "00a40004026f07", "00b0000009", "00a40004026fad", "00b0000004") == 4
    card.say("00d6870001aa")  # IMSI
    assert served(card, "00a40004026f07", "00b0000009", "00a40004026fad", "00b0000004") == 3


@pytest.mark.parametrize(
    "command",
    [
        "80c2000009d1006f46aabbccdd00",  # data download
        "80c2000003d20100",
        "80c2000003ff0100",
        "00e20000020102",  # nothing we know
        "80e6000002ffff",
        "0044000000",
    ],
)
def test_what_may_change_any_file_makes_it_forget_and_unkeep(card, command):
    card.quiet()
    assert card.shelf.texts
    card.say(command)
    is_refused = card.answers[0][0] in (0x6D, 0x6E)
    assert bool(card.shelf.texts) is is_refused
    assert served(card, *IMSI_READ) == (3 if is_refused else 0)


@pytest.mark.parametrize("tag", ["d3", "d4", "d5", "d6", "d7"])
def test_event_that_brings_no_data_changes_nothing(card, tag):
    card.say(f"80c2000003{tag}0100")
    assert served(card, *IMSI_READ) == 3


@pytest.mark.parametrize(("kind", "left"), [("01", 0), ("42", 0), ("26", 3), ("05", 3)])
def test_refresh_and_received_data_make_it_forget(card, kind, left):
    card.sim.proactive.append(bytes.fromhex(f"d009810301{kind}0082028182"))
    card.say("8010000001ff", "801200000b", "801400000c81030126008202828183010000"[:34])
    assert served(card, *IMSI_READ) == left


def test_wrong_pin_makes_it_forget_and_trust_no_reading_till_the_next_reset(card):
    card.sim.pin.is_enabled = True
    card.say("002000010831313131ffffffff")
    card.say(*IMSI_READ, *IMSI_READ)
    assert served(card, *IMSI_READ) == 2
    card.reset()
    card.say(*ICCID_READ)
    assert served(card, *ICCID_READ) == 3


def test_reading_that_needs_a_pin_is_told_only_after_that_pin():
    card = CachedCard()
    card.sim.pin.is_enabled = True
    card.say(*ICCID_READ, USIM, VERIFY, "00a40004026f07", "00b0000009")
    assert served(card, "00b0000009") == 1
    card.reset()
    assert card.say(*IMSI_READ)[-1] == "6982"
    assert card.say(VERIFY, "00b0000009")[1].endswith("9000")
    assert card.cache.counters.served == 4


def test_changed_pin_state_makes_it_forget(card):
    assert card.say("0028000108" + PIN.hex()) == ["9000"]
    assert served(card, *IMSI_READ) == 0


def test_command_without_an_answer_may_have_done_its_harm(card):
    card.quiet()
    card.cache.command(bytes.fromhex("80e6000002ffff"), card.clock.monotonic())
    card.lose()
    assert not card.shelf.texts
    assert card.cache.status()["entries"] == 0


def test_tries_left_are_not_remembered_over_a_right_pin():
    card = CachedCard()
    card.sim.pin.is_enabled = True
    card.say("a0a40000023f00", "a0a40000022fe2", "a0b000000a", "a0a40000023f00", "a0c0000016")
    card.say("a020000108" + PIN.hex())
    assert served(card, "a0a40000023f00") == 0


# --- keeping --------------------------------------------------------------------------------------


def test_next_process_is_told_everything_after_two_exchanges(kept):
    plain = VirtualSim()
    wanted = [plain.process(bytes.fromhex(each)).hex() for each in ICCID_READ + IMSI_READ]
    assert kept.say(*ICCID_READ, *IMSI_READ) == wanted
    assert kept.cache.counters.served == 6
    assert kept.cache.counters.checks == 4


def test_nothing_is_asked_of_a_card_of_which_nothing_is_kept():
    card = CachedCard()
    card.say("00a40004022fe2")
    assert [each.hex() for each in card.sent] == ["00a40004022fe2"]


def test_kept_answers_of_another_card_are_not_told(kept):
    kept.sim.__init__(iccid="8988209999999999999", imsi="001019999999999")
    assert kept.say(*ICCID_READ)[2] == "988802999999999999f99000"
    assert kept.cache.counters.served == 0


def test_kept_answers_are_not_told_once_the_pin_state_is_another(kept):
    kept.sim.pin.is_enabled = True
    assert kept.say(*IMSI_READ)[-1] == "6982"


def test_text_that_is_not_ours_is_dropped(kept):
    (key,) = kept.shelf.texts
    kept.shelf.texts[key] = kept.shelf.texts[key].replace("6114", "6")
    assert kept.say(*ICCID_READ)[0] == "6115"
    assert kept.shelf.log[-1] == "drop"


def test_what_could_not_be_compared_is_not_kept_a_second_time(card):
    card.say("0070000001", "01a4040410" + ISIM_AID.hex(), "01a40004026f02", "01b0000004")
    card.quiet()
    card.restart()
    card.say(*ICCID_READ, *IMSI_READ)
    assert "6f02" in next(iter(card.shelf.texts.values()))
    card.quiet()
    text = next(iter(card.shelf.texts.values()))
    assert "6f02" not in text
    assert "6f07" in text


def test_nothing_is_kept_while_there_is_nothing_new(kept):
    kept.say(*ICCID_READ, *IMSI_READ)
    kept.quiet()
    kept.say(*ICCID_READ)
    kept.quiet()
    assert kept.shelf.log.count("keep") <= 2


def test_no_pin_and_no_key_is_ever_kept():
    card = CachedCard()
    card.sim.pin.is_enabled = True
    card.say(*ICCID_READ, USIM, VERIFY, "00a40004026f08", "00b0000021", "00a40004026f07")
    card.say("00b0000009", "0088008122" + "10" + "00" * 16 + "10" + "00" * 16)
    card.quiet()
    (text,) = card.shelf.texts.values()
    assert PIN.hex() not in text
    assert card.sim.file(0xFF01, 0x6F08).data.hex() not in text
    assert "0088" not in {row[2][:4] for row in json.loads(text)["answers"]}


# --- finding out ----------------------------------------------------------------------------------


def test_everything_told_is_compared_once_the_modem_is_quiet(kept):
    kept.say(*ICCID_READ, *IMSI_READ)
    kept.sim.is_logging = True
    kept.quiet()
    compared = {command.hex() for command, _ in kept.sim.log}
    assert {*ICCID_READ, *IMSI_READ[1:], "00b2010426"} <= compared
    before = len(kept.sim.log)
    kept.say("80f2000c00")
    kept.quiet()
    assert len(kept.sim.log) <= before + 2


def test_card_that_changed_behind_our_back_drops_all_and_the_modem_is_told(kept):
    kept.sim.file(*IMSI).data[1:4] = b"\x11\x22\x33"
    kept.say(*ICCID_READ, *IMSI_READ)
    kept.quiet()
    assert [is_misled for _, is_misled in kept.verdicts] == [True]
    assert kept.cache.status()["entries"] == 0
    assert kept.say(*IMSI_READ)[-1][2:8] == "112233"


def test_difference_that_the_modem_was_not_told_harms_nobody(kept):
    kept.sim.file(*IMSI).data[1:4] = b"\x11\x22\x33"
    kept.say(*ICCID_READ, USIM, "80f2000c00")
    kept.quiet()
    assert [is_misled for _, is_misled in kept.verdicts] == [False]


def test_answer_that_is_never_the_same_is_not_remembered_again(kept):
    for turn in range(3):
        kept.sim.file(*IMSI).data[1] = turn
        kept.say(*ICCID_READ, *IMSI_READ)
        kept.quiet()
        kept.restart()
    assert len(kept.verdicts) == 1
    assert kept.say(*IMSI_READ)[-1][2:4] == "02"
    assert kept.cache.counters.served >= 2


def test_missing_file_shows_as_soon_as_the_card_has_to_go_there(kept):
    kept.say(*ICCID_READ, USIM, "00a40004026f07")
    del kept.sim._master.directories[0xFF01].files[0x6F07]
    assert kept.say("00d6000001aa") == ["6f00"]
    assert [is_misled for _, is_misled in kept.verdicts] == [True]


def test_comparing_yields_to_the_modem_and_goes_on_later(kept):
    kept.say(*ICCID_READ, *IMSI_READ)
    kept.quiet(steps=2)
    assert kept.say("00b0000009")[0].endswith("9000")
    for _ in range(3):
        kept.quiet()
    assert kept.cache.deadline is None
    assert all(entry.is_proven for _, entry in kept.cache.knowledge.memory.items() if entry.fetch)


def test_comparing_leaves_the_modems_selection_alone(kept):
    kept.say(*ICCID_READ, *IMSI_READ, "00a40004025f3b", "00a40004024f20")
    kept.quiet()
    plain = VirtualSim()
    for command in (USIM, "00a40004025f3b", "00a40004024f20"):
        plain.process(bytes.fromhex(command))
    assert kept.sim.state() == plain.state()


# --- memory ---------------------------------------------------------------------------------------


def memory(count=3):
    made = Memory(b"\x3b\x00", b"\x98" * 10, b"\xc6\x00")
    for number in range(count):
        path = (b"\x3f\x00", b"\x2f\xe2")
        made.learn(Key(path, b"\x01", bytes((0, 0xB0, 0, number, 10))), bytes(10) + b"\x90\x00")
    made.volatile.add(Key((), b"", b"\x00\xa4\x00\x04\x02\x3f\x00"))
    return made


def test_memory_comes_back_from_its_text():
    made = memory()
    again = Memory.parse(made.text())
    assert again is not None
    assert dict(again.items()).keys() == dict(made.items()).keys()
    assert (again.atr, again.iccid, again.fingerprint) == (made.atr, made.iccid, made.fingerprint)
    assert again.volatile == made.volatile
    assert not any(entry.is_proven for _, entry in again.items())


def test_memory_has_an_end():
    made = memory(0)
    path = (b"\x3f\x00", b"\x2f\xe2")
    for number in range(2000):
        key = Key(path, b"", b"\x00\xb0" + number.to_bytes(2, "big") + b"\x00")
        made.learn(key, bytes(256) + b"\x90\x00")
    assert 0 < made.size * 267 <= MAX_OCTETS
    assert Memory.parse(made.text()) is not None


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_the_parser(text):
    Memory.parse(text)


@settings(deadline=None)
@given(st.data())
def test_damaged_memory_is_none_or_sound(data):
    text = memory().text()
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from(["", '"', "[", "]", "zz", "null", "1", "{}", "-", '"",']))
    parsed = Memory.parse(text[:at] + put + text[at + 1 :])
    for key, entry in parsed.items() if parsed else ():
        assert len(entry.answer) >= 2
        assert len(key.command) >= 5


@settings(deadline=None)
@example([[True, None, None]], "volatile")
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    ),
    st.sampled_from(["version", "atr", "iccid", "fingerprint", "volatile", "answers"]),
)
def test_no_value_in_place_of_another_breaks_the_parser(value, name):
    values = json.loads(memory().text())
    values[name] = value
    Memory.parse(json.dumps(values))


def test_short_identifier_is_the_cards_word():
    fcp = bytes.fromhex("620f8202412183026f078002000988")
    assert short_id_of(fcp + b"\x01\x38", b"\x6f\x07") == 7
    assert short_id_of(b"\x62\x0e" + fcp[2:] + b"\x00", b"\x6f\x07") == 0
    assert short_id_of(fcp + b"\x01", b"\x6f\x07") is None  # its length does not fit
    assert short_id_of(b"\x62\x0e" + fcp[2:] + b"\x01", b"\x6f\x07") == 0
    assert short_id_of(bytes.fromhex("620483026f07"), b"\x6f\x07") == 7
    assert short_id_of(b"", b"\x6f\x07") is None


# --- tables ---------------------------------------------------------------------------------------


def test_every_stable_file_is_in_a_sound_directory_and_has_its_section():
    for (root, *rest), files in STABLE_FILES.items():
        directory = (root if len(root) == 2 else root + bytes(9), *rest)
        assert is_directory(directory)
        for number, words in files.items():
            assert is_stable((*directory, number.to_bytes(2, "big")))
            section, name = words.split()
            assert section.replace(".", "").isdigit()
            assert name
            assert (number >> 8) in (0x2F, 0x6F, 0x4F)


@pytest.mark.parametrize(
    "path",
    [
        (b"\x3f\x00", b"\x2f\x05"),  # preferred languages: the user's
        (USIM_AID, b"\x6f\x08"),  # keys
        (USIM_AID, b"\x6f\x09"),
        (USIM_AID, b"\x6f\x7b"),  # FPLMN
        (USIM_AID, b"\x6f\x7e"),  # LOCI
        (USIM_AID, b"\x6f\x73"),
        (USIM_AID, b"\x6f\xe3"),
        (USIM_AID, b"\x6f\xe4"),
        (USIM_AID, b"\x6f\x3c"),  # SMS
        (USIM_AID, b"\x6f\x5b"),  # START-HFN
        (USIM_AID, b"\x5f\xc0", b"\x4f\x01"),
        (b"\x3f\x00", b"\x7f\x20", b"\x6f\x20"),  # Kc
        (b"\x3f\x00", b"\x7f\x10", b"\x6f\x3a"),  # ADN
        (b"\x3f\x00", b"\x6f\x07"),  # IMSI is not there
        (b"\x3f\x00",),
        (),
    ],
)
def test_file_that_somebody_but_the_issuer_writes_is_not_stable(path):
    assert not is_stable(path)


def place_after(*commands):
    place = Place()
    for command in commands:
        place = place.after(bytes.fromhex(command), b"\x90\x00")
    return place


@pytest.mark.parametrize(
    ("commands", "path"),
    [
        ((), "3f00"),
        (("00a40004022fe2",), "3f00 2fe2"),
        (("00a40004027f10", "00a40004026f3a", "00a40004026f3b"), "3f00 7f10 6f3b"),
        (("00a40004027f10", "00a40004027f20"), "3f00 7f20"),
        (("00a40804047f206f07",), "3f00 7f20 6f07"),
        (("00a40804047f206f07", "00a40004026f38"), "3f00 7f20 6f38"),
        ((USIM, "00a40004026f07"), USIM_AID.hex() + " 6f07"),
        ((USIM, "00a40804047fff6f07"), USIM_AID.hex() + " 6f07"),
        ((USIM, "00a40004025f3b", "00a40004025fc0"), USIM_AID.hex() + " 5fc0"),
        ((USIM, *ICCID_READ[:2], "00a40004027fff"), USIM_AID.hex()),
        ((USIM, *ICCID_READ[:2]), "3f00 2fe2"),
        (("00a40804047fff6f07",), None),
        ((USIM, "00b0870009"), None),
        (("00a40004027f10", "00a4030c00"), None),
        ((USIM, "00a40904045fc04f01"), None),
    ],
)
def test_path_of_a_place(commands, path):
    wanted = None if path is None else tuple(bytes.fromhex(each) for each in path.split())
    assert path_of(place_after(*commands)) == wanted


def test_unknown_directory_stays_unknown_over_a_file():
    place = place_after(USIM, "00a4050002aaaa", "00a40004026f07", "00a40004026f38")
    assert not place.is_exact
    assert place_after(USIM, "00a4050002aaaa", "00a40004023f00").is_exact


@pytest.mark.parametrize(
    ("cla", "is_one"),
    [
        *((cla, True) for cla in (0x00, 0x03, 0x80, 0x40, 0x4F, 0xC0, 0xA0)),
        *((cla, False) for cla in (0x04, 0x0C, 0x84, 0x60, 0xE0, 0x10, 0xA4, 0x90)),
    ],
)
def test_plain_class(cla, is_one):
    assert is_plain(cla) is is_one
    assert (touch_of(bytes((cla, 0xB0, 0, 0, 1))) is Touch.STRANGE) is not is_one


def test_type_of_a_proactive_command():
    assert proactive_type(bytes.fromhex("d009810301260082028182")) == 0x26
    assert proactive_type(bytes.fromhex("d081098103012500820281 82")) == 0x25
    assert proactive_type(bytes.fromhex("d0090103014200")) == 0x42
    for rubbish in ("", "d0", "d009", "d00981030126", "d109810301260082028182", "d0098203012600"):
        assert proactive_type(bytes.fromhex(rubbish)) is None


# --- a modem's start ------------------------------------------------------------------------------


def test_a_modem_starts_the_same_with_and_without_cache():
    plain, card = Modem(new_card().process), CachedCard(new_card())
    plain.start(challenge_for(new_card(), 1))
    for _ in range(3):
        modem = Modem(card.ask)
        modem.start(challenge_for(card.sim, 1))
        assert [command for command, _ in modem.trail] == [command for command, _ in plain.trail]
        assert [answer for _, answer in modem.trail] == [answer for _, answer in plain.trail]
        card.quiet()
        card.sim = new_card()
        card.restart()
    assert not card.verdicts


def test_over_a_slow_link_a_warm_start_takes_a_third_of_the_time():
    took = {how: (exchanges, took_s) for how, exchanges, took_s in seconds(100)}
    assert 240 <= took["none"][0] <= 260
    assert took["cold"][1] <= took["none"][1]
    assert took["warm"][1] <= 0.34 * took["none"][1]


def test_shelf_of_the_bench_is_a_shelf():
    assert not Shelf().has(b"\x3b\x00")
