"""Proves and verifies one network with ezkl, in a process of its own; prints JSON.

Arguments: model, input, directory for keys. Weights and inputs are private to the prover, outputs are
public, scales are found by ezkl's calibration.
"""

import json
import os
import pathlib
import resource
import sys
import time

import ezkl


def timed(work, *arguments, **named):
    clock = time.monotonic()
    result = work(*arguments, **named)
    return result, time.monotonic() - clock


def main():
    model, data, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    file = lambda name: str(work / name)
    arguments = ezkl.PyRunArgs()
    arguments.input_visibility = "public"
    arguments.param_visibility = "private"
    arguments.output_visibility = "public"

    def setup():
        ezkl.gen_settings(model, file("settings.json"), py_run_args=arguments)
        ezkl.calibrate_settings(data, model, file("settings.json"), "resources", max_logrows=24)
        ezkl.compile_circuit(model, file("circuit"), file("settings.json"))
        rows = json.loads(pathlib.Path(file("settings.json")).read_text())["run_args"]["logrows"]
        ezkl.gen_srs(file("srs"), rows)
        ezkl.setup(file("circuit"), file("vk"), file("pk"), file("srs"))
        return rows

    def prove():
        ezkl.gen_witness(data, file("circuit"), file("witness.json"))
        ezkl.prove(file("witness.json"), file("circuit"), file("pk"), file("proof.json"), file("srs"))

    def verify():
        return ezkl.verify(file("proof.json"), file("settings.json"), file("vk"), file("srs"))

    rows, setup_seconds = timed(setup)
    _, prove_seconds = timed(prove)
    verified, verify_seconds = timed(verify)
    proof = json.loads(pathlib.Path(file("proof.json")).read_text())
    hexadecimal = proof.get("hex_proof") or ""
    size = len(hexadecimal.removeprefix("0x")) // 2 or len(proof["proof"])
    print(
        json.dumps(
            {
                "version": ezkl.__version__ if hasattr(ezkl, "__version__") else None,
                "log2_rows": rows,
                "setup": setup_seconds,
                "prove": prove_seconds,
                "verify": verify_seconds,
                "verified": bool(verified),
                "proof_bytes": size,
                "key_bytes": os.path.getsize(file("pk")),
                "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
            }
        )
    )


if __name__ == "__main__":
    main()
