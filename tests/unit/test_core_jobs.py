# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs of the core: who may start what, how they end, what the orchestrator may ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remsim import saved
from remsim.errors import ArgumentError, BusyError, NotPossibleError
from remsim.events import (
    BeatDone,
    BeatOutcome,
    LinesSeen,
    Order,
    OrderProgress,
    ReleaseRoutes,
    RunStep,
    SendBeat,
    SimSwitched,
    SwitchSim,
    Unregister,
)
from remsim.failover.policy import Policy
from remsim.job_starter import JOB_LIMIT_S
from remsim.jobs import Job, JobState, Kind, Wanted
from remsim.model import (
    AssignmentState,
    Failure,
    LineState,
    RemoteCommand,
    Role,
    SimSource,
    Step,
)
from remsim.snapshot import Context, status
from remsim.state import ClientChanged, ClientReport, ReloadDone
from scenario.world import World

REMOTE_POLICY = Policy(remote_possible=True)


def running(policy: Policy | None = None) -> World:
    world = World(policy)
    world.start()
    world.run(1.0)
    return world


def job_of(world: World, job_id: str) -> Job:
    return next(job for job in world.state.jobs if job.id == job_id)


def orders_of(world: World) -> list[object]:
    seen: list[object] = []
    world.on_order = seen.append
    return seen


def bank_connected(world: World) -> None:
    world._feed(ClientChanged(ClientReport("event-bankd-connect", "connected", True, at=world.now)))


def switch_at(world: World, level: int) -> None:
    world._feed(LinesSeen((LineState("modem1.sim_switch", "gpiochip0:20", level, level),)))


def test_heartbeat_job_ends_with_path_and_round_trip() -> None:
    world = running()
    job_id = world.want(Wanted(Kind.HEARTBEAT))
    assert job_of(world, job_id).is_running
    world.run(1.0)
    job = job_of(world, job_id)
    assert job.state is JobState.DONE
    assert dict(job.result) == {"path": "iot", "host": "h", "rtt_ms": 50.0}


def test_unanswered_heartbeat_job_fails_with_the_peers_reason() -> None:
    world = running()
    world.server.answers = False
    job_id = world.want(Wanted(Kind.HEARTBEAT))
    world.run(12.0)
    job = job_of(world, job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "peer_unreachable")


def test_heartbeat_without_any_path_is_refused() -> None:
    world = running()
    for modem in world.modems.values():
        modem.has_signal = False
    world.run(1.0)
    with pytest.raises(NotPossibleError, match="no path is up"):
        world.want(Wanted(Kind.HEARTBEAT))


def test_unregister_stays_unregistered_until_register_is_asked_for() -> None:
    world = running()
    world.want(Wanted(Kind.UNREGISTER))
    world.run(900.0)
    assert world.state.failover.bank.state is AssignmentState.UNREGISTERED
    assert len(world.server.registrations) == 1
    assert not world.server.beats or world.server.beats[-1][0] <= world.server.unregistrations[0]
    job_id = world.want(Wanted(Kind.REGISTER))
    world.run(1.0)
    assert job_of(world, job_id).state is JobState.DONE
    assert world.state.failover.bank.state is AssignmentState.ACTIVE


def test_second_registration_while_one_is_on_its_way_is_busy() -> None:
    world = running()
    world.want(Wanted(Kind.REGISTER))
    with pytest.raises(BusyError):
        world.want(Wanted(Kind.REGISTER))


def test_release_unregisters_then_switches_to_local_then_hands_routes_back() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    orders = orders_of(world)
    job_id = world.want(Wanted(Kind.RELEASE))
    world.run(60.0)
    kinds = [type(order) for order in orders]
    assert kinds == [Unregister, SwitchSim, ReleaseRoutes]
    assert job_of(world, job_id).state is JobState.DONE
    orders.clear()
    world.modems[Role.IOT].has_signal = False
    world.run(900.0)
    assert orders == [], "after a release nothing is touched"


def test_sim_switch_of_the_iot_modem_to_remote_is_refused() -> None:
    world = running(REMOTE_POLICY)
    bank_connected(world)
    with pytest.raises(NotPossibleError, match="stays at local"):
        world.want(Wanted(Kind.SIM, Role.IOT, SimSource.REMOTE))


def test_remote_is_refused_without_a_card_front_end() -> None:
    world = running()
    with pytest.raises(NotPossibleError, match="front-end"):
        world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))


def test_remote_is_refused_while_the_bank_connection_does_not_stand() -> None:
    world = running(REMOTE_POLICY)
    with pytest.raises(NotPossibleError, match="bank connection"):
        world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))


