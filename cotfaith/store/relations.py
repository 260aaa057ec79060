"""A run of any size, opened for questions of one's own: its tables as relations of DuckDB."""

from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Self

from cotfaith.store.columns import batches
from cotfaith.store.frames import OUTCOME_COLUMNS
from cotfaith.store.store import Store

if TYPE_CHECKING:
    import duckdb

_OF_TRACE = "trace, model, n_params, task, question, cue, arm, target, sample, n_steps, COLUMNS('^original_')"


class Run:
    """The tables of a run, of any size; `with open_run(folder) as run` closes it.

    Each is a relation of DuckDB, read when it is first asked for and kept in a temporary file while the run
    is open: `run.outcomes.filter("NOT same").aggregate("model, count(*)").df()` gives a pandas frame, `.pl()`
    one of polars, `.to_arrow_table()` an Arrow table. They have the columns of `load_run`, with coordinates
    as JSON.
    """

    def __init__(self, folder: Path) -> None:
        import duckdb

        self._store = Store.open(folder)
        self._place = TemporaryDirectory(prefix="cotfaith-")
        self._connection = duckdb.connect(Path(self._place.name) / "run.duckdb")
        self._read = False

    @property
    def traces(self) -> "duckdb.DuckDBPyRelation":
        """One row a sampled reasoning, with the answers with it and without it."""
        return self._table("traces")

    @property
    def outcomes(self) -> "duckdb.DuckDBPyRelation":
        """One row a question asked again after an edit; `original_*` is the trace's own answer."""
        return self._table("outcomes")

    def sql(self, query: str) -> "duckdb.DuckDBPyRelation":
        """Ask in SQL of the tables `traces` and `outcomes`."""
        self._fill()
        return self._connection.sql(query)

    def close(self) -> None:
        """Close the run, and remove its temporary file."""
        self._connection.close()
        self._store.close()
        self._place.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _table(self, name: str) -> "duckdb.DuckDBPyRelation":
        return self.sql(f"FROM {name}")

    def _fill(self) -> None:
        """Read the run, if that has not been done."""
        if self._read:
            return
        queries = {
            "traces": "SELECT * EXCLUDE (place, steps) FROM traces",
            "outcomes": f"SELECT {_OF_TRACE}, {', '.join(OUTCOME_COLUMNS)} FROM outcomes ORDER BY number",
        }
        begun = False
        for batch in batches(self._store):
            for name, query in queries.items():
                self._connection.register("batch", batch.sql(query).to_arrow_table())
                write = f"INSERT INTO {name} FROM batch" if begun else f"CREATE TABLE {name} AS FROM batch"
                self._connection.execute(write)
            begun = True
        self._read = True


def open_run(folder: str | Path) -> Run:
    """Open a run's folder; what is in it is read when it is asked for. InputError where there is no run."""
    return Run(Path(folder))
