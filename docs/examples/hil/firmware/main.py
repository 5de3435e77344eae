# SPDX-License-Identifier: Apache-2.0
from incubator import Incubator

Incubator(sda=4, scl=5, heater=15, led=25).run()
