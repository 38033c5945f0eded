"""Times one group of cases and adds each to a file as it is measured: what is there already is not measured again.

    run.py GROUP --library LIBRARY --header HEADER --results FILE [--emulated]
"""

import argparse
import faulthandler
import gc
import importlib
import json
import os
import sys

import torch

import abi
import measure
import table

CASE_SECONDS = 150  # compilations of the peers included
GROUPS = {"distill": "distill_cases", "verify": "verify_cases", "others": "other_cases"}


def times(clock, case, make, sets):
    """Seconds as called with rotated buffers; where the case asks for it with the same buffers (warm caches) and as a graph, too."""
    calls = [make(s) for s in sets]
    seconds = {"cold": clock.seconds(calls, case.samples)}
    if case.graph:
        seconds["warm"] = clock.seconds(calls[:1] * len(calls), case.samples)
        graph, reason = measure.attempt(lambda: clock.graph_seconds(lambda: [c.bind() if hasattr(c, "bind") else c for c in calls], case.samples))
        seconds["graph"] = graph if reason is None else reason
    return seconds


def measured(clock, case):
    first = case.inputs(0)
    held = sum(x.numel() * x.element_size() for x in first)
    sets = [first] + [case.inputs(i) for i in range(1, measure.rotation(held, clock.emulated))]
    row = {"case": case.name, "shape": case.shape, "floor": case.floor, "sets": len(sets), "times": {}}
    for name, make in [("ours", case.ours), *case.peers.items(), ("ours again", case.ours)]:
        if not clock.emulated:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        seconds, reason = measure.attempt(lambda: times(clock, case, make, sets))
        row["times"][name] = {"failed": reason} if reason else seconds
        if not clock.emulated and not reason:
            row["times"][name]["bytes"] = torch.cuda.max_memory_allocated() - before
        gc.collect()
    return row


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--library", required=True)
    parser.add_argument("--header", required=True)
    parser.add_argument("--results", required=True)
    parser.add_argument("--emulated", action="store_true")
    options = parser.parse_args()
    device = "cpu" if options.emulated else "cuda"
    ops = abi.Library(options.library, options.header)
    clock = measure.Clock(device)
    rows, broken, failed = [], [], set()
    if os.path.exists(options.results):
        rows = table.read([options.results])
    failed = {table.key_of(row) for row in rows if "failed" in row.get("times", {}).get("ours", {})}
    rows = [row for row in rows if table.key_of(row) not in failed]
    done = {table.key_of(row) for row in rows}
    # Anew, without a line that an end in the middle left half written.
    with open(options.results, "w") as file:
        def write(row):
            file.write(json.dumps(row) + "\n")
            file.flush()

        for row in rows:
            write(row)
        # The ceilings of this run, not of another day: a device's clocks change.
        write({"case": "ceilings", "shape": options.group, "device": name_of(device, ops), **measure.ceilings(clock)})
        cases = [case for case in importlib.import_module(GROUPS[options.group]).cases(ops, device) if case.key not in done]
        # What failed before comes last. A kernel may break the device's context, which ends this process, or never return: hence the line beforehand,
        # in whose place the measured one comes.
        for case in sorted(cases, key=lambda case: case.key in failed):
            write({"case": case.name, "shape": case.shape, "floor": case.floor, "times": {"ours": {"failed": "did not end"}}})
            faulthandler.dump_traceback_later(CASE_SECONDS, exit=True)
            row = measured(clock, case)
            faulthandler.cancel_dump_traceback_later()
            write(row)
            # Without a device there is no reason for a peer to fail but a mistake in it.
            broken += [f"{case.key}, {name}: {t['failed']}" for name, t in row["times"].items()
                       if "failed" in t and (name.startswith("ours") or options.emulated and not t["failed"].startswith("skipped"))]
            print(f"{case.key}: " + ", ".join(f"{name} {describe(t)}" for name, t in row["times"].items()), flush=True)
    if broken:
        sys.exit("\n".join(broken))


def describe(times):
    return times["failed"] if "failed" in times else f"{times['cold'] * 1e6:.1f} us"


def name_of(device, ops):
    if device == "cpu":
        return f"{ops.backend()}; torch {torch.__version__}"
    properties = torch.cuda.get_device_properties(0)
    return f"{properties.name}, {ops.backend()[5:]}; torch {torch.__version__} (CUDA {torch.version.cuda})"


if __name__ == "__main__":
    main()
