"""Who follows the pages notices when one is wrong: tried on small pages of its own."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from daemon.exchanges import prices as made_up
from tests.docs import place as places
from tests.docs.matching import Names, Wrong, compare
from tests.docs.page import Deed, Line, section_of, steps_of
from tests.docs.place import HOME, Place
from tests.docs.walk import PageWrong, Walk

pytestmark = pytest.mark.skipif(bool(places.missing()), reason=places.missing() or "can be followed")


@pytest.fixture
def place() -> Iterator[Place]:
    with places.clean_place() as found:
        yield found


def follow(place: Place, page: str) -> None:
    Walk(page="page.md", place=place, step_s=20, ends_s=2).follow(steps_of(page))


def agrees(page: str, seen: str, *, prices: bool = False) -> bool:
    lines = [Line(number=number, text=line) for number, line in enumerate(page.splitlines(), 1)]
    return not isinstance(compare(lines, seen.splitlines(), Names(), prices=prices), Wrong)


def test_a_right_page_is_followed_to_its_end(place: Place) -> None:
    follow(
        place,
        f"""
```console
$ cat > list <<'END'
one
two
three
END
$ cat list
one
…
three
$ pwd; echo "$OLD"
{HOME}

$ add() {{
    echo $(($1 + $2))
  }}
$ add 1 2
3
```
Not followed:
```
$ false
```
""",
    )


def test_a_wrong_line_is_named_with_what_was_seen(place: Place) -> None:
    with pytest.raises(PageWrong) as caught:
        follow(place, "text\n\n```console\n$ printf 'a\\nb\\nc\\n'\na\nB\nc\n```\n")
    words = str(caught.value).splitlines()
    assert words[0] == "page.md:6: not what is seen after `printf 'a\\nb\\nc\\n'`"
    assert [word.split() for word in words[1:3]] == [["expected", "B"], ["seen", "b"]]


@pytest.mark.parametrize("page", ["$ echo a\n", "$ echo a\na\nb\n", "$ printf 'a\\nb\\n'\nb\n"])
def test_what_is_missing_or_too_much_is_wrong(place: Place, page: str) -> None:
    with pytest.raises(PageWrong, match=r"nothing more|seen +a"):
        follow(place, f"```console\n{page}```\n")


def test_a_command_that_fails_without_a_word_is_wrong(place: Place) -> None:
    with pytest.raises(PageWrong, match=r"page.md:2: `false` ended with exit code 1"):
        follow(place, "```console\n$ false\n```\n")


def test_two_terminals_share_a_home_and_a_line_seen_in_one_is_pasted_in_the_other(place: Place) -> None:
    follow(
        place,
        """
```console title="Terminal 1"
$ X=$RANDOM; echo "  echo made-$X > made"
  echo made-…
```
```console title="Terminal 2"
$ echo made-… > made
$ grep -c made- made
1
$ echo "[$X]"
[]
```
""",
    )


def test_what_serves_runs_until_ctrl_c_and_what_it_says_meanwhile_is_looked_at(place: Place) -> None:
    program = place.home / "terrace"
    program.write_text(
        "#!/bin/bash\ntrap 'echo ended; exit 0' INT\necho ready\n"
        "while true; do [ -e go ] && echo gone && rm go; sleep 0.1; done\n"
    )
    program.chmod(0o755)
    page = """
