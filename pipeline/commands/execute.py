"""What the main command does: configure, build, run, watch, report."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import yaml

from detector.terminal import printable_lines, unfailing_output
from detector.text_file import write_text
from pipeline.assembly.run import build
from pipeline.config import Flag, RunConfig, load_config
from pipeline.log import log_on_terminal
from pipeline.monitor.display import watch
from pipeline.monitor.malloc_trim import MallocTrim
from pipeline.monitor.signals import Interrupt
from pipeline.monitor.watchdog import USUAL_SECONDS, Watchdog
from pipeline.process_settings import apply_process_settings
from pipeline.refinement.two_passes import TwoPasses
from pipeline.report.complaints import complaints, exit_code, opening_failure
from pipeline.report.summary import summary
from pipeline.run import Run, run_figures
from pipeline.shown_config import shown_config

log = logging.getLogger("framelane")

CONFIGURATION_KEYS = {  # parameter of `framelane run` -> keys of the value that it sets
    "model": ("model", "name"),
    "engine": ("model", "engine"),
    "device": ("model", "device"),
    "imgsz": ("model", "imgsz"),
    "conf": ("detect", "conf"),
    "iou": ("detect", "iou"),
    "classes": ("detect", "classes"),
    "agnostic": ("detect", "agnostic"),
    "tracker": ("tracker", "name"),
    "camera_motion": ("tracker", "camera_motion"),
    "refine": ("tracker", "refine"),
    "sources": ("sources",),
    "outputs": ("outputs",),
    "stride": ("sources", "*", "stride"),
    "max_frames": ("sources", "*", "max_frames"),
    "realtime": ("sources", "*", "realtime"),
    "serve": ("serve", "address"),
    "watchdog": ("watchdog",),
    "max_age": ("sources", "*", "max_age"),
}


def configure(path: Path | None, parameters: Mapping[str, Any]) -> RunConfig:
    """Return the configuration in the file `path`, overridden by the command line.

    parameters: the value of each key of CONFIGURATION_KEYS; None or () if it was not given
    Raises UsageError.
    """
    displayed = {"outputs": "--output", "sources": "SOURCES"}  # unlike their parameters
    flags = [
        Flag(displayed.get(name, f"--{name.replace('_', '-')}"), keys, parameters[name])
        for name, keys in CONFIGURATION_KEYS.items()
        if parameters[name] not in (None, ())
    ]
    return load_config(path, flags)


def as_yaml(config: RunConfig) -> str:
    """Return the effective configuration as YAML; possible credentials are shown as ***."""
    return str(yaml.safe_dump(shown_config(config), sort_keys=False))


def schema() -> str:
    """Return the JSON schema of a configuration file."""
    return json.dumps(RunConfig.model_json_schema(), indent=2)


def execute(config: RunConfig, stats_json: Path | None, file: Path | None = None) -> int:
    """Run to the end, print the summary, and return the exit code.

    stats_json: where all figures are written
    file: where the configuration is from; None: from options alone
    Raises UsageError for every mistake that shows before anything starts.
    """
    apply_process_settings()
    if config.tracker.refine:
        return _execute_twice(config, stats_json, file)
    built = build(config, more=config.serve is not None)
    if stats_json:
        built.reserve(stats_json, "--stats-json")
    # This Interrupt is for the report. The run has one of its own, so that after the signal that
    # stopped it one more does not end the process while the report is written.
    with unfailing_output(), log_on_terminal(), Interrupt(built.pipeline):
        _run(built, config, file)
        return _report(built, stats_json)


def _execute_twice(config: RunConfig, stats_json: Path | None, file: Path | None) -> int:
    """Do the same in two passes, for refined tracks."""
    passes = TwoPasses(config)
    first, second = passes.first, passes.second
    if stats_json:
        second.reserve(stats_json, "--stats-json")
    with unfailing_output(), log_on_terminal(), Interrupt(second.pipeline):
        click.echo("pass 1 of 2: detect", err=True)
        stopped = _run(first, config, file)
        if first.pipeline.failures or stopped:
            _complain(first)
            click.echo("Error: ended in the first of two passes: nothing was written", err=True)
            return 1
        click.echo("pass 2 of 2: write the refined tracks", err=True)
        passes.refine()
        _run(second, config, file)
        return _report(second, stats_json)


def _run(built: Run, config: RunConfig, file: Path | None) -> bool:
    """Run to the end; return whether a signal has asked for it."""
    pipeline = built.pipeline
    with ExitStack() as around:
        interrupt = around.enter_context(Interrupt(pipeline))
        watchdog = Watchdog(
            pipeline,
            lambda: built.streams,
            config.watchdog or USUAL_SECONDS,
            give_up=interrupt.give_up if config.watchdog else None,
        )
        if config.serve:
            from pipeline.web.serving import web_server  # which imports the server's packages

            around.enter_context(web_server(built, config, lambda: watchdog.hanging, file))
        pipeline.start()
        try:
            watch(built, interrupt.obey, watchdog.look, MallocTrim().look)
        except Exception:  # a bug: the threads must end nevertheless
            log.exception("the main thread failed while it waited for the run, so the run ends")
            interrupt.give_up()
        pipeline.join()
        return interrupt.asked


def _report(built: Run, stats_json: Path | None) -> int:
    """Write the report, the most durable form first, and return the exit code."""
    report = run_figures(built)
    try:
        if stats_json:
            write_text(stats_json, json.dumps(report, indent=2) + "\n", "--stats-json")
    finally:
        if opening_failure(built.pipeline) is None:  # otherwise all its figures are 0
            click.echo(summary(report))
        _complain(built)
    return exit_code(built.pipeline, built.streams)


def _complain(built: Run) -> None:
    """Print what went wrong."""
    for line in complaints(built.pipeline, built.streams):
        click.echo(printable_lines(line), err=True)
