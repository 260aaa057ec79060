from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from cotfaith.models.engine import Tokens, common_length
from cotfaith.models.local.batches import Chunk, chunks, left_pad, parts, stacked

SEQUENCES = st.lists(
    st.lists(st.integers(1, 3), min_size=1, max_size=8).map(tuple), min_size=1, max_size=20, unique=True
)


def prefixes(sequences: list[Tokens]) -> set[Tokens]:
    return {sequence[: k + 1] for sequence in sequences for k in range(len(sequence))}


def walked(sequences: list[Tokens], size: int) -> Iterator[tuple[Chunk, list[Tokens]]]:
    """Yield each chunk with the sequence that each of its places is the end of, those that lead to it first."""
    lead: list[Tokens] = []
    for chunk in chunks(sorted(sequences), size):
        assert len(lead) == chunk.before
        for token, parent in zip(chunk.tokens, chunk.parents, strict=True):
            lead.append((*(lead[parent] if parent >= 0 else ()), token))
        yield chunk, lead
        lead = [lead[place] for place in chunk.onward]


@given(SEQUENCES, st.integers(1, 20))
def test_each_distinct_beginning_is_computed_once(sequences: list[Tokens], size: int) -> None:
    computed = [end for chunk, ends in walked(sequences, size) for end in ends[chunk.before :]]
    assert sorted(computed) == sorted(prefixes(sequences))


@given(SEQUENCES, st.integers(1, 20))
def test_every_sequence_ends_once_along_its_own_tokens(sequences: list[Tokens], size: int) -> None:
    ended = []
    for chunk, ends in walked(sequences, size):
        assert len(chunk.tokens) <= size
        for sequence, path in chunk.ends.items():
            assert [ends[place] for place in path] == [sequence[: k + 1] for k in range(len(sequence))]
            assert path[-1] >= chunk.before
            ended.append(sequence)
    assert ended == sorted(sequences)


@given(SEQUENCES, st.integers(1, 20))
def test_a_token_sees_those_before_it_in_its_sequence_and_no_other(
    sequences: list[Tokens], size: int
) -> None:
    for chunk, ends in walked(sequences, size):
        for token, seen in enumerate(chunk.sees()):
            own = ends[chunk.before + token]
            assert [ends[place] for place in seen.nonzero()[0]] == [own[: k + 1] for k in range(len(own))]


@given(SEQUENCES, st.integers(1, 30))
def test_parts_are_all_that_there_is_in_its_order(sequences: list[Tokens], most: int) -> None:
    cut = parts(sequences, most)
    assert [sequence for part in cut for sequence in part] == sequences
    assert len(cut) <= most


def test_rows_are_aligned_where_they_begin_and_filled_up_with_tokens_that_nobody_sees() -> None:
    # Behind two tokens: 7 after the first of them, 8 after the 7. Behind none: a first token 5.
    rows = [Chunk(2, [7, 8], [0, 2]), Chunk(0, [5], [-1])]
    ids, positions, sees = stacked(rows)
    assert ids.tolist() == [[7, 8], [5, 0]]
    assert positions.tolist() == [[1, 2], [0, 0]]
    assert sees[0].int().tolist() == [[1, 0, 1, 0], [1, 0, 1, 1]]
    assert sees[1].int().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_sequences_that_share_nothing_make_a_forest() -> None:
    (whole,) = chunks([(1, 2), (3,)], size=9)
    assert whole == Chunk(0, [1, 2, 3], [-1, 0, -1], {(1, 2): (0, 1), (3,): (2,)})
    first, second = chunks([(1, 2), (3,)], size=2)
    assert (first.onward, second) == ((), Chunk(0, [3], [-1], {(3,): (0,)}))


def test_the_common_length_counts_equal_tokens_from_the_front() -> None:
    assert common_length((1, 2, 3), (1, 2, 4, 3)) == 2
    assert common_length((1, 2), (1, 2, 3)) == 2
    assert common_length((), (1,)) == 0


def test_padding_aligns_the_last_tokens() -> None:
    ids, mask = left_pad([(1, 2, 3), (4,)])
    assert ids.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
