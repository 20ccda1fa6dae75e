"""The constants of time. Seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """How long what takes. `stock` is upstream as shipped; see docs/falcon.md for what makes a real one fast."""

    name: str
    min_step_s: int  # transfer: timestamps are floored to the larger of this and the sample's own step
    hbs_reload_s: float  # how old what hbs knows of the portal may be (upstream: hard-coded)
    judge_reload_s: float  # and how old what judge knows of hbs may be
    alarm_min_interval_s: int  # between two PROBLEMs of one incident
    disk_flush_s: int  # newest data that a query older than 720 steps does not see
    aggregator_start_s: float  # a new aggregator starts at random within this
    aggregator_reload_s: float
    nodata_interval_s: float
    nodata_silence_s: int  # a series that is silent for so long (or 3 steps, if longer) is mocked
    nodata_reload_s: float


FAST = Profile(
    name="fast",
    min_step_s=5,
    hbs_reload_s=1.0,
    judge_reload_s=0.5,
    alarm_min_interval_s=10,
    disk_flush_s=60,
    aggregator_start_s=1.0,
    aggregator_reload_s=2.0,
    nodata_interval_s=5.0,
    nodata_silence_s=15,
    nodata_reload_s=2.0,
)
STOCK = Profile(
    name="stock",
    min_step_s=30,
    hbs_reload_s=60.0,
    judge_reload_s=60.0,
    alarm_min_interval_s=300,
    disk_flush_s=1800,
    aggregator_start_s=60.0,
    aggregator_reload_s=55.0,
    nodata_interval_s=60.0,
    nodata_silence_s=180,
    nodata_reload_s=120.0,
)
PROFILES = {profile.name: profile for profile in (FAST, STOCK)}
