from cotfaith.identity import code_key, derive_seed, key
from cotfaith.identity import plain as by_name
from cotfaith.running.options import Study
from cotfaith.schema import Question, Sampling


def test_a_key_depends_on_content_not_on_the_order_of_a_mapping() -> None:
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})


def test_a_key_tells_types_and_groupings_apart() -> None:
    parts = [key("1"), key(1), key("a", "b"), key("ab"), key(["a"], "b"), key(None), key("None")]
    assert len(set(parts)) == len(parts)


def test_a_key_holds_every_field_of_a_dataclass() -> None:
    question = Question("t", "1", "What?", gold="A")
    assert key(question) != key(Question("t", "1", "What?", gold="B"))


def test_a_key_is_the_same_in_every_process_and_version() -> None:
    # Computed once with hashlib alone: blake2b, 16 bytes, of the JSON text ["cotfaith", 1].
    assert key("cotfaith", 1) == "3aeb15d01b00fbd623eb2ecfc7b7fdab"


def test_a_seed_fits_63_bits() -> None:
    assert all(0 <= derive_seed(i) < 2**63 for i in range(100))
    assert len({derive_seed(i) for i in range(100)}) == 100


def test_the_key_of_code_holds_what_it_does_and_not_how_it_is_explained() -> None:
    plain = "def f(x):\n    return x + 1\n"
    explained = '"""Module."""\n\ndef f(x):\n    """Add one."""\n    # really\n    return (x + 1)\n'
    assert code_key(plain) == code_key(explained)
    assert code_key(plain) != code_key("def f(x):\n    return x + 2\n")


def test_a_field_that_came_later_changes_no_key_while_it_says_nothing() -> None:
    before = {"temperature": 0.8, "top_p": 0.95, "max_new_tokens": 256}
    assert key(Sampling()) == key(before)
    assert key(Sampling(top_k=20)) == key({**before, "top_k": 20})
    assert key(Sampling(min_p=0.1)) != key(Sampling())
    assert by_name(Study().sampling) == before == {k: Study().fixed[k] for k in before}
    assert not {"top_k", "min_p", "steps"} & Study().fixed.keys()
    assert {"top_k", "steps"} <= Study(top_k=20, steps="line").fixed.keys()
