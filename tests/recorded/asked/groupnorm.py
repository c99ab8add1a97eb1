"""Questions about GroupNorm and InstanceNorm. Data only."""

from __future__ import annotations

from opcases import OpCase, positive, real

_GROUP = {"data": real(2, 6, 5), "gamma": positive(3), "beta": real(3)}

CASES = [
    OpCase("GroupNorm", "groups", dict(_GROUP), {"num_groups": "3"}, add=True),
    OpCase(
        "GroupNorm", "one", {"data": real(2, 3, 5, 7), "gamma": positive(1), "beta": real(1)}, {"eps": "0.1"}
    ),
    OpCase("GroupNorm", "statistics", dict(_GROUP), {"num_groups": "3", "output_mean_var": "True"}),
    OpCase(
        "InstanceNorm", "plain", {"data": real(2, 3, 5, 7), "gamma": positive(3), "beta": real(3)}, add=True
    ),
    OpCase(
        "InstanceNorm", "eps", {"data": real(3, 5, 7), "gamma": positive(5), "beta": real(5)}, {"eps": "0.1"}
    ),
]
