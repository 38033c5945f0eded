"""Prints what run.py measured: one line a case, and the bars.  table.py FILE... [--emulated]"""

import json
import math
import sys

VLLM = ("vllm-like", "vllm-like, draft's law given")


def key_of(row):
    return f"{row['case']} {row['shape']}"


def read(paths):
    """The last line of each case; without one that an end in the middle left half written."""
    rows = {}
    for path in paths:
        with open(path) as file:
            rows |= {key_of(row): row for row in (json.loads(line) for line in file if line.endswith("\n"))}
    return list(rows.values())


def seconds(row, name, how="cold"):
    """Of ours, measured before and after the peers: the slower."""
    times = [row["times"].get(n, {}).get(how) for n in ([name, "ours again"] if name == "ours" else [name])]
    numbers = [t for t in times if isinstance(t, float)]
    return max(numbers) if numbers else math.nan


def best(row, names):
    return min((t for t in (seconds(row, name) for name in names) if not math.isnan(t)), default=math.nan)


def microseconds(row, how):
    value = seconds(row, "ours", how)
    return "-" if math.isnan(value) else f"{value * 1e6:.1f}"


def peer_text(row, name):
    """How many times as long as ours; as a graph over ours as a graph, too."""
    times = row["times"][name]
    if "failed" in times:
        return f"{name}: {times['failed']}"
    ratios = [f"{seconds(row, name, how) / seconds(row, 'ours', how):.2f}x" for how in ("cold", "graph") if isinstance(times.get(how), float)]
    return f"{name} {' (graph '.join(ratios)}{')' if len(ratios) > 1 else ''}"


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def bars(rows, read_ceiling):
    """(what, value, bound, whether more is better) for each bar."""
    by_case = lambda name, words="": [r for r in rows if r["case"] == name and words in r["shape"]]
    for row in by_case("distill forward", "bfloat16"):
        yield f"distill forward {row['shape']}: share of the read ceiling", row["floor"] / seconds(row, "ours") / read_ceiling, 0.90, True
    step = by_case("forward, select, backward", "bfloat16")
    ratios = [best(row, ("torch.compile", "triton")) / seconds(row, "ours") for row in step]
    for row, ratio in zip(step, ratios):
        yield f"forward, select, backward {row['shape']}: over the best tuned peer", ratio, 0.98, True
    yield "forward, select, backward: over the best tuned peer, geometric mean", geomean(ratios), 1.05, True
    for row in step:
        yield f"forward, select, backward {row['shape']}: over torch.compile", seconds(row, "torch.compile") / seconds(row, "ours"), 2, True
        yield f"forward, select, backward {row['shape']}: over the published code", seconds(row, "published") / seconds(row, "ours"), 20, True
    for row in by_case("KL and gradient, all rows"):
        yield f"all rows {row['shape']}: over the best two-read peer", best(row, ("torch.compile", "triton")) / seconds(row, "ours"), 1.4, True
    for row in by_case("verify", "b 64 "):
        yield f"verify {row['shape']}: over the vLLM-like pipeline", best(row, VLLM) / seconds(row, "ours"), 3, True
        if "v 50304" in row["shape"]:
            yield f"verify {row['shape']}: us", seconds(row, "ours", "graph") * 1e6, 25, False
    for row in by_case("verify", "b 1 "):
        if "v 50304" in row["shape"]:
            yield f"verify {row['shape']}: us", seconds(row, "ours", "graph") * 1e6, 12, False


def print_table(rows, emulated):
    ceilings = [row for row in rows if row["case"] == "ceilings"]
    cases = [row for row in rows if row["case"] != "ceilings"]
    names = list(dict.fromkeys(row["case"] for row in cases))
    cases.sort(key=lambda row: names.index(row["case"]))
    copy, read_ceiling = (max(row[key] for row in ceilings) for key in ("copy", "read"))
    print(ceilings[-1]["device"])
    if emulated:
        print("emulated: not a measurement. The kernels run on a processor, thread by thread; the times below only show that every case runs.")
    print(f"ceilings of this run: copy {copy / 1e9:.0f} GB/s, reading {read_ceiling / 1e9:.0f} GB/s")
    print("us of ours: as called with cold caches (buffers rotated), warm, as a CUDA graph; its bytes once over that time, in GB/s and of the "
          "ceilings;")
    print("peers: how many times as long, as called. Ours is measured before and after the peers, and the slower counts.")
    last = None
    for row in cases:
        if row["case"] != last:
            last = row["case"]
            print(f"\n{last:<44} {'cold':>9} {'warm':>9} {'graph':>9} {'GB/s':>6} {'copy':>5} {'read':>5}  peers")
        rate = row["floor"] / seconds(row, "ours")
        figures = " ".join(f"{microseconds(row, how):>9}" for how in ("cold", "warm", "graph"))
        peers = ", ".join(peer_text(row, name) for name in row["times"] if not name.startswith("ours"))
        print(f"  {row['shape']:<42} {figures} {rate / 1e9:6.0f} {rate / copy:5.0%} {rate / read_ceiling:5.0%}  {peers}")
        if "failed" in row["times"]["ours"]:
            print(f"  ours FAILED: {row['times']['ours']['failed']}")
    print("\nbars")
    for what, value, bound, more in bars(cases, read_ceiling):
        holds = "not measured" if emulated or math.isnan(value) else "holds" if (value >= bound if more else value <= bound) else "does not hold"
        print(f"  {what:<88} {value:8.2f}   (at {'least' if more else 'most'} {bound:g}: {holds})")


if __name__ == "__main__":
    print_table(read([a for a in sys.argv[1:] if not a.startswith("--")]), "--emulated" in sys.argv)
