"""The second verifier: a tree of models, and predictions of its models, after the notes.

    python3 tests/verifier verify DIR... [--json]
    python3 tests/verifier verify-prediction DIR FILE... [--json]

The exit status is 0 if everything is verified, 1 if something is not, 2 for wrong usage."""

import argparse
import json
import sys
from pathlib import Path

from errors import Refused
from predictions import verify_prediction
from tree import Tree


def verdict_on_tree(directory):
    """What is found, as an object for JSON."""
    report = {"tree": directory, "verified": False, "nodes": {}, "damage": {}}
    try:
        tree = Tree(directory)
        report["verified"] = tree.verify()
    except Refused as error:
        report["damage"][""] = str(error)
        return report
    report["nodes"] = {identity.hex(): None for identity in tree.origins}
    report["nodes"] |= {identity.hex(): reason for identity, reason in tree.refused.items()}
    report["damage"] = dict(tree.damage)
    return report


def verdicts_on_predictions(directory, files):
    tree = Tree(directory)
    tree.verify()
    for file in files:
        try:
            verify_prediction(tree, Path(file).read_bytes())
            yield {"file": file, "verified": True, "reason": None}
        except Refused as error:
            yield {"file": file, "verified": False, "reason": str(error)}


def lines(report):
    """A report for people."""
    yield f"{'verified' if report['verified'] else 'NOT VERIFIED'}: {report.get('tree', report.get('file'))}"
    if report.get("reason"):
        yield f"  {report['reason']}"
    for identity, reason in report.get("nodes", {}).items():
        yield f"  {identity[:12]} {'verified' if reason is None else 'refused: ' + reason}"
    for file, reason in report.get("damage", {}).items():
        yield f"  {ascii(file)[1:-1]}: {reason}"


def main():
    parser = argparse.ArgumentParser(prog="tests/verifier", description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["verify", "verify-prediction"])
    parser.add_argument("directory")
    parser.add_argument("more", nargs="*", help="more trees, or files of predictions")
    parser.add_argument("--json", action="store_true", help="print an object a line")
    options = parser.parse_args()
    if options.command == "verify":
        reports = map(verdict_on_tree, [options.directory, *options.more])
    else:
        reports = verdicts_on_predictions(options.directory, options.more)
    all_verified = True
    try:
        for report in reports:
            all_verified &= report["verified"]
            print(json.dumps(report) if options.json else "\n".join(lines(report)), flush=True)
    except (Refused, OSError) as error:
        parser.error(str(error))
    return 0 if all_verified else 1


if __name__ == "__main__":
    sys.exit(main())
