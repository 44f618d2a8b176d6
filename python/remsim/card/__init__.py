# SPDX-License-Identifier: GPL-2.0-or-later
"""The card's side of the client: what its commands mean (pure), and the front-ends that show it."""
