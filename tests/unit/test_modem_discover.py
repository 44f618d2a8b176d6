# SPDX-License-Identifier: GPL-2.0-or-later
"""Which modems are there, which is whose, and what is remembered of them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remsim.errors import DeviceError, DeviceGone, NotPossibleError
from remsim.model import Role
from remsim.modem.attach import Claims
from remsim.modem.binding import Wanted, check_imei, choose, same_imei
from remsim.modem.bus import PAUSE_S, SysfsBus
from remsim.modem.discover import FoundModem, Interface, find_modems, is_place
from remsim.modem.memory import ModemMemory, learnt_of
from remsim.modem.pin import Outcome, PinMemory
from remsim.modem.profile import ProfileTable
from remsim.paths import Paths
from remsim_lab.clock import HandClock
from remsim_lab.modems import MODELS
from remsim_lab.modems.usb_tree import UsbTree, free_name

TABLE = ProfileTable.load()


def plug(root: Path, model: str, place: str, ttys: dict[int, str], net: str | None = None) -> None:
    tree = UsbTree(str(root), place, MODELS[model], net)
    tree.enter({number: (name, "/dev/null") for number, name in ttys.items()})


def plug_t7xx(root: Path, place: str, ports: list[str]) -> None:
    """As mtk_t7xx does: WWAN ports below the PCI device."""
    device = root / "sys/devices/pci0000:00/0000:00:1c.0" / place
    for port in ports:
        (device / "wwan/wwan0" / port).mkdir(parents=True)
    (device / "vendor").write_text("0x14c3\n")
    (device / "device").write_text("0x4d75\n")
    (device / "net/wwan0").mkdir(parents=True)
    (device / "remove").write_text("")
    for directory in ("sys/bus/pci/devices", "sys/class/wwan"):
        (root / directory).mkdir(parents=True, exist_ok=True)
    (root / "sys/bus/pci/rescan").write_text("")
    (root / "sys/bus/pci/devices" / place).symlink_to(
        os.path.relpath(device, root / "sys/bus/pci/devices")
    )
    for port in ports:
        (root / "sys/class/wwan" / port).symlink_to(
            os.path.relpath(device / "wwan/wwan0" / port, root / "sys/class/wwan")
        )


# --- discovery -----------------------------------------------------------------------------------


def test_nothing_plugged_in_is_nothing_found(tmp_path: Path) -> None:
    assert find_modems(Paths(str(tmp_path))) == ()


def test_usb_modems_are_found_with_ports_by_interface(tmp_path: Path) -> None:
    plug(tmp_path, "fm350", "1-1.2", {2: "ttyUSB0", 6: "ttyUSB3"}, "wwan0")
    plug(tmp_path, "l850", "2-1", {2: "ttyACM0", 4: "ttyACM1", 6: "ttyACM2"}, "wwan1")
    first, second = find_modems(Paths(str(tmp_path)))
    assert (first.place, first.hardware_id, first.product) == ("1-1.2", "0e8d:7127", "FM350-GL")
    assert first.ttys_of(6) == ("ttyUSB3",) and first.nets == ("wwan0",)
    assert second.ttys == ("ttyACM0", "ttyACM1", "ttyACM2") and second.nets == ("wwan1",)
    assert not first.is_pci


def test_device_without_serial_ports_is_no_modem(tmp_path: Path) -> None:
    plug(tmp_path, "generic", "1-5", {}, "eth1")
    assert find_modems(Paths(str(tmp_path))) == ()


def test_pcie_modem_is_found_with_its_at_port(tmp_path: Path) -> None:
    plug_t7xx(tmp_path, "0000:01:00.0", ["wwan0at0", "wwan0mbim0"])
    [found] = find_modems(Paths(str(tmp_path)))
    assert (found.place, found.hardware_id, found.is_pci) == ("0000:01:00.0", "14c3:4d75", True)
    assert found.ttys == ("wwan0at0",) and found.nets == ("wwan0",)
    assert found.interfaces[0].controls == ("wwan0mbim0",)
    binding = choose(Wanted("modem1", "/dev/ttyUSB2", place="0000:01:00.0"), (found,), TABLE)
    assert binding.device == "/dev/wwan0at0"
    assert TABLE.by_id(binding.hardware_id).name == "fm350"


def test_device_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path) -> None:
    plug(tmp_path, "fm350", "1-1.2", {6: "ttyUSB3"})
    os.unlink(tmp_path / "sys/bus/usb/devices/1-1.2/idVendor")
    assert find_modems(Paths(str(tmp_path))) == ()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("1-1", True),
        ("1-1.2.3", True),
        ("0000:01:00.0", True),
        ("1-1:1.0", False),
        ("../1-1", False),
        ("usb1", False),
        ("", False),
        ("1-1/../../x", False),
    ],
)
def test_place_is_a_usb_port_path_or_a_pci_address(text: str, is_one: bool) -> None:
    assert is_place(text) is is_one


def test_taken_names_are_not_given_twice(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/ttyUSB0").symlink_to("/dev/null")
    assert free_name(str(tmp_path), "ttyUSB0") == "ttyUSB1"
    assert free_name(str(tmp_path), "ttyUSB0", {"ttyUSB1"}) == "ttyUSB2"


# --- binding -------------------------------------------------------------------------------------


def found(place: str, *ttys: str, hardware_id: str = "0e8d:7127", first: int = 6) -> FoundModem:
    interfaces = tuple(Interface(first + i, (tty,)) for i, tty in enumerate(ttys))
    return FoundModem(place, hardware_id, "", False, interfaces)


FIRST = found("1-1", "ttyUSB3", "ttyUSB4")
SECOND = found("1-2", "ttyUSB8", "ttyUSB9")
BOTH = (FIRST, SECOND)


def wanted(**changes: object) -> Wanted:
    return Wanted(**{"role": "modem1", "device": "/dev/ttyUSB3", **changes})  # type: ignore[arg-type]


def test_configured_device_is_the_first_choice() -> None:
    binding = choose(wanted(), BOTH, TABLE)
    assert (binding.device, binding.place) == ("/dev/ttyUSB3", "1-1")


def test_port_is_chosen_by_interface_number_and_not_by_index() -> None:
    binding = choose(wanted(device="/dev/ttyUSB4"), BOTH, TABLE)
    assert binding.device == "/dev/ttyUSB3"


def test_unknown_id_is_taken_at_the_configured_port() -> None:
    modem = found("1-1", "ttyUSB0", "ttyUSB1", "ttyUSB2", hardware_id="dead:beef")
    assert choose(wanted(device="/dev/ttyUSB2"), (modem,), TABLE).device == "/dev/ttyUSB2"
    assert choose(wanted(place="1-1"), (modem,), TABLE).device == "/dev/ttyUSB0"


def test_learnt_place_wins_over_the_configured_device() -> None:
    binding = choose(wanted(learnt_place="1-2"), BOTH, TABLE)
    assert (binding.device, binding.place, binding.must_be) == ("/dev/ttyUSB8", "1-2", None)


def test_configured_place_wins_over_everything() -> None:
    binding = choose(wanted(place="1-2", learnt_place="1-1"), BOTH, TABLE)
    assert binding.place == "1-2"
    with pytest.raises(DeviceGone, match="no modem at 1-9"):
        choose(wanted(place="1-9"), BOTH, TABLE)


def test_stranger_at_the_configured_device_must_show_the_known_imei() -> None:
    binding = choose(wanted(learnt_place="1-7", learnt_imei="490154203237518"), BOTH, TABLE)
    assert (binding.place, binding.must_be) == ("1-1", "490154203237518")


def test_modem_that_the_other_role_uses_is_never_taken() -> None:
    claimed = frozenset(["1-1"])
    with pytest.raises(DeviceGone):
        choose(wanted(claimed_places=claimed), (FIRST,), TABLE)
    with pytest.raises(DeviceGone):
        choose(wanted(claimed_places=claimed, learnt_place="1-1"), (FIRST,), TABLE)
    with pytest.raises(DeviceGone):
        choose(wanted(foreign_place="1-1"), (FIRST,), TABLE)


def test_rejected_places_are_passed_over() -> None:
    wish = wanted(imei="490154203237518")
    assert choose(wish, BOTH, TABLE).place == "1-1"
    assert choose(wish, BOTH, TABLE, frozenset(["1-1"])).place == "1-2"
    with pytest.raises(DeviceGone):
        choose(wish, BOTH, TABLE, frozenset(["1-1", "1-2"]))


def test_device_that_sysfs_does_not_know_is_taken_at_its_word_once() -> None:
    assert choose(wanted(device="/dev/ttyS1"), (), TABLE).place is None
    with pytest.raises(DeviceGone):
        choose(wanted(device="/dev/ttyS1", learnt_place="1-1"), (), TABLE)


def test_missing_device_is_told_with_what_is_there_instead() -> None:
    there = r"0e8d:7127 at 1-1, 0e8d:7127 at 1-2: set modem1\.device or modem1\.bus_path"
    with pytest.raises(DeviceGone, match=there):
        choose(
            wanted(device="/dev/ttyUSB20", imei="490154203237518"),
            BOTH,
            TABLE,
            frozenset(["1-1", "1-2"]),
        )
    with pytest.raises(DeviceGone, match=r"no such device$"):
        choose(wanted(imei="490154203237518"), (), TABLE)


def test_wrong_imei_names_both_and_the_cure() -> None:
    wish = wanted(imei="490154203237518")
    binding = choose(wish, BOTH, TABLE)
    check_imei(wish, binding, "490154203237518")
    check_imei(wish, binding, "490154203237510")  # another check digit
    with pytest.raises(NotPossibleError, match=r"863123040012343.*490154203237518.*modem1\.imei"):
        check_imei(wish, binding, "863123040012343")


def test_check_digit_of_an_imei_proves_nothing() -> None:
    assert same_imei("490154203237518", "49015420323751")
    assert not same_imei("490154203237518", "490154203237528")


PLACES = st.sampled_from(["1-1", "1-2", "1-3", None])


@given(
    st.lists(st.sampled_from(["1-1", "1-2", "1-3"]), unique=True, max_size=3),
    PLACES,
    PLACES,
    st.frozensets(st.sampled_from(["1-1", "1-2", "1-3"]), max_size=2),
    st.sampled_from([None, "490154203237518"]),
    PLACES,
)
def test_binding_never_ends_at_a_claimed_place(
    places: list[str],
    place: str | None,
    learnt: str | None,
    claimed: frozenset[str],
    imei: str | None,
    foreign: str | None,
) -> None:
    modems = tuple(found(p, f"ttyUSB{i}") for i, p in enumerate(places))
    wish = wanted(
        device="/dev/ttyUSB0",
        place=place,
        learnt_place=learnt,
        learnt_imei="863123040012343" if learnt else None,
        claimed_places=claimed,
        imei=imei,
        foreign_place=foreign,
    )
    try:
        binding = choose(wish, modems, TABLE)
    except DeviceGone:
        return
    if place is not None:
        assert binding.place == place
    else:
        assert binding.place not in claimed
    if imei is not None:
        assert binding.must_be == imei


def test_claims_are_the_others_only() -> None:
    claims = Claims()
    claims.claim(Role.PRIMARY, "1-1")
    assert claims.others(Role.PRIMARY) == frozenset()
    assert claims.others(Role.IOT) == {"1-1"}
    claims.claim(Role.PRIMARY, None)
    assert claims.others(Role.IOT) == frozenset()


# --- the bus -------------------------------------------------------------------------------------


def test_usb_device_is_switched_off_and_on(tmp_path: Path) -> None:
    plug(tmp_path, "fm350", "1-1.2", {6: "ttyUSB3"})
    clock = HandClock()
    SysfsBus(Paths(str(tmp_path)), clock).restart("1-1.2", threading.Event())
    assert clock.monotonic() == 1000 + PAUSE_S
    assert (tmp_path / "sys/bus/usb/devices/1-1.2/authorized").read_text()[0] == "1"


def test_pci_device_is_removed_and_the_bus_rescanned(tmp_path: Path) -> None:
    plug_t7xx(tmp_path, "0000:01:00.0", ["wwan0at0"])
    bus = SysfsBus(Paths(str(tmp_path)), HandClock())
    bus.restart("0000:01:00.0", threading.Event())
    assert (tmp_path / "sys/bus/pci/devices/0000:01:00.0/remove").read_text() == "1"
    assert (tmp_path / "sys/bus/pci/rescan").read_text() == "1"


def test_pci_device_that_fell_off_the_bus_is_rescanned_for(tmp_path: Path) -> None:
    plug_t7xx(tmp_path, "0000:01:00.0", ["wwan0at0"])
    SysfsBus(Paths(str(tmp_path)), HandClock()).restart("0000:02:00.0", threading.Event())
    assert (tmp_path / "sys/bus/pci/rescan").read_text() == "1"


@pytest.mark.parametrize("place", ["", "../../etc", "1-1:1.0", "usb1"])
def test_nothing_but_a_place_is_touched(tmp_path: Path, place: str) -> None:
    with pytest.raises(DeviceError):
        SysfsBus(Paths(str(tmp_path)), HandClock()).restart(place, threading.Event())


def test_absent_usb_device_is_gone(tmp_path: Path) -> None:
    with pytest.raises(DeviceGone):
        SysfsBus(Paths(str(tmp_path)), HandClock()).restart("1-1", threading.Event())


# --- memory --------------------------------------------------------------------------------------


def test_what_was_learnt_is_there_after_a_restart(tmp_path: Path) -> None:
    paths = Paths(str(tmp_path))
    memory = ModemMemory(paths, Role.PRIMARY)
    memory.load()
    memory.learn_identity("1-1", "490154203237518")
    memory.learn_boot_time("fm350", 78.04)
    assert learnt_of(paths, Role.PRIMARY) == memory.learnt
    assert memory.learnt.boot_times_s == {"fm350": 78.0}
    assert learnt_of(paths, Role.IOT).place is None


def test_flash_is_written_only_when_something_changed(tmp_path: Path) -> None:
    memory = ModemMemory(Paths(str(tmp_path)), Role.PRIMARY)
    memory.learn_identity("1-1", "490154203237518")
    memory.learn_boot_time("fm350", 78)
    file = tmp_path / "etc/remsim/learnt-modem1.json"
    file.unlink()
    memory.learn_identity("1-1", "490154203237518")
    memory.learn_boot_time("fm350", 80)
    assert not file.exists()
    memory.learn_boot_time("fm350", 100)
    assert file.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"place": 1, "boot_times_s": {"x": "y"}}']
)
def test_broken_file_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "etc/remsim/learnt-modem1.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert learnt_of(Paths(str(tmp_path)), Role.PRIMARY).place is None


def test_disk_that_takes_nothing_stops_no_modem_but_the_pin(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file where a directory should be")
    (tmp_path / "var").write_text("")
    memory = ModemMemory(Paths(str(tmp_path)), Role.PRIMARY)
    memory.learn_identity("1-1", "490154203237518")
    assert memory.learnt.place == "1-1"
    assert not memory.save_pin("1234", PinMemory())


def test_outcome_belongs_to_the_pin_it_was_made_with(tmp_path: Path) -> None:
    memory = ModemMemory(Paths(str(tmp_path)), Role.PRIMARY)
    assert memory.save_pin("1234", PinMemory({"89": Outcome.REJECTED}))
    assert memory.load_pin("1234").outcomes == {"89": Outcome.REJECTED}
    assert memory.load_pin("4321") == PinMemory()
    assert memory.load_pin(None) == PinMemory()