def test_remote_is_refused_and_not_offered_while_the_front_end_is_missing() -> None:
    world = running(REMOTE_POLICY)
    context = Context(1_790_000_000.0, "accepted", True, "router", "simtrace2", "policy", 10)
    bank_connected(world)
    assert status(world.state, context, world.now)["client"]["remote_possible"]
    missing = (("front_end_why_not", "SIMtrace2: no such board on USB"),)
    world._feed(ClientChanged(replace(world.state.client, values=missing)))
    shown = status(world.state, context, world.now)["client"]
    assert not shown["remote_possible"]
    assert shown["why_not"] == "no card front-end: SIMtrace2: no such board on USB"
    with pytest.raises(NotPossibleError, match="no such board on USB"):
        world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))


def test_sim_switch_shows_its_phases_and_blocks_resets_meanwhile() -> None:
    world = running(REMOTE_POLICY)
    bank_connected(world)
    orders = orders_of(world)
    job_id = world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))
    order = orders[-1]
    assert isinstance(order, SwitchSim) and order.source is SimSource.REMOTE
    world._feed(OrderProgress(order.id, "interface down"))
    assert [phase.text for phase in job_of(world, job_id).phases] == ["interface down"]
    with pytest.raises(BusyError, match="SIM switch"):
        world.want(Wanted(Kind.RESET, Role.PRIMARY))
    world.run(31.0)
    assert job_of(world, job_id).state is JobState.DONE
    world.want(Wanted(Kind.RESET, Role.PRIMARY))


def test_reset_takes_the_reset_line_and_the_other_modem_waits_for_its_boot() -> None:
    world = running()
    orders = orders_of(world)
    world.want(Wanted(Kind.RESET, Role.PRIMARY))
    step = orders[-1]
    assert isinstance(step, RunStep) and step.step is Step.RESET_LINE
    world.run(1.0)
    with pytest.raises(BusyError, match="in reset"):
        world.want(Wanted(Kind.RESET, Role.IOT))
    world.want(Wanted(Kind.RESET, Role.IOT, step=Step.RADIO))


def test_step_that_the_board_cannot_do_is_refused_by_name() -> None:
    world = running(Policy(primary_steps=(Step.INTERFACE, Step.RADIO)))
    with pytest.raises(NotPossibleError, match="power"):
        world.want(Wanted(Kind.RESET, Role.PRIMARY, step=Step.POWER))
    with pytest.raises(NotPossibleError, match="a reset"):
        world.want(Wanted(Kind.RESET, Role.PRIMARY))


def test_modem2_is_not_there_in_single_modem_mode() -> None:
    world = running(Policy(dual_modem=False, prefer=Role.PRIMARY))
    assert world.state.failover.control is Role.PRIMARY
    with pytest.raises(NotPossibleError, match="dual_modem"):
        world.want(Wanted(Kind.RESET, Role.IOT))


@pytest.mark.parametrize("command", ["", "ls", "AT\rAT+CFUN=0", "AT\x00", "ATé", "AT" + "1" * 600])
def test_unsound_at_command_is_refused_naming_the_argument(command: str) -> None:
    world = running()
    with pytest.raises(ArgumentError) as caught:
        world.want(Wanted(Kind.AT, Role.PRIMARY, command=command))
    assert caught.value.argument == "command"


def test_refused_job_leaves_no_trace_but_a_clean_state() -> None:
    world = running()
    before = world.state
    with pytest.raises(NotPossibleError):
        world.want(Wanted(Kind.SIM, Role.IOT, SimSource.REMOTE))
    assert world.state is before


def test_reload_job_ends_when_the_configuration_was_read() -> None:
    world = running()
    bad = world.want(Wanted(Kind.RELOAD))
    world._feed(ReloadDone(bad, problems=("heartbeat.interval: 'x' is not a number",)))
    assert job_of(world, bad).error_code == "config"
    good = world.want(Wanted(Kind.RELOAD))
    world._feed(ReloadDone(good, changed=("heartbeat.interval",)))
    assert dict(job_of(world, good).result) == {"changed": ["heartbeat.interval"]}


def test_job_whose_worker_never_answers_is_given_up() -> None:
    world = running(REMOTE_POLICY)
    bank_connected(world)
    world._later = lambda seconds, make: None  # type: ignore[method-assign]
    job_id = world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))
    world.server.answers = False
    world.run(JOB_LIMIT_S + 60.0)
    assert job_of(world, job_id).error_code == "lost"
    assert not world.state.failover.blocked


# --- commands of the orchestrator --------------------------------------------------------------


