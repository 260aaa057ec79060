"""Numbers as models write them, by kind, and what each must be read as."""

import pytest

from cotfaith.dialogue.written_numbers import parse_integer, parse_number

READ: dict[str, list[tuple[str, str | None]]] = {
    "mixed numbers and fractions": [
        (" 2 1/2", "2.5"), (" -2 1/2", "-2.5"), (" 1 1/2 cups", "1.5"), (" 2½", "2.5"), (" ½", "0.5"), (" -½", "-0.5"),
        (" 24/7", "24/7"), (" -3/4", "-0.75"), (r" 2\frac{1}{2}", "2.5"), (r" -\frac{3}{4}", "-0.75"),
        (r" \frac12", "0.5"), (r" \dfrac{1}{3}", "1/3"),
    ],
    "separators of thousands": [
        (" 10 000", "10000"), (" 10\u202f000", "10000"), (" 10\u00a0000", "10000"), (" 1\u2009234\u2009567", "1234567"),
        (r" 10\,000", "10000"), (r" 10{,}000", "10000"), (" 10,000.50", "10000.5"), (" 1 000 000", "1000000"),
    ],
    "powers of ten": [
        (" 1.5 × 10^3", "1500"), (r" 1.5 \times 10^{3}", "1500"), (r" $1.5 \times 10^{3}$", "1500"),
        (" 1.5 x 10^3", "1500"), (" 1.5 * 10**3", "1500"), (" 1.5·10³", "1500"), (" 1.5×10^3 m", "1500"),
        (" 2 × 10⁻³", "0.002"), (" 1.5e3", "1500"), (" 1e5", "100000"), (" 3E-2", "0.03"), (" 10^6", "1000000"),
        (" 10⁶", "1000000"), (" 10^-2", "0.01"), (" -10^{3}", "-1000"),
    ],
    "signs": [
        (" –7", "-7"), (" −7", "-7"), (" ‑7", "-7"), (" -7", "-7"), (" +5", "5"), (" –$3", "-3"), (" -£3.50", "-3.5"),
        (" $-3", "-3"), (" negative 5", "-5"), (" minus 5", "-5"), ("#### –5", "-5"), ("–5", "-5"),
    ],
    "remarks on the answer": [
        (" 40, since 20% = 0.2", "40"), (" 12 (where x = 3)", "12"), (" 12 (3 + 9 = 12)", "12"), (" 12 (twelve)", "12"),
        (" 12, because 3 * 4 = 12", "12"), (" 12 because 3 * 4 = 12", "12"), (" 12, which is 3 times 4", "12"),
        (" 12 when x = 3", None), (" 12, when x = 3", "12"), (" 12, not 13", "12"), (" 12 rather than 13", "12"),
        (" 12 (not 13)", "12"), (" 12 – the number of eggs", "12"), (" 12 — as 5 and 7 are 12", "12"),
    ],
    "what is counted, and how nearly": [
        (" 12 apples", "12"), (" 3.5 hours", "3.5"), (" 5€", "5"), (" 5 €", "5"), (" US$5", "5"), (" 5 USD", "5"),
        (" ₹500", "500"), (" Rs. 500", "500"), (" $5/hour", "5"), (" 60 miles/hour", "60"), (" 12 km/h", "12"),
        (" 12 cm^2", "12"), (" 12 m²", "12"), (" 12-hour", "12"), (" 90°", "90"), (r" 90^\circ", "90"), (" 20 °C", "20"),
        (" 12 percent", "12"), (" 5 times", "5"), (" about 12", "12"), (" ~12", "12"), (" ≈ 12", "12"), (" exactly 12", "12"),
    ],
    "set in type": [
        (" **12**", "12"), (" `12`", "12"), (" _12_", "12"), (' "12"', "12"), (" (5)", "5"), (" $12$", "12"), (" $$12$$", "12"),
        (r" \(12\)", "12"), (r" \[12\]", "12"), (r" $\boxed{12}$", "12"), (r" \boxed{12 \text{ apples}}", "12"),
        (r" \boxed{\$12}", "12"), (r" $\$12$", "12"), (r" $12\%$", "12"), (r" \boxed{12\text{ cm}^2}", "12"), (r" \boxed{x = 5}", "5"), (" １２", "12"),
        ("**Answer:** 12", "12"), ("**Answer: 12**", "12"),
    ],
    "equations": [
        (" x = 5", "5"), (" f(3) = 9", "9"), (" Total = 9", "9"), (" 3 + 4 = 7", "7"), (" 3 + 4 ≈ 7", "7"), (" 5 x 3 = 15", "15"),
        (r" 5 \times 3 = 15", "15"), (" 16 eggs - 3 eggs = 13 eggs", "13"), (" So she has 16 - 3 = 13 left", "13"),
    ],
}  # fmt: skip
UNREAD = {
    "several": [
        " 12 or 13", " 12 (or 13)", " between 3 and 5", " 5 to 7", " 7-8", " 7–8", " 1, 2, 3", " (1, 2)", " [3, 5]", " 5; 7",
        " 10 20", " 12 apples and 3 pears", " 3 out of 5", " 1 in 5", " 3:2", " 5% of 20", r" \boxed{5, 7}",
        r" \boxed{5} or \boxed{3}", "<answer>12 or 13</answer>", " ±5", " 3 + 4 = 7, 7 + 2 = 9",
    ],
    "equations that solve nothing or several": [
        " x = 5 or x = 3", " x = 5, y = 3", " x = 5 and y = 3", " x = 5; y = 7", " 2x = 10", " x + 3 = 10", " x^2 = 25",
        " x ≠ 5", " x > 5", " x >= 5", " x <= 5", " <5", " 5 = x", " 12 where x = 3", " 12: x = 3", " 3 + 4 → 7",
    ],
    "sums that are not worked out": [
        " 5 + 3", " 5 - 3", " 5 x 3", " 2(3)", " 2 (3 + 4)", " 2^10", " 5^2", " 5²", " √2", r" \sqrt{2}", r" \boxed{2\sqrt{3}}",
        r" \boxed{10\pi}", " 5!", " 12!", " log 5", " |5|", " -(5)", " 5 mod 3", " 5 squared", " 12x", " 3 x", " 2-1/2",
    ],
    "another number than the digits": [
        " 12k", " $5k", " 3M", " 3 bn", " 3 million", " 12 hundred", " 12 dozen", " 12 and a half", " 2 and 1/2", " half of 12",
        " twice 12", " 3 quarters", " two 12s", " 12 (in thousands)", " 12 (base 5)",
    ],
    "bounds, denials and conditions": [
        " more than 5", " less than 5", " at least 5", " up to 5", " over 12", " 12+", " not 12", " It isn't 12", " anything but 5",
        " not 12 but 13", " 12 if x = 3", " 12, which is wrong", " 12, not correct", " 12? No, 13",
    ],
    "names, times, dates, ordinals": [
        " H2O", " B12", " GPT-4", " COVID-19", " #12", " x2", " 5th", " 1990s", " 3:30", " 5pm", " 5 pm", " 5 o'clock", " 3/4/2020",
        " 5'10\"",
    ],
    "badly written": [
        " 1,5", " 1.2.3", " 1,000,00", " 1.234,56", " 12 345 6", " 10'000", " 1/0", " 1 3/2", " 5..7", " 1e999999", " - 7",
        " twelve", " " + "9" * 5000,
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("completion", "number"), [pytest.param(*case, id=kind) for kind, cases in READ.items() for case in cases]
)
def test_a_number_that_is_understood_whole_is_read(completion: str, number: str | None) -> None:
    assert parse_number(completion) == number


@pytest.mark.parametrize(
    "completion", [pytest.param(case, id=kind) for kind, cases in UNREAD.items() for case in cases]
)
def test_what_is_not_understood_whole_is_unread(completion: str) -> None:
    assert parse_number(completion) is None


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        (" that Tom has 12 apples. The answer is given below.", "12"),
        (" 12. The answer is 13 if x = 4.", "12"),
        (" 5. The answer is 7.", "5"),
        (" not 5. The answer is 7.", "7"),
        ("Let me see: 3 + 4 = 7. The final answer is 7.", "7"),
        (" 3 + 4 = 7. Then 7 + 2 = 9. The final answer is 9.", "9"),
        (" She eats 3 eggs. She sells 16 - 3 = 13. The answer is 13.", "13"),
        (" 12.\n\nQuestion: What is 2 + 2?\nThe answer is 4.", "12"),
        (" 48/2 = 24 clips.\n#### 72", "72"),
        ("#### 3. Add them\nThe answer is 72.", "72"),
        ("<answer>The answer is 12</answer>", "12"),
        (r"<answer>\boxed{12}</answer>", "12"),
        ("<answer>two</answer> 5", None),
        (" 24/3 = 8. On Sunday it was 2*8 = 16.", None),
        (" He has 3 eggs. He sells 16 - 3 = 13.", None),
        (" He ran 1 lap, which is 7-1=6th place", None),
        (" He takes 100% as a share: 9/45 * 100% = 20%", None),
        (" He sells 5 because he has 12.", None),
        (" that he sells 5 because he has 12.", "5"),
        ("12\n13", "12"),
    ],
)
def test_the_first_clause_answers_unless_it_is_working(completion: str, number: str | None) -> None:
    assert parse_number(completion) == number


@pytest.mark.parametrize(("completion", "integer"), [(" 2 1/2", None), (" 1.5e3", "1500"), (" –7", "-7")])
def test_an_integer_is_a_number_that_is_whole(completion: str, integer: str | None) -> None:
    assert parse_integer(completion) == integer
