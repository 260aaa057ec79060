"""How time and memory of a report go with the number of outcomes."""

import multiprocessing
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from cotfaith.bench.contest import MEGABYTE, Row
from cotfaith.bench.synthetic import design_of, write_run
from cotfaith.report.report import write_report
from cotfaith.store.store import FILE_NAME, Store

SIZES = (50_000, 267_000, 1_000_000, 3_000_000, 10_000_000)
KILOBYTE = 1024


def analysis(most: int) -> Iterator[Row]:
    """Write runs of ever more outcomes and report on each in a process of its own; yield what that takes."""
    for size in (size for size in SIZES if size <= most):
        with TemporaryDirectory() as name:
            folder = Path(name)
            started = time.process_time()
            write_run(folder, design_of(size))
            writing = time.process_time() - started
            with closing(Store.open(folder)) as store:
                outcomes = store.counted()["outcomes"]
            yield {
                "along": "outcomes",
                "outcomes": outcomes,
                **_alone(folder),
                "written_per_second": outcomes / writing,
                "bytes_an_outcome": (folder / FILE_NAME).stat().st_size / outcomes,
            }


def _alone(folder: Path) -> Row:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(reported, folder).result()


def reported(folder: Path) -> Row:
    """Report on a run; return the seconds, those of all processors, and the most memory that it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    with closing(Store.open(folder)) as store:
        write_report(store)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KILOBYTE
    return {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_megabytes": peak / MEGABYTE,
    }
