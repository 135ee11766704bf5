"""The second verifier: trees of models, and predictions of the models of a tree, after the notes.

    python3 tests/verifier verify DIR...
    python3 tests/verifier verify-prediction DIR FILE...

Prints an object in JSON a line: of a tree, why nodes are refused (null if they are not) and files are damaged;
of a prediction, why it is refused. The exit status is 0 if everything is verified, 1 if something is not, 2
for wrong usage."""

import json
import sys
from pathlib import Path

from errors import Refused
from predictions import verify_prediction
from tree import Tree


def verdict_on_tree(directory):
    report = {"tree": directory, "verified": False, "nodes": {}, "damage": {}}
    try:
        tree = Tree(directory)
        report["verified"] = tree.verify()
    except Refused as error:
        return report | {"damage": {"": str(error)}}
    nodes = dict.fromkeys(tree.origins) | tree.refused
    report["nodes"] = {identity.hex(): reason for identity, reason in nodes.items()}
    return report | {"damage": dict(tree.damage)}


def verdict_on_prediction(tree, file):
    report = {"file": file, "verified": True, "reason": None}
    try:
        verify_prediction(tree, Path(file).read_bytes())
        return report
    except Refused as error:
        return report | {"verified": False, "reason": str(error)}


def main(command, first, *more):
    if command == "verify":
        reports = map(verdict_on_tree, (first, *more))
    else:
        tree = Tree(first)
        tree.verify()
        reports = (verdict_on_prediction(tree, file) for file in more)
    all_verified = True
    for report in reports:
        all_verified &= report["verified"]
        print(json.dumps(report), flush=True)
    return 0 if all_verified else 1


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("verify", "verify-prediction"):
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    sys.exit(main(*sys.argv[1:]))
