"""Times of calls on the device, and the ceilings that they are compared with.

On an emulated library (tensors of the processor) the same code runs with a wall clock, to see that it runs: what it gives is no measurement.
"""

import gc
import statistics
import time

import torch

import triton_peers

ROTATED_BYTES = 192 << 20  # over three times the L2 of the largest device of today


class Clock:
    """Medians of samples; each sample calls every one of the rotated functions once and is divided among them."""

    def __init__(self, device, samples=15, warmups=3):
        self.device = device
        self.emulated = device == "cpu"
        self.samples = 1 if self.emulated else samples
        self.warmups = 0 if self.emulated else warmups

    def seconds(self, calls, samples=None):
        """Seconds of one call, launches and waiting of the host included."""
        for call in calls[: 1 if self.emulated else None]:
            call()
        for _ in range(self.warmups):
            calls[0]()
        times = [self._sample(calls)]
        # As many as half a second allows, but a median of five at least where a sample does not take long itself.
        wanted = max(5 if times[0] * len(calls) < 0.5 else 3, min(samples or self.samples, int(0.5 / (times[0] * len(calls)))))
        times += [self._sample(calls) for _ in range(0 if self.emulated else wanted - 1)]
        return statistics.median(times)

    def _sample(self, calls):
        if self.emulated:
            start = time.perf_counter()
            for call in calls:
                call()
            return (time.perf_counter() - start) / len(calls)
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        start.record()
        for call in calls:
            call()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3 / len(calls)

    def graph_seconds(self, make_calls, samples=None):
        """The same as one CUDA graph, which leaves out the host's share. make_calls() binds calls to the stream that is current then."""
        if self.emulated:
            return self.seconds(make_calls(), samples)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for call in make_calls():
                call()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            calls = make_calls()
            for call in calls:
                call()
        return self.seconds([graph.replay], samples) / len(calls)


def rotation(bytes_of_one, emulated):
    """How many sets of buffers make more than the caches hold."""
    return 1 if emulated else max(2, min(256, -(-ROTATED_BYTES // max(bytes_of_one, 1))))


class Missing(RuntimeError):
    """What a peer needs and this machine lacks."""


def attempt(work):
    """(result, None), or (None, why not). Memory that did not suffice is given back and named as that."""
    try:
        return work(), None
    except torch.OutOfMemoryError:
        reason = "out of memory"
    except Missing as e:
        reason = f"skipped, {e}"
    except Exception as e:  # a peer that fails is a line of the table, not the end of the run
        reason = f"{type(e).__name__}: {str(e).strip().splitlines()[0][:100] if str(e).strip() else ''}"
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None, reason


def ceilings(clock):
    """Bytes a second of a copy (reads and writes counted) and of reading alone, the best of the ways tried."""
    count = (1 << 20) if clock.emulated else (1 << 29)  # 2 GiB of f32
    x = torch.ones(count, device=clock.device)
    y = torch.empty_like(x)
    copy = 2 * 4 * count / clock.seconds([lambda: y.copy_(x)])
    rows = x.view(-1, 1 << 14 if clock.emulated else 1 << 16)
    reads = [lambda: torch.sum(x), lambda: torch.amax(rows, dim=1), lambda: torch.sum(rows, dim=1)]
    if triton_peers.READ_SUM is not None and not clock.emulated:
        reads.append(lambda: triton_peers.READ_SUM(x))
    read = max(4 * count / clock.seconds([call]) for call in reads)
    return {"copy": copy, "read": max(read, copy) if not clock.emulated else read}
