#!/usr/bin/env bash
# Proofs of predictions, beside those of ezkl, on the same networks and inputs. Makes a virtual
# environment in `target`, builds, measures, and writes `benches/compare/RESULTS.md` and its plots.
#
#     benches/compare/run.sh [--quick] [--ezkl-seconds N] [--keep-ezkl]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
venv=target/compare/venv
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check -r benches/compare/requirements.txt
cargo build --release --example inference
exec "$venv/bin/python" benches/compare/run.py "$@"
