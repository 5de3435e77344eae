# SPDX-License-Identifier: Apache-2.0
"""Proxies, by the name that their module has in Belay 0.30; see :mod:`belay.proxies`."""

from __future__ import annotations

from belay.proxies import ProxyObject, get_proxy_object_target_name

__all__ = ["ProxyObject", "get_proxy_object_target_name"]
