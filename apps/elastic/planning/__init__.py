"""The scaling decision: pure, and the very code that `bench/elastic` simulates.

    memory = Memory()                       # or Memory.from_json(checkpoint)
    decision = decide(policy, memory, seen) # every tick (5 s), for every job that has a policy
    if decision.wanted != seen.wanted:      # absolute: ask for it again as often as needed
        job_scale(instances=decision.wanted, …)

`decide` brings `memory` up to date in place (`memory.copy()` for a what-if) and reads no clock: `seen.now_s`. Whether a
decision is carried out (dry run, pause, another operation on the job) is the caller's; the next observation tells what
came of it. What cannot be carried out now is `put_off`: growing is still wanted by the next one (`still_waiting`).
Memory is empty after a restart without a checkpoint: what is not known can only hold or grow.

During a publish (`publishing`) nothing shrinks; growing is asked for at once, for load does not wait: the caller tries
again with the newest number while the job is held. A schedule's `floor` is a least number beside `min`; its `exact`
number is kept to whatever the metrics say. Both stay within `max`, quota and room, and `clamps` says what was cut.
Bad data (stale, partial or missing samples, a source that is away, starting or unhealthy instances) holds or grows.

`backtest(policy, history, limits=limits_of(today))` replays recorded samples through a policy.

A verdict, a clamp and the reason of a wish are codes with values, put into words elsewhere. The catalogue:

reasons of a wish, and verdicts when nothing held it
    above {value, limit, high, low}     threshold: `high` consecutive samples above the limit → + step
    below {value, limit, high, low}     threshold: `low` consecutive samples below → − step
    between {value, high, low}          threshold: neither rule has fired
    target {value, target, wish}        target: the load over the target
    trend {value, target, wish}         target: the load as it will be when an instance ordered now serves
    saturated {value, target, wish}     target: CPU at 100 %, so that there may be more load than it shows
    predicted {value, target, wish}     target: the load that the past weeks had at this time
    within {value, target}              target: near enough, nothing to do
    window {value, target, wish, peak, ago_s}   wants `wish`, but wanted `peak` ago_s seconds ago
    no_samples {}, stale {age_s}, partial {silent}, source_away {}      has nothing to say: nothing shrinks
    young {wish, left_s}                samples come again, but not yet for a whole window: nothing shrinks
    exact {instances}                   a schedule's exact number
    no_metrics {}                       a policy of schedules alone
verdicts that hold (`wish` is the number that was wanted)
    unknown {wish, metric, why, …}      would shrink, but this metric has nothing to say (`why`: a code above)
    publishing {wish}, starting {wish, starting}, unhealthy {wish, unhealthy}
    cooldown_out {wish, left_s}, cooldown_in {wish, left_s}, pace {wish, left_s}
    approval {wish}                     more than one step down, and the policy waits for a person
    again {wish}                        decided a moment ago, and could not be asked for yet
clamps: {wish, to}
    min, max, floor, quota, capacity, grow_max, step
"""

from apps.elastic.planning.backtest import Backtest, backtest, limits_of
from apps.elastic.planning.deciding import decide
from apps.elastic.planning.memory import Memory
from apps.elastic.planning.values import (
    Decision,
    Metric,
    MetricPolicy,
    Mode,
    Observation,
    Policy,
    Reason,
    Rule,
    Sample,
    Shrinking,
    Wish,
)
from apps.elastic.planning.waiting import called_off, put_off, still_waiting

__all__ = [
    "Backtest",
    "Decision",
    "Memory",
    "Metric",
    "MetricPolicy",
    "Mode",
    "Observation",
    "Policy",
    "Reason",
    "Rule",
    "Sample",
    "Shrinking",
    "Wish",
    "backtest",
    "called_off",
    "decide",
    "limits_of",
    "put_off",
    "still_waiting",
]
