"""Every policy of the comparison by its name, made for a set-point (0.4 to 0.8 of what an instance can do)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.elastic.baselines import (
    AwsTargetTracking,
    FalconSlides,
    PaastaHpa,
    PaastaPid,
    PaastaProportional,
    Slides,
    hpa_cpu,
    hpa_rate,
    hpa_rate_5s,
)
from bench.elastic.model import Scaler
from bench.elastic.ocean import Ocean

SET_POINTS = (0.40, 0.45, 0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80)
REFERENCE = "hpa_rate"


@dataclass(frozen=True, slots=True)
class Contestant:
    """`usual`: its own default set-point."""

    label: str
    make: Callable[[float], Scaler]
    usual: float = 0.60


POLICIES: dict[str, Contestant] = {
    "ocean": Contestant("Ocean, request rate", Ocean),
    "ocean_cpu": Contestant("Ocean, CPU", lambda set_point: Ocean(set_point, metric="cpu")),
    "slides": Contestant("slide's rule (3 x 10 s, +1/-1)", Slides, 0.80),
    "slides_falcon": Contestant("the same by stock Falcon events", FalconSlides, 0.80),
    "hpa_cpu": Contestant("HPA, CPU", hpa_cpu),
    REFERENCE: Contestant("HPA, request rate", hpa_rate),
    "hpa_rate_5s": Contestant("HPA, request rate, 5 s loop", hpa_rate_5s),
    "paasta": Contestant("PaaSTA, proportional", PaastaProportional, 0.80),
    "paasta_pid": Contestant("PaaSTA, PID", PaastaPid, 0.80),
    "paasta_hpa": Contestant("PaaSTA on HPA", PaastaHpa, 0.80),
    "aws": Contestant("AWS target tracking", AwsTargetTracking),
}
