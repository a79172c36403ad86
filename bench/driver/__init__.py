# SPDX-License-Identifier: MIT
"""The benchmark's driver; ../bench.py is its front."""
