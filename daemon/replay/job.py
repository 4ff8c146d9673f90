"""One replay from files to a report: reads the config and the alerts, runs the engine, puts the report together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from daemon.config.load import ConfigFaults, LoadedConfig, load_config
from daemon.replay.catalogues import stored_catalogues, with_balances
from daemon.replay.model import Progress, ReplayFault, ReplayInput, ReplayResult
from daemon.replay.remarks import all_outside, remarks, when
from daemon.replay.report import Asked, Report, config_facts, report_of
from daemon.replay.runner import replay_settings, run_replay
from daemon.replay.signals import Signals, read_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to replay. Every path is of a file that is only read."""

    config: Path
    candles: Path
    signals: Path
    seed: int
    skip_bad: bool = False


def run_job(job: Job, environ: Mapping[str, str], on_progress: Callable[[Progress], None] | None = None) -> Report:
    """ReplayFault where it cannot be done, with the words for a person; a faulty config is one, too."""
    loaded = load_config(job.config, environ)
    if isinstance(loaded, ConfigFaults):
        raise ReplayFault(str(loaded))
    return _run(job, loaded, on_progress)


def _run(job: Job, config: LoadedConfig, on_progress: Callable[[Progress], None] | None) -> Report:
    signals = read_signals(job.signals, config.settings.sources, skip_bad=job.skip_bad)
    catalogues, settings = stored_catalogues(config), with_balances(config.settings)
    replay = ReplayInput(
        settings=settings,
        candles=job.candles,
        signals=signals.alerts,
        seed=job.seed,
        instruments=catalogues.instruments,
    )
    result = run_replay(replay, on_progress=on_progress)
    if all_outside(signals.alerts, result):
        raise ReplayFault(_outside(signals, result))
    asked = Asked(
        config=config_facts(config),
        accounts=config.settings.accounts,
        settings=replay_settings(settings),
        signals=signals,
        seed=job.seed,
        version=own_version(),
        notes=(*catalogues.notes, *_skipped(signals), *remarks(config.settings, signals.alerts, result)),
    )
    return report_of(asked, result)


def _skipped(signals: Signals) -> list[str]:
    words = [f"left out: {words}" for words in signals.skipped]
    more = signals.skipped_count - len(signals.skipped)
    return [*words, f"left out: {more} more lines of {signals.name}"] if more else words


def _outside(signals: Signals, result: ReplayResult) -> str:
    times_ms = [alert.time_ms for alert in signals.alerts]
    where = "before the candles begin" if times_ms[-1] < result.start_ms else "outside the time the candles cover"
    return (
        f"{signals.name}: every signal is {where}, so nothing would happen: the signals are of "
        f"{when(times_ms[0])} to {when(times_ms[-1])} UTC, the candles of {when(result.start_ms)} to "
        f"{when(result.end_ms)} UTC"
    )


def own_version() -> str:
    try:
        return version("terrace")
    except PackageNotFoundError:
        return "unknown"
