"""A job as a document, to keep beside its code."""

from __future__ import annotations

import click

from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, jobs_completed
from ocean_cli.session import Session, pass_session

PARTS = ("product_line", "service", "cluster", "name", "spec")


@command("export")
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True, shell_complete=jobs_completed)
@click.option("--instances", is_flag=True, help="With the number of instances that is wanted now.")
@pass_session
def export(session: Session, jobs: tuple[str, ...], instances: bool) -> None:
    """Print jobs as documents for publish and apply.

    As YAML, or with -o json as a list. Without --instances the number is left out, so that applying the document does
    not undo a scaling."""
    documents = []
    for name in jobs:
        row = session.api.get(path_of(resolve(session.api, name)))
        document = {part: row[part] for part in PARTS}
        document["spec"] = {key: value for key, value in row["spec"].items() if key != "instances"}
        if instances:
            document["spec"]["instances"] = row["instances"]["wanted"]
        documents.append(document)
    if session.out.format == "json":
        session.out.data(documents)
        return
    session.out.format = "yaml"
    for number, document in enumerate(documents):
        if number:
            click.echo("---")
        session.out.data(document)