```console title="Terminal 1"
$ ./terrace up
ready
```
```console title="Terminal 2"
$ touch go
```
```console title="Terminal 1"
gone
```
```console title="Terminal 1"
^C
ended
$ echo after
after
```
"""
    follow(place, page)
    with pytest.raises(PageWrong, match="something runs in Terminal 1"):
        follow(place, page.replace("^C\nended\n", ""))


def test_what_only_shows_is_looked_at_until_it_is_as_the_page_says(place: Place) -> None:
    page = "```console\n$ terrace() {\n    echo x >> looks; wc -l < looks\n  }\n$ terrace group list\n3\n```\n"
    follow(place, page)
    with pytest.raises(PageWrong, match="expected  1\n"):
        Walk(page="page.md", place=place, step_s=1).follow(steps_of(page.replace("\n3\n", "\n1\n")))
    (place.home / "looks").unlink()
    with pytest.raises(PageWrong, match="expected  3\n"):
        follow(place, page.replace("group list", "group close"))


def test_questions_are_answered_as_the_page_answers_them(place: Place) -> None:
    ask = place.home / "ask"
    ask.write_text('#!/bin/bash\nprintf "Sure? [y/N] "\nread answer\necho "so: $answer"\n')
    ask.chmod(0o755)
    follow(place, "```console\n$ ./ask\nSure? [y/N] y\nso: y\n```\n")
    with pytest.raises(PageWrong, match="so: n"):
        follow(place, "```console\n$ ./ask\nSure? [y/N] y\nso: n\n```\n")


def test_a_page_with_a_block_or_a_command_left_open_is_refused() -> None:
    with pytest.raises(AssertionError, match="line 1: the block is not closed"):
        steps_of("```console\n$ echo a\n")
    with pytest.raises(AssertionError, match="line 2: the command is not complete"):
        steps_of("```console\n$ cat <<'END'\na\n```\n")


def test_steps_know_terminal_deed_and_line() -> None:
    steps = steps_of('<!-- prices -->\n```console title="Terminal 2"\n$ a\nb\n^C\nc\n```\n\n```console\nd\n```\n')
    found = [(step.deed, step.terminal, step.at.number, len(step.expected), step.has_made_up_prices) for step in steps]
    assert found == [
        (Deed.TYPE, "Terminal 2", 3, 1, True),
        (Deed.PRESS, "Terminal 2", 5, 1, True),
        (Deed.LOOK, "Terminal 1", 10, 1, False),
    ]


def test_a_section_is_the_page_with_its_own_line_numbers() -> None:
    page = "# A\n\n```console\n$ no\n# B\n```\n\n## B\n\n```console\n$ yes\n```\n\n## C\n\n```console\n$ no\n```\n"
    assert [(step.at.number, step.at.text) for step in steps_of(section_of(page, "## B"))] == [(11, "yes")]


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("at 14:35:26 took_ms=170 in 27 ms, 12s", "at 01:02:03 took_ms=9 in 1234 ms, 3s"),
        ("2026-11-23 02:01:29Z  2026-11-23T02:01:29Z", "2027-01-02 03:04:05Z  2027-01-02T03:04:05Z"),
        ("terrace 0.2.0 is up", "terrace 0.3.11 is up"),
        ("A        B\n1        2", "A   B\n1   2"),
        ("3li8jkt3ncma\nagain 3li8jkt3ncma", "3zzzjkt3nc9a\nagain 3zzzjkt3nc9a"),
        ('{"signal_id": "0mwrxvu9d5wls7xh3uh7"}', '{"signal_id": "0mzzzzzzzzzzs7xh3uh7"}'),
        ("a\n…\nc", "a\nb\nb\nc"),
        ("a\n…\nc", "a\nc"),
        ('{"secret": "…", "a": 1}', '{"secret": "q x", "a": 1}'),
        ("\na\n\n", "a"),
    ],
)
def test_what_may_differ_differs(page: str, seen: str) -> None:
    assert agrees(page, seen)


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        ("groups 1 of 10", "groups 2 of 10"),
        ("price 98.9", "price 98.8"),
        ("a b", "a  b"),
        ("A  B", "A B"),
        ("3li8jkt3ncma\n3li8jkt3ncma", "3zzzjkt3nc9a\n3zzzjkt3nc9b"),
        ("3li8jkt3ncma\n3li8jkt3ncmb", "3zzzjkt3nc9a\n3zzzjkt3nc9a"),
        ("15m long", "4h long"),
        ("15m", "16m"),
        ("127.0.0.1:7461", "127.0.0.2:7461"),
        ("a\n…\nc", "a\nb"),
        ("a", "a\n…"),
        ("…\nb", "b\na"),
        ("exit code 5", "exit code 6"),
    ],
)
def test_what_may_not_differ_is_noticed(page: str, seen: str) -> None:
    assert not agrees(page, seen)


def test_prices_differ_only_where_a_page_says_that_they_are_made_up() -> None:
    assert agrees("mark 59741.98  1 of 10", "mark 60000  1 of 10", prices=True)
    assert not agrees("mark 59741.98", "mark 60000.00")
    assert not agrees("mark 59741.98  1 of 10", "mark 60000.1  2 of 10", prices=True)


def test_ports_and_home_of_a_page_are_those_of_the_place(place: Place) -> None:
    typed = place.of_page(f"curl http://127.0.0.1:8461/hook {HOME}/x 127.0.0.1:9999")
    assert typed == f"curl http://127.0.0.1:{place.ports[8461]}/hook {place.home}/x 127.0.0.1:9999"
    assert place.as_page(typed) == f"curl http://127.0.0.1:8461/hook {HOME}/x 127.0.0.1:9999"


def test_the_made_up_market_of_a_place_reaches_no_target_and_not_the_last_leg_for_two_minutes() -> None:
    seed = int(places.CALM["TERRACE_ACCOUNTS__PAPER__SEED"])
    walk = made_up.Walk(Decimal(60_000), Decimal("0.01"))
    market = made_up.SyntheticPrices(seed, {"BTC/USDT": walk}, {}, {}, 0)
    moves = [market.moves(tick * made_up.TICK_MS)[-1] for tick in range(400)]
    prices = [move.price for move in moves if isinstance(move, made_up.Tick)]
    for entered in range(2, 160):
        later = [price / prices[entered] for price in prices[entered + 1 : entered + 240]]
        assert Decimal("0.98") < min(later) < 1
        assert max(later) < Decimal("1.01")


def test_a_clean_place_knows_nothing_of_who_runs_the_tests(place: Place) -> None:
    follow(place, "```console\n$ echo ~; ls -A ~; env | grep -c '^TERRACE_.*__ADDRESS='\n/home/you\n4\n```\n")
