# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m remsim.cli`."""

import sys

from remsim.cli import main

sys.exit(main())
