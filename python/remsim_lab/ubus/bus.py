# SPDX-License-Identifier: GPL-2.0-or-later
"""What ubusd decides: objects, calls, events, subscriptions. Frames in, frames out, no sockets.

Kept from ubusd because programs meet it on a router: nobody tells a caller whose server left in the
middle of its call; an event does not come back to its sender; a peer that is not root may do
nothing (there are no ACL files here); the answer to a refused ADD_OBJECT is status 2 whatever the
reason.

It must never raise because of what a peer sent.

Source: ubus ubusd_proto.c, ubusd_obj.c, ubusd_event.c, ubusd_monitor.c.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable

from remsim_lab.ubus import blob, wire
from remsim_lab.ubus.events import Events, first_fields
from remsim_lab.ubus.peers import (
    BusObject,
    Credentials,
    Lookup,
    ObjectType,
    Peer,
    may,
    may_subscribe,
    methods_of,
    new_id,
)
from remsim_lab.ubus.wire import Frame

# What a command returns when ubusd sends no STATUS of its own, now or later.
NO_ANSWER = -1

Attributes = list[bytes | None]

_ACL_SEQUENCE = 1  # how often ubusd has read its ACL files


class Bus:
    """`send(peer, bytes)` is called for everything that leaves, in order."""

    def __init__(self, send: Callable[[Peer, bytes], None]) -> None:
        self._send = send
        self._peers: dict[int, Peer] = {}
        self._objects: dict[int, BusObject] = {}
        self._types: dict[int, ObjectType] = {}
        self._by_path: dict[bytes, BusObject] = {}
        self._paths: list[bytes] = []
        self._events = Events()
        self._monitors: list[Peer] = []
        self._event_sequence = 0
        self._system_methods = {
            wire.SYSTEM_OBJECT_EVENT: self._event_method,
            wire.SYSTEM_OBJECT_ACL: self._acl_method,
            wire.SYSTEM_OBJECT_MONITOR: self._monitor_method,
        }

    # --- peers ---

    def connect(self, who: Credentials) -> Peer:
        """Greet a new peer."""
        peer = Peer(new_id(self._peers), who)
        self._peers[peer.ident] = peer
        self._emit(peer, wire.HELLO, 0, peer.ident, b"")
        return peer

    def disconnect(self, peer: Peer) -> None:
        """Take a peer's objects away, newest first, and tell those who care - the peer too."""
        if peer.ident not in self._peers:
            return
        if peer in self._monitors:
            self._monitors.remove(peer)
        while peer.objects:
            self._free_object(peer.objects[0])
        del self._peers[peer.ident]

    def receive(self, peer: Peer, frame: Frame) -> None:
        """Carry out one message."""
        if self._monitors:
            self._monitor(peer, frame, sent=False)
        command = _COMMANDS.get(frame.kind)
        if command is None:
            status = wire.INVALID_COMMAND
        else:
            status = command(self, peer, frame, wire.attributes(frame.body))
        if status != NO_ANSWER:
            self._status(peer, frame, status)

    def resume(self, peer: Peer) -> None:
        """The peer reads again: go on with its lookups."""
        while peer.lookups and not peer.congested:
            status = self._lookup_from(peer, peer.lookups[0])
            if status == NO_ANSWER:
                return
            self._status(peer, peer.lookups.pop(0).frame, status)

    # --- output ---

    def _emit(self, peer: Peer, kind: int, sequence: int, to: int, children: bytes) -> None:
        frame = Frame(kind, sequence & 0xFFFF, to, blob.root(children))
        self._forward(peer, frame)

    def _forward(self, peer: Peer, frame: Frame) -> None:
        if self._monitors and frame.kind != wire.MONITOR:
            self._monitor(peer, frame, sent=True)
        self._send(peer, frame.encode())

    def _answer(self, peer: Peer, frame: Frame, kind: int, children: bytes) -> None:
        self._emit(peer, kind, frame.sequence, frame.peer, children)

    def _status(self, peer: Peer, frame: Frame, status: int) -> None:
        self._answer(peer, frame, wire.STATUS, blob.attribute_u32(wire.A_STATUS, status))

    def _monitor(self, peer: Peer, frame: Frame, *, sent: bool) -> None:
        children = (
            blob.attribute_u32(wire.M_CLIENT, peer.ident)
            + blob.attribute_u32(wire.M_PEER, frame.peer)
            + blob.attribute_u32(wire.M_SEQ, frame.sequence)
            + blob.attribute_u32(wire.M_TYPE, frame.kind)
            + blob.attribute(wire.M_SEND, bytes((sent,)))
            + blob.attribute(wire.M_DATA, frame.body[blob.HEAD_BYTES :])
        )
        for monitor in list(self._monitors):
            monitor.monitor_sequence = (monitor.monitor_sequence or 0) + 1
            self._emit(monitor, wire.MONITOR, monitor.monitor_sequence, 0, children)

    # --- objects ---

    def _ping(self, peer: Peer, frame: Frame, _given: Attributes) -> int:
        self._answer(peer, frame, wire.DATA, frame.body[blob.HEAD_BYTES :])
        return wire.OK

    def _add_object(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        path_data = given[wire.A_OBJPATH]
        path = None if path_data is None else wire.text(path_data)
        if path is not None and (path in self._by_path or not may(peer, path)):
            return wire.INVALID_ARGUMENT
        added = self._create_object(peer, self._type_of(given), path)
        children = blob.attribute_u32(wire.A_OBJID, added.ident)
        if given[wire.A_SIGNATURE] is not None and added.type is not None:
            children += blob.attribute_u32(wire.A_OBJTYPE, added.type.ident)
        self._answer(peer, frame, wire.DATA, children)
        return wire.OK

    def _type_of(self, given: Attributes) -> ObjectType | None:
        """The type named or described; None for none, and for one that is unknown or malformed."""
        type_data = given[wire.A_OBJTYPE]
        if type_data is not None:
            return self._types.get(wire.number(type_data))
        signature = given[wire.A_SIGNATURE]
        methods = None if signature is None else methods_of(signature)
        return None if methods is None else ObjectType(new_id(self._types), methods)

    def _create_object(self, peer: Peer, kind: ObjectType | None, path: bytes | None) -> BusObject:
        added = BusObject(new_id(self._objects), peer, kind)
        self._objects[added.ident] = added
        if kind is not None:
            kind.users += 1
            self._types[kind.ident] = kind
        if path is not None:
            added.path = path
            self._by_path[path] = added
            insort(self._paths, path)
            self._object_event(added, b"ubus.object.add")
        peer.objects.insert(0, added)
        return added

    def _remove_object(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        owned = self._own(peer, given[wire.A_OBJID], wire.PERMISSION_DENIED)
        if isinstance(owned, int):
            return owned
        children = blob.attribute_u32(wire.A_OBJID, owned.ident)
        if owned.type is not None and owned.type.users == 1:
            children += blob.attribute_u32(wire.A_OBJTYPE, owned.type.ident)
        self._answer(peer, frame, wire.DATA, children)
        self._free_object(owned)
        return wire.OK

    def _own(self, peer: Peer, ident: bytes | None, foreign: int) -> BusObject | int:
        """The peer's own object, or a status: `foreign` for an object of somebody else."""
        if ident is None:
            return wire.INVALID_ARGUMENT
        owned = self._objects.get(wire.number(ident))
        if owned is not None:
            return owned if owned.peer is peer else foreign
        is_system = wire.number(ident) in self._system_methods
        return foreign if is_system else wire.NOT_FOUND

    def _object(self, ident: bytes | None) -> BusObject | None:
        return None if ident is None else self._objects.get(wire.number(ident))

    def _free_object(self, freed: BusObject) -> None:
        for target in list(freed.targets):
            self._end_subscription(freed, target)
        for subscriber in list(freed.subscribers):
            self._tell_target_gone(subscriber, freed)
            self._end_subscription(subscriber, freed)
        self._events.forget(freed)
        if freed.path is not None:
            self._object_event(freed, b"ubus.object.remove")
            del self._by_path[freed.path]
            del self._paths[bisect_left(self._paths, freed.path)]
        freed.peer.objects.remove(freed)
        del self._objects[freed.ident]
        if freed.type is not None:
            freed.type.users -= 1
            if not freed.type.users:
                del self._types[freed.type.ident]

    # --- lookup ---

    def _lookup(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        pattern = given[wire.A_OBJPATH]
        if pattern is None:
            return self._lookup_all(peer, frame)
        path = wire.text(pattern)
        if not path:
            return wire.INVALID_ARGUMENT
        if not path.endswith(b"*"):
            found = self._by_path.get(path)
            if found is None:
                return wire.NOT_FOUND
            self._describe(peer, frame, found)
            return wire.OK
        return self._lookup_prefix(peer, frame, path[:-1])

    def _lookup_prefix(self, peer: Peer, frame: Frame, prefix: bytes) -> int:
        first = bisect_left(self._paths, prefix)
        matches = [path for path in self._paths[first:] if path.startswith(prefix)]
        for path in matches:
            self._describe(peer, frame, self._by_path[path])
        return wire.OK if matches else wire.NOT_FOUND

    def _lookup_all(self, peer: Peer, frame: Frame) -> int:
        lookup = Lookup(frame)
        status = NO_ANSWER if peer.congested else self._lookup_from(peer, lookup)
        if status == NO_ANSWER:
            peer.lookups.append(lookup)
        return status

    def _lookup_from(self, peer: Peer, lookup: Lookup) -> int:
        after = lookup.after
        index = 0 if after is None else bisect_left(self._paths, after + b"\0")
        for path in self._paths[index:]:
            if peer.congested:
                return NO_ANSWER
            self._describe(peer, lookup.frame, self._by_path[path])
            lookup.after = path
        return wire.OK

    def _describe(self, peer: Peer, frame: Frame, shown: BusObject) -> None:
        if shown.type is None or shown.path is None:
            return
        methods = shown.type.methods
        if methods and not may(peer, shown.path):
            return
        signature = b"".join([data for _, data in methods])
        children = (
            blob.attribute_string(wire.A_OBJPATH, shown.path)
            + blob.attribute_u32(wire.A_OBJID, shown.ident)
            + blob.attribute_u32(wire.A_OBJTYPE, shown.type.ident)
            + blob.attribute(wire.A_SIGNATURE, signature)
        )
        self._answer(peer, frame, wire.DATA, children)

    # --- calls ---

    def _invoke(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        method_data, ident_data = given[wire.A_METHOD], given[wire.A_OBJID]
        if method_data is None or ident_data is None:
            return wire.INVALID_ARGUMENT
        ident, method = wire.number(ident_data), wire.text(method_data)
        system = self._system_methods.get(ident)
        if system is not None:
            return system(peer, frame, method, given[wire.A_DATA])
        called = self._objects.get(ident)
        if called is None:
            return wire.NOT_FOUND
        if not may(peer, called.path):
            return wire.PERMISSION_DENIED
        self._pass_invoke(peer, frame, called, method, given[wire.A_DATA])
        return NO_ANSWER

    def _pass_invoke(
        self,
        peer: Peer,
        frame: Frame,
        called: BusObject,
        method: bytes,
        data: bytes | None,
        before: bytes = b"",
    ) -> None:
        children = (
            before
            + blob.attribute_u32(wire.A_OBJID, called.ident)
            + blob.attribute_string(wire.A_METHOD, method)
            + blob.attribute_string(wire.A_USER, peer.who.user.encode())
            + blob.attribute_string(wire.A_GROUP, peer.who.group.encode())
        )
        if data is not None:
            children += blob.attribute(wire.A_DATA, data)
        self._emit(called.peer, wire.INVOKE, frame.sequence, peer.ident, children)

    def _response(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        wanted = wire.A_STATUS if frame.kind == wire.STATUS else wire.A_DATA
        owned = self._object(given[wire.A_OBJID])
        caller = self._peers.get(frame.peer)
        if (
            given[wanted] is not None
            and owned is not None
            and owned.peer is peer
            and caller is not None
        ):
            self._forward(caller, Frame(frame.kind, frame.sequence, owned.ident, frame.body))
        return NO_ANSWER

    # --- subscriptions ---

    def _subscribe(self, peer: Peer, _frame: Frame, given: Attributes) -> int:
        target_data = given[wire.A_TARGET]
        if target_data is None:
            return wire.INVALID_ARGUMENT
        subscriber = self._own(peer, given[wire.A_OBJID], wire.INVALID_ARGUMENT)
        if isinstance(subscriber, int):
            return subscriber
        target = self._object(target_data)
        if target is None:
            return wire.NOT_FOUND
        if target.peer is peer:
            return wire.INVALID_ARGUMENT
        if not may_subscribe(peer, target):
            return wire.NOT_FOUND
        target.subscribers.insert(0, subscriber)
        subscriber.targets.insert(0, target)
        if len(target.subscribers) == 1:
            self._tell_activity(target)
        return wire.OK

    def _unsubscribe(self, peer: Peer, _frame: Frame, given: Attributes) -> int:
        target_data = given[wire.A_TARGET]
        if target_data is None:
            return wire.INVALID_ARGUMENT
        subscriber = self._own(peer, given[wire.A_OBJID], wire.INVALID_ARGUMENT)
        if isinstance(subscriber, int):
            return subscriber
        for target in subscriber.targets:
            if target.ident == wire.number(target_data):
                self._end_subscription(subscriber, target)
                return wire.OK
        return wire.NOT_FOUND

    def _end_subscription(self, subscriber: BusObject, target: BusObject) -> None:
        subscriber.targets.remove(target)
        target.subscribers.remove(subscriber)
        if not target.subscribers:
            self._tell_activity(target)

    def _tell_activity(self, target: BusObject) -> None:
        target.notices += 1
        children = blob.attribute_u32(wire.A_OBJID, target.ident) + blob.attribute(
            wire.A_ACTIVE, bytes((bool(target.subscribers),))
        )
        self._emit(target.peer, wire.NOTIFY, target.notices, 0, children)

    def _tell_target_gone(self, subscriber: BusObject, target: BusObject) -> None:
        subscriber.notices += 1
        children = blob.attribute_u32(wire.A_OBJID, subscriber.ident) + blob.attribute_u32(
            wire.A_TARGET, target.ident
        )
        self._emit(subscriber.peer, wire.UNSUBSCRIBE, subscriber.notices, 0, children)

    def _notify(self, peer: Peer, frame: Frame, given: Attributes) -> int:
        method_data = given[wire.A_METHOD]
        if method_data is None:
            return wire.INVALID_ARGUMENT
        owned = self._own(peer, given[wire.A_OBJID], wire.PERMISSION_DENIED)
        if isinstance(owned, int):
            return owned
        no_reply = bool((given[wire.A_NO_REPLY] or b"\0")[0])
        if not no_reply:
            self._confirm_notify(peer, frame, owned)
        before = blob.attribute(wire.A_NO_REPLY, b"\1") if no_reply else b""
        method = wire.text(method_data)
        for subscriber in list(owned.subscribers):
            self._pass_invoke(peer, frame, subscriber, method, given[wire.A_DATA], before)
        return NO_ANSWER

    def _confirm_notify(self, peer: Peer, frame: Frame, owned: BusObject) -> None:
        idents = b"".join([blob.attribute_u32(0, s.ident) for s in owned.subscribers])
        children = (
            blob.attribute_u32(wire.A_OBJID, owned.ident)
            + blob.attribute(wire.A_SUBSCRIBERS, idents)
            + blob.attribute_u32(wire.A_STATUS, 0)
        )
        self._answer(peer, frame, wire.STATUS, children)

    # --- events ---

    def _event_method(self, peer: Peer, _frame: Frame, method: bytes, data: bytes | None) -> int:
        if method not in (b"register", b"send"):
            return wire.INVALID_COMMAND
        if data is None:
            return wire.INVALID_ARGUMENT
        if method == b"register":
            return self._events.register(peer, data, self._objects)
        return self._send_event(peer, data)

    def _send_event(self, peer: Peer, data: bytes) -> int:
        wanted = first_fields(data, {b"id": blob.STRING, b"data": blob.TABLE})
        if len(wanted) < 2:
            return wire.INVALID_ARGUMENT
        name = wanted[b"id"].text()
        if name.startswith(b"ubus.") or not may(peer, name):
            return wire.PERMISSION_DENIED
        self._publish(peer, name, wanted[b"data"].data)
        return wire.OK

    def _object_event(self, subject: BusObject, name: bytes) -> None:
        data = blob.field_u32(b"id", subject.ident) + blob.field_string(
            b"path", subject.path or b""
        )
        self._publish(None, name, data)

    def _publish(self, sender: Peer | None, name: bytes, data: bytes) -> None:
        rest = blob.attribute_string(wire.A_METHOD, name) + blob.attribute(wire.A_DATA, data)
        for listener in self._events.reached(name, sender):
            self._event_sequence += 1
            children = blob.attribute_u32(wire.A_OBJID, listener.ident) + rest
            self._emit(listener.peer, wire.INVOKE, self._event_sequence, 0, children)

    def _acl_method(self, peer: Peer, frame: Frame, method: bytes, _data: bytes | None) -> int:
        """What libubus asks for its objects' access lists: there are none."""
        if method != b"query":
            return wire.INVALID_COMMAND
        data = blob.field_u32(b"seq", _ACL_SEQUENCE) + blob.field(blob.ARRAY, b"acl", b"")
        children = blob.attribute_u32(wire.A_OBJID, wire.SYSTEM_OBJECT_ACL)
        self._answer(peer, frame, wire.DATA, children + blob.attribute(wire.A_DATA, data))
        return wire.OK

    def _monitor_method(self, peer: Peer, _frame: Frame, method: bytes, _data: bytes | None) -> int:
        if peer.who.uid != 0 or peer.who.gid != 0:
            return wire.PERMISSION_DENIED
        if method not in (b"add", b"remove"):
            return wire.METHOD_NOT_FOUND
        if peer in self._monitors:
            self._monitors.remove(peer)
        peer.monitor_sequence = 0
        if method == b"add":
            self._monitors.append(peer)
        return wire.OK


_COMMANDS: dict[int, Callable[[Bus, Peer, Frame, Attributes], int]] = {
    wire.PING: Bus._ping,
    wire.ADD_OBJECT: Bus._add_object,
    wire.REMOVE_OBJECT: Bus._remove_object,
    wire.LOOKUP: Bus._lookup,
    wire.INVOKE: Bus._invoke,
    wire.STATUS: Bus._response,
    wire.DATA: Bus._response,
    wire.SUBSCRIBE: Bus._subscribe,
    wire.UNSUBSCRIBE: Bus._unsubscribe,
    wire.NOTIFY: Bus._notify,
}
