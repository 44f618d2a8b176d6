# SPDX-License-Identifier: GPL-2.0-or-later
"""RSPRO, the protocol between remote-SIM client, server and bank of osmo-remsim.

`ber` ← `messages` ← `framing` ← `link` ← `session` are pure: octets and moments in, frames and
orders out. `worker` is the socket shell around them. Each imports only what stands left of it.
"""
