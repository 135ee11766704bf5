"""Runs the comparison; see `run.sh`."""

import argparse
import datetime
import itertools
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import sys

import matplotlib
import models

matplotlib.use("svg")
# Equal figures give equal files.
matplotlib.rcParams["svg.hashsalt"] = "zktree"
import matplotlib.pyplot as plt  # noqa: E402

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / "target" / "compare"
EZKL_MEMORY = 16 << 30

# Preset, curve, whether the proof hides.
ALL = list(itertools.product(["compact", "paper"], ["bls12-381", "pallas"], [True, False]))
MAIN = [("compact", "bls12-381", True), ("compact", "pallas", True)]
SOME = MAIN + [("compact", "pallas", False), ("paper", "bls12-381", True)]


def ours(model, batch, preset, curve, hiding):
    command = [ROOT / "target/release/examples/inference", "--model", model, "--json"]
    command += ["--batch", str(batch), "--preset", preset, "--curve", curve]
    command += ["--repeat", "1" if batch * os.path.getsize(model) > 1 << 27 else "3"]
    command += [] if hiding else ["--no-hiding"]
    result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {
        "system": f"zktree {preset} {curve}{' ' if hiding else ' not '}hiding",
        "setup": result["commit"] + result["prove_range"],
        "prove": result["prove"],
        "verify": result["verify"],
        "proof_bytes": result["proof_bytes"],
        # What the verifier keeps of a model.
        "key_bytes": result["commitment_bytes"] + result["range_bytes"],
        "peak_memory": result["peak_memory"],
    }


def ezkl(model, data, seconds):
    """One case, within limits of time and memory."""
    keys = WORK / "keys"
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (EZKL_MEMORY, EZKL_MEMORY))
    command = [sys.executable, HERE / "ezkl_case.py", model, data, keys]
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=seconds, preexec_fn=limit, cwd=WORK, text=True
        )
    except subprocess.TimeoutExpired:
        return {"system": "ezkl", "failed": f"over {seconds} s"}
    finally:
        shutil.rmtree(keys, ignore_errors=True)
    if done.returncode != 0:
        return {"system": "ezkl", "failed": f"over {EZKL_MEMORY >> 30} GiB, or an error"}
    result = json.loads(done.stdout.strip().splitlines()[-1])
    assert result["verified"]
    return {"system": f"ezkl {result['version']}", **result}


def measure(options):
    cases = [(w, b, ALL, True) for w in models.SMALL for b in (1, 64, 256)]
    cases += [(w, b, SOME, False) for w in models.LARGE for b in (1, 256)]
    if options.quick:
        cases = [(w, b, MAIN, True) for w in models.SMALL for b in (1, 64)]
    results = []
    too_long = set()
    kept = {}
    if options.keep_ezkl:
        old = json.loads((HERE / "results.json").read_text())
        kept = {(r["network"], r["batch"]): r for r in old if "ezkl" in r["system"]}
    for widths, batch, configurations, with_ezkl in cases:
        model, data = models.write(WORK, widths, batch)
        found = [ours(model, batch, *configuration) for configuration in configurations]
        # What was too much for a smaller batch is too much for a larger one.
        if with_ezkl and options.keep_ezkl:
            found.append(kept[models.name(widths), batch])
        elif with_ezkl and widths not in too_long:
            found.append(ezkl(model, data, options.ezkl_seconds))
            if "failed" in found[-1]:
                too_long.add(widths)
        elif with_ezkl:
            found.append({"system": "ezkl", "failed": "not tried, see smaller batches"})
        for result in found:
            result |= {
                "network": models.name(widths),
                "parameters": models.parameters(widths),
                "batch": batch,
            }
            print(json.dumps(result), flush=True)
        results += found
        model.unlink()
        data.unlink()
    return results


def machine():
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    name = names[0] if names else platform.processor()
    return f"{name}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB"


def seconds(value):
    return f"{value:.3f}" if value < 10 else f"{value:.1f}"


def size(value):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= scale:
            return f"{value / scale:.1f} {unit}"
    return f"{value} B"


def table(results):
    lines = []
    groups = itertools.groupby(results, key=lambda r: (r["network"], r["parameters"], r["batch"]))
    for (network, parameters, batch), group in groups:
        lines += [f"\n### {network}, {parameters:,} parameters, batch {batch}\n"]
        lines += ["| system | setup, s | prove, s | prove a sample, s | verify, s | proof | key | memory |"]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for r in group:
            if "failed" in r:
                lines += [f"| {r['system']} | {r['failed']} | | | | | | |"]
                continue
            cells = [seconds(r[k]) for k in ("setup", "prove")]
            cells += [f"{r['prove'] / batch:.4f}", f"{r['verify']:.4f}"]
            cells += [size(r[k]) for k in ("proof_bytes", "key_bytes", "peak_memory")]
            lines += [f"| {r['system']} | {' | '.join(cells)} |"]
    return "\n".join(lines)


PLOTS = {
    "setup": ("setup", "s"),
    "prove": ("proving", "s"),
    "verify": ("verification", "s"),
    "proof_bytes": ("proof", "bytes"),
    "key_bytes": ("key, or commitment with range proof", "bytes"),
    "peak_memory": ("memory", "bytes"),
}


def plot(results, out):
    out.mkdir(exist_ok=True)
    for key, (title, unit) in PLOTS.items():
        figure, axes = plt.subplots(figsize=(7, 4.5))
        shown = [r for r in results if "failed" not in r]
        series = sorted({(r["system"], r["batch"]) for r in shown if is_shown(r)})
        for system, batch in series:
            points = sorted(
                (r["parameters"], r[key]) for r in shown if (r["system"], r["batch"]) == (system, batch)
            )
            style = {1: "-", 256: "--"}[batch]
            axes.plot(*zip(*points), style, marker="o", label=f"{system}, batch {batch}")
        axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel=unit, title=title)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
        figure.tight_layout()
        figure.savefig(out / f"{key}.svg", metadata={"Date": None})
        plt.close(figure)


def is_shown(result):
    main = [f"zktree {preset} {curve} hiding" for preset, curve, _ in MAIN]
    return result["batch"] in (1, 256) and (result["system"] in main or "ezkl" in result["system"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks alone; writes nothing")
    parser.add_argument("--ezkl-seconds", type=int, default=600, help="for one case of ezkl")
    parser.add_argument("--keep-ezkl", action="store_true", help="take its figures from results.json")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    results = measure(options)
    if options.quick:
        print(table(results))
        return
    (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    plot(results, HERE / "plots")
    images = "\n".join(f"![{title}](plots/{key}.svg)" for key, (title, _) in PLOTS.items())
    how, ezkl_rows = f"--ezkl-seconds {options.ezkl_seconds}", ""
    if options.keep_ezkl:
        how, ezkl_rows = "--keep-ezkl", "Rows of ezkl are those of the run before. "
    (HERE / "RESULTS.md").write_text(
        f"# Results\n\nWritten by `benches/compare/run.sh {how}` on {datetime.date.today()}: "
        f"{machine()}. {ezkl_rows}What is compared, and what is not comparable, is in "
        f"[README.md](README.md).\n\n{images}\n{table(results)}\n"
    )


if __name__ == "__main__":
    main()
