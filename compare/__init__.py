# SPDX-License-Identifier: MIT
"""What `./brkmalloc bench` and `./brkmalloc replay` share: the allocators that are compared, a program
that runs on one of them, tables and colours. It uses neither of the two."""
