"""`python -m lake_local run|demo|status|etl|rollback|verify|data|provision|guide|worker|java`."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from lake_core.errors import LakeError, SettingsError
from lake_core.names import Domain
from lake_core.settings import load
from lake_core.stopping import StopSignal
from lake_local import aws, batch, demo, status, verification
from lake_local.data_set import generated_file
from lake_local.directory import LakeDirectory
from lake_local.guide import guide
from lake_local.http_client import HttpClient
from lake_local.java import find_java
from lake_local.provision import provision
from lake_local.runner import Request, run_forever, run_lake
from lake_local.running import require_running
from lake_local.settings import PREFIX, Settings, port

CHECKOUT = Path(__file__).resolve().parents[3]


def main(arguments: list[str]) -> int:
    """Run one of the commands; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = load(Settings, PREFIX, os.environ)
        if getattr(options, "port", None) is not None:
            settings = dataclasses.replace(settings, api_port=options.port)
        return {
            "run": _run,
            "demo": _demo,
            "data": _data,
            "provision": _provision,
            "java": _java,
            "verify": _verify,
            "guide": _guide,
            "status": _status,
            "etl": _etl,
            "rollback": _rollback,
            "worker": _worker,
        }[options.command](options, settings)
    except LakeError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, SettingsError) else 1
    except OSError as error:  # a full disk, a folder that may not be written
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"error: {where}{error.strerror or error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lake_local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "run": "start the whole lake: the data set, then a live trickle",
        "demo": "send the data set through the whole lake once and check every row",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text, description=text)
        for domain in Domain:
            command.add_argument(f"--{domain}-csv", type=Path, metavar="FILE", help="your own CSV")
        command.add_argument("--port", type=port, help="of the API on 127.0.0.1; 0: any free one")
    data = commands.add_parser("data", help="write the generated CSVs, unless they are there")
    data.add_argument("--domain", choices=[str(domain) for domain in Domain], help="only this one")
    commands.add_parser("provision", help="make what the lake stands on at AWS_ENDPOINT_URL")
    commands.add_parser(
        "verify", help="prove of the lake, running or left on disk, that it is whole"
    )
    guided = commands.add_parser("guide", help="tell what goes on in a lake, until stopped")
    guided.add_argument("--api", required=True, metavar="URL", help="of the API")
    guided.add_argument("--shown", metavar="URL", help="the same as a person types it")
    commands.add_parser("status", help="the running lake on one screen; 1 if something is wrong")
    commands.add_parser("etl", help="run the batch workflow of the running lake, and watch it")
    rollback = commands.add_parser("rollback", help="take a curated table a snapshot back")
    rollback.add_argument("--table", required=True)
    commands.add_parser("worker", help="do the steps of the batch workflow; ends on SIGTERM")
    commands.add_parser("java", help="print the Java runtime that the KCL is run with")
    return parser


def _request(options: argparse.Namespace, settings: Settings) -> Request:
    files = {domain: getattr(options, f"{domain}_csv") for domain in Domain}
    return Request(CHECKOUT, settings, files, os.environ)


def _run(options: argparse.Namespace, settings: Settings) -> int:
    run_lake(_request(options, settings), run_forever, trickle=True)
    print("stopped; nothing is left running")
    return 0  # being asked to stop is how this ends well


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    code = run_lake(_request(options, settings), demo.run_demo, trickle=False)
    if code == 0:
        directory = LakeDirectory(settings.directory)
        answers = msgspec.json.decode(directory.answers.read_bytes())
        demo.print_insights(answers["/v1/insights/integrated"], Console())
        print(f"every answer: {directory.answers}\nthe objects:  {directory.objects}")
    return code


def _data(options: argparse.Namespace, settings: Settings) -> int:
    for domain in [Domain(options.domain)] if options.domain else list(Domain):
        print(generated_file(domain, settings).write())
    return 0


def _provision(options: argparse.Namespace, settings: Settings) -> int:
    del options
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise SettingsError("AWS_ENDPOINT_URL is missing: the URL of the emulator to provision")
    for fact in provision(aws.clients(batch.emulated(endpoint, os.environ)), settings):
        print(fact)
    return 0


def _verify(options: argparse.Namespace, settings: Settings) -> int:
    del options
    return verification.verify(CHECKOUT, LakeDirectory(settings.directory), os.environ)


def _guide(options: argparse.Namespace, settings: Settings) -> int:
    del settings
    with StopSignal() as stop:
        guide(options.api, options.shown or options.api, print, stop.event)
    return 0


def _status(options: argparse.Namespace, settings: Settings) -> int:
    del options
    directory = LakeDirectory(settings.directory)
    facts = require_running(directory)
    states = aws.clients(batch.emulated(facts.aws, os.environ)).states
    found = status.look(directory, HttpClient(facts.api), facts.api, states)
    Console(highlight=False).print(status.render(found))
    return 1 if found.problems else 0


def _etl(options: argparse.Namespace, settings: Settings) -> int:
    del options
    return batch.run_etl(LakeDirectory(settings.directory), os.environ)


def _rollback(options: argparse.Namespace, settings: Settings) -> int:
    directory = LakeDirectory(settings.directory)
    return batch.roll_back(CHECKOUT, directory, options.table, os.environ)


def _worker(options: argparse.Namespace, settings: Settings) -> int:
    del options, settings
    return batch.run_worker(os.environ)


def _java(options: argparse.Namespace, settings: Settings) -> int:
    del options, settings
    print(find_java(os.environ))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
