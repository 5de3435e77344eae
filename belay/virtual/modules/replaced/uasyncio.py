# SPDX-License-Identifier: Apache-2.0
"""The old name of ``asyncio``, as boards have it."""


def __getattr__(name):
    import asyncio

    return getattr(asyncio, name)
