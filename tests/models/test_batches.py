from hypothesis import given
from hypothesis import strategies as st

from cotfaith.models.batches import Pack, Tokens, common_length, left_pad, pack, stacked

SEQUENCES = st.lists(
    st.lists(st.integers(1, 3), min_size=1, max_size=8).map(tuple), min_size=1, max_size=20, unique=True
)


def prefixes(sequences: list[Tokens]) -> set[Tokens]:
    return {sequence[: k + 1] for sequence in sequences for k in range(len(sequence))}


@given(SEQUENCES)
def test_each_distinct_beginning_is_one_token_of_a_pack(sequences: list[Tokens]) -> None:
    (whole,) = pack(sequences, size=1000)
    assert len(whole.tokens) == len(prefixes(sequences))
    for sequence, path in whole.paths.items():
        assert tuple(whole.tokens[place] for place in path) == sequence


@given(SEQUENCES, st.integers(1, 20))
def test_small_packs_hold_every_sequence_once(sequences: list[Tokens], size: int) -> None:
    packs = list(pack(sequences, size))
    assert sorted(sequence for one in packs for sequence in one.paths) == sorted(sequences)
    for one in packs:
        assert len(one.tokens) <= max(size, 2 * max(map(len, one.paths)))


@given(SEQUENCES)
def test_a_token_sees_those_before_it_in_its_sequence_and_no_other(sequences: list[Tokens]) -> None:
    (whole,) = pack(sequences, size=1000)
    sees = whole.sees()
    for path in whole.paths.values():
        for k, place in enumerate(path):
            assert set(sees[place].nonzero()[0]) == set(path[: k + 1])


def test_rows_are_filled_up_with_tokens_that_nobody_sees() -> None:
    (first,), (second,) = pack([(7, 8), (7, 9)]), pack([(5,)])
    ids, positions, sees = stacked([first, second])
    assert ids.tolist() == [[7, 8, 9], [5, 0, 0]]
    assert positions.tolist() == [[0, 1, 1], [0, 0, 0]]
    assert sees[0].int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    assert sees[1].int().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_sequences_that_share_nothing_make_a_forest() -> None:
    assert next(pack([(1, 2), (3,)])) == Pack([1, 2, 3], [-1, 0, -1], {(1, 2): (0, 1), (3,): (2,)})


def test_the_common_length_counts_equal_tokens_from_the_front() -> None:
    assert common_length((1, 2, 3), (1, 2, 4, 3)) == 2
    assert common_length((1, 2), (1, 2, 3)) == 2
    assert common_length((), (1,)) == 0


def test_padding_aligns_the_last_tokens() -> None:
    ids, mask = left_pad([(1, 2, 3), (4,)])
    assert ids.tolist() == [[1, 2, 3], [0, 0, 4]]
    assert mask.tolist() == [[1, 1, 1], [0, 0, 1]]
