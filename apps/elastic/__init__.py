"""Scaling: how many instances a job has, decided by its metrics and by the clock.

planning/     the scaling decision; pure, so that the simulator and the backtest run the very same code
loop/         the control loop (`manage.py autoscale`): reads, decides, records and acts every five seconds
schedules/    scaling by time: a calendar of Ocean's own, for which Chronos only rings
falcon/       what Ocean keeps in Open-Falcon (templates, host groups), and the callback that Falcon's alarm calls
policies      the fields of a policy, as the API and the form take them, and their translation for `planning`
services/     what people do with policies (save, delete, pause, approve), and what follows a job that moves
selectors     reading, scoped to the person
sources       a cluster's row becomes its `engines.metrics` source
agent         the account in whose name the loop acts
words         decisions, which are codes and values, as sentences in the reader's language
standing      how a job's scaling stands now, in a sentence
telling       what the notification groups hear of the loop
history       past samples, sizes and decisions of a job; `charting` draws them, `backtesting` replays them

The doors are as everywhere: `api/`, `forms/`, `views/`, `tables`, `filters`, `admin`, `tasks`, `topics`. Each `wiring`
says what is listened to and registered when Django starts.
"""