def beat_with(world: World, *commands: RemoteCommand) -> None:
    orders = orders_of(world)
    world.want(Wanted(Kind.HEARTBEAT))
    beat = orders[-1]
    assert isinstance(beat, SendBeat)
    answered = BeatOutcome.ANSWERED
    world._feed(BeatDone(beat.id, beat.role, answered, "h", 5.0, commands=commands))


def test_command_that_is_not_on_the_list_is_refused_and_audited() -> None:
    world = running()
    beat_with(world, RemoteCommand("1", "reset", (("modem", "modem1"),)))
    assert not any(job.wanted.kind is Kind.RESET for job in world.state.jobs)
    assert any(entry.kind == "audit" and "refused" in entry.text for entry in world.state.log)


def test_allowed_command_runs_once_however_often_it_comes() -> None:
    world = running(Policy(allowed_commands=frozenset({"reset"})))
    command = RemoteCommand("42", "reset", (("modem", "modem1"),))
    beat_with(world, command)
    beat_with(world, command)
    jobs = [job for job in world.state.jobs if job.wanted.kind is Kind.RESET]
    assert len(jobs) == 1 and jobs[0].wanted.origin == "orchestrator"


@pytest.mark.parametrize(
    "command",
    [
        RemoteCommand("1", "reset", (("modem", "modem9"),)),
        RemoteCommand("2", "reset", ()),
        RemoteCommand("3", "sim", (("modem", "modem2"), ("source", "remote"))),
        RemoteCommand("4", "nonsense", ()),
        RemoteCommand("5", "at", (("modem", "modem1"),)),
    ],
)
def test_unusable_command_is_audited_and_changes_nothing(command: RemoteCommand) -> None:
    names = frozenset({"reset", "sim", "nonsense", "at"})
    world = running(Policy(allowed_commands=names, remote_possible=True))
    beat_with(world, command)
    assert not any(job.wanted.origin == "orchestrator" for job in world.state.jobs)
    assert any(entry.kind == "audit" and "failed" in entry.text for entry in world.state.log)


# --- the remote SIM as the bank's matter --------------------------------------------------------


def test_lost_bank_resets_no_modem() -> None:
    world = running(REMOTE_POLICY)
    bank_connected(world)
    switch_at(world, 1)
    world._feed(ClientChanged(ClientReport("request-card-remove", "lost", False, at=world.now)))
    world.modems[Role.PRIMARY].has_signal = False
    world.run(1800.0)
    assert not world.modems[Role.PRIMARY].steps
    bank_connected(world)
    world.run(1800.0)
    assert world.modems[Role.PRIMARY].steps


def test_local_fallback_and_the_way_back() -> None:
    world = running(Policy(remote_possible=True, local_fallback=True))
    switch_at(world, 1)
    orders = orders_of(world)
    world.modems[Role.PRIMARY].has_signal = False
    world.run(895.0)
    assert not any(isinstance(order, SwitchSim) for order in orders)
    world.run(40.0)
    switches = [order.source for order in orders if isinstance(order, SwitchSim)]
    assert switches == [SimSource.LOCAL]
    switch_at(world, 0)
    world.modems[Role.PRIMARY].has_signal = True
    world.run(300.0)
    bank_connected(world)
    world.run(100.0)
    switches = [order.source for order in orders if isinstance(order, SwitchSim)]
    assert switches == [SimSource.LOCAL, SimSource.REMOTE]


def test_fallback_is_off_by_default() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    orders = orders_of(world)
    world.modems[Role.PRIMARY].has_signal = False
    world.run(7200.0)
    assert not any(isinstance(order, SwitchSim) for order in orders)


# --- the SIM switch follows the client's card ---------------------------------------------------


def card(
    world: World, wanted: SimSource, connected: bool = True, resets: int = 0, pid: int = 100
) -> None:
    report = ClientReport("x", "operational", connected, wanted, resets, pid, world.now)
    world._feed(ClientChanged(report))


def switches(orders: list[object]) -> list[SimSource]:
    return [order.source for order in orders if isinstance(order, SwitchSim)]


def test_presented_card_switches_to_remote_and_removed_card_back() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 0)
    orders = orders_of(world)
    card(world, SimSource.REMOTE)
    assert switches(orders) == [SimSource.REMOTE]
    world.run(31.0)
    switch_at(world, 1)
    world.run(600.0)
    assert switches(orders) == [SimSource.REMOTE]
    card(world, SimSource.LOCAL, connected=False)
    assert switches(orders) == [SimSource.REMOTE, SimSource.LOCAL]


def test_bank_that_is_lost_for_a_while_switches_nothing() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    orders = orders_of(world)
    card(world, SimSource.REMOTE, connected=False)
    world.run(250.0)
    card(world, SimSource.REMOTE)
    world.run(10.0)
    assert switches(orders) == []
    assert not world.modems[Role.PRIMARY].resets


def test_failed_switch_is_tried_again_with_back_off() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 0)
    orders = orders_of(world)
    real = world.do

    def failing(order: Order) -> None:
        if isinstance(order, SwitchSim):
            orders.append(order)
            why = Failure(1, "x", "SIM not ready", "device", world.now)
            done = SimSwitched(order.id, order.role, order.source, failure=why)
            world._later(1.0, lambda: done)
        else:
            real(order)

    world.do = failing  # type: ignore[method-assign]
    card(world, SimSource.REMOTE)
    world.run(50.0)
    assert len(switches(orders)) == 1
    world.run(15.0)
    assert len(switches(orders)) == 2
    world.run(100.0)
    assert len(switches(orders)) == 2, "the pause has doubled"


def test_reset_asked_for_by_the_client_is_carried_out_once() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    card(world, SimSource.REMOTE, resets=0)
    card(world, SimSource.REMOTE, resets=1)
    world.run(200.0)
    card(world, SimSource.REMOTE, resets=1)
    world.run(200.0)
    assert len(world.modems[Role.PRIMARY].resets) == 1


def test_reset_asked_for_by_another_process_of_the_client_counts_anew() -> None:
    """A client that was restarted presents the card again and begins to count at 1."""
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    card(world, SimSource.REMOTE, resets=1, pid=100)
    world.run(200.0)
    card(world, SimSource.REMOTE, resets=1, pid=200)
    world.run(200.0)
    assert len(world.modems[Role.PRIMARY].resets) == 2


def test_new_daemon_does_not_reset_the_modem_again_for_the_same_client() -> None:
    world = running(REMOTE_POLICY)
    card(world, SimSource.REMOTE, resets=3, pid=100)
    text = saved.to_text(world.state, "boot")
    after = saved.from_text(text, REMOTE_POLICY, "boot", world.now)
    assert (after.client.modem_resets, after.client.pid) == (3, 100)
    assert after.client.at is None, "its state is not known before it reports"


def test_modem_on_its_local_sim_is_not_reset_for_the_card_but_switched() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 0)
    orders = orders_of(world)
    card(world, SimSource.REMOTE, resets=1)
    world.run(31.0)
    assert switches(orders) == [SimSource.REMOTE]
    assert not world.modems[Role.PRIMARY].resets
    assert not any(job.wanted.kind is Kind.RESET for job in world.state.jobs)


def test_local_sim_that_somebody_chose_stays_until_they_choose_again() -> None:
    world = running(REMOTE_POLICY)
    switch_at(world, 1)
    card(world, SimSource.REMOTE)
    orders = orders_of(world)
    world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.LOCAL))
    world.run(31.0)
    switch_at(world, 0)
    world.run(600.0)
    card(world, SimSource.REMOTE, resets=1)
    world.run(600.0)
    assert switches(orders) == [SimSource.LOCAL]
    world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))
    world.run(31.0)
    switch_at(world, 1)
    card(world, SimSource.LOCAL, connected=False)
    world.run(31.0)
    switch_at(world, 0)
    card(world, SimSource.REMOTE)
    world.run(31.0)
    assert switches(orders)[1:] == [SimSource.REMOTE, SimSource.LOCAL, SimSource.REMOTE]


def test_switch_to_remote_waits_for_another_path_than_the_modems_own() -> None:
    """The bank is reached over the primary: without its local SIM nobody would answer the other."""
    world = running(REMOTE_POLICY)
    switch_at(world, 0)
    world.modems[Role.IOT].has_signal = False
    world.run(200.0)
    assert world.state.failover.control is Role.PRIMARY
    orders = orders_of(world)
    card(world, SimSource.REMOTE)
    world.run(200.0)
    with pytest.raises(NotPossibleError, match="over modem1 itself"):
        world.want(Wanted(Kind.SIM, Role.PRIMARY, SimSource.REMOTE))
    assert switches(orders) == []
    world.modems[Role.IOT].has_signal = True
    world.run(600.0)
    assert switches(orders) == [SimSource.REMOTE]


def test_external_client_that_drives_its_own_lines_is_only_watched() -> None:
    world = running(Policy(remote_possible=True, follows_client=False))
    switch_at(world, 0)
    orders = orders_of(world)
    card(world, SimSource.REMOTE)
    world.run(300.0)
    assert switches(orders) == []
