"""The stories behind the bundled problems: what happens, within which numbers, and the steps that solve it.

Contract: a story is data. In its texts `{a}` to `{e}` are numbers, `{N}`, `{M}`, `{K}` people, `{x}` things and `{y}` other
things. A step names two operands (a number's letter, `#1` for the result of the first step, or a constant), an operation
and, in words, what its result counts. Every range is meant for mental arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words(
    "Ann Ben Cara Dan Ella Finn Gina Hugo Ida Jack Kim Leo Mia Noah Olga Paul Rosa Sam Tina Uma Vera Will Yara Zoe "
    "Amir Bela Cleo Emil Fatima Ivan Jonas Lena Marco Nina Omar Pia"
)
"""People; none has a grammatical gender in the stories."""
FRUIT = _words("apples pears plums lemons nuts figs")
THINGS = _words("marbles stickers coins cards shells beads stamps buttons")
SMALL = _words("pens books cups hats balls lamps")
PLANTS = _words("roses tulips beans carrots lilies onions")
POOLS = {"any": (*FRUIT, *THINGS), "fruit": FRUIT, "things": THINGS, "small": SMALL, "plants": PLANTS}
"""Where a story's things come from."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of working."""

    left: str
    """First operand: a number's letter, `#k` for the result of step k (from 1), or a constant."""
    op: str
    """One of + - * /."""
    right: str
    """Second operand, as `left`."""
    label: str
    """What the result counts, e.g. `{x} in all`."""


@dataclass(frozen=True, slots=True)
class Story:
    """A kind of problem."""

    key: str
    """Its name; two problems are the same where key and numbers are."""
    texts: tuple[str, ...]
    """The same story in different words."""
    ranges: Mapping[str, tuple[int, int]]
    """Least and greatest value of each number, by letter."""
    steps: tuple[Step, ...]
    """The working; the last result is the answer."""
    pool: str = "any"
    """Key of `POOLS`."""


def _story(key: str, ranges: str, steps: str, *texts: str, pool: str = "any") -> Story:
    """A story from compact notation: `a 2 9, b 3 12` and `a * b: {x} in bags; #1 + c: {x} in all`."""
    bounds = {name: (int(low), int(high)) for name, low, high in (part.split() for part in ranges.split(", "))}
    return Story(key, texts, bounds, tuple(map(_step, steps.split("; "))), pool)


def _step(line: str) -> Step:
    sum_, label = line.split(": ")
    left, op, right = sum_.split()
    return Step(left, op, right, label)


STORIES: tuple[Story, ...] = (
    _story(
        "gain-lose", "a 5 60, b 3 40, c 2 30", "a + b: {x} with the gift; #1 - c: {x} left",
        "{N} has {a} {x}. {M} gives {N} {b} more. Then {N} loses {c} of them. How many {x} does {N} have now?",
        "There are {a} {x} in a box. {N} puts in {b} more, and {M} takes out {c}. How many {x} are in the box?",
    ),
    _story(
        "bags", "a 2 9, b 2 15, c 2 40", "a * b: {x} in bags; #1 + c: {x} in all",
        "{N} buys {a} bags with {b} {x} each and also {c} loose {x}. How many {x} does {N} buy in all?",
        "{N} fills {a} jars with {b} {x} each and keeps {c} {x} aside. How many {x} does {N} have?",
    ),
    _story(
        "together", "a 3 60, b 2 9, c 1 40", "a * b: {x} of {M}; a + #1: {x} together; #2 - c: {x} left",
        "{N} has {a} {x}, and {M} has {b} times as many. They give {c} away. How many {x} are left?",
        "{M} finds {b} times as many {x} as {N}, who finds {a}. Together they lose {c}. How many {x} remain?",
    ),
    _story(
        "picked", "a 3 20, b 2 9, c 2 30", "a * b: {x} of {M}; #1 - c: {x} left",
        "{N} picks {a} {x}. {M} picks {b} times as many but eats {c}. How many {x} does {M} have left?",
        "{M} gathers {b} times as many {x} as {N}, who gathers {a}. {M} sells {c}. How many {x} does {M} keep?",
        pool="fruit",
    ),
    _story(
        "shop", "a 2 15, b 2 15, c 2 9, d 2 9", "a * c: dollars for {x}; b * d: dollars for {y}; #1 + #2: dollars in all",
        "In a shop {x} cost {a} dollars each and {y} cost {b} dollars each. {N} buys {c} {x} and {d} {y}. "
        "How many dollars does {N} pay?",
        "{N} sells {x} for {a} dollars each and {y} for {b} dollars each. {M} takes {c} {x} and {d} {y}. "
        "How many dollars does {M} owe?",
        pool="small",
    ),
    _story(
        "change", "a 2 15, b 2 9, c 20 150", "a * b: dollars for {x}; c - #1: dollars of change",
        "Some {x} cost {a} dollars each. {N} buys {b} of them and pays with {c} dollars. How many dollars come back?",
        "{N} has {c} dollars and buys {b} {x} at {a} dollars each. How many dollars does {N} still have?",
        pool="small",
    ),
    _story(
        "wage", "a 5 20, b 2 9, c 3 60", "a * b: dollars earned; #1 - c: dollars left",
        "{N} earns {a} dollars an hour and works {b} hours. Then {N} spends {c} dollars. How many dollars are left?",
        "For {b} hours of work {N} gets {a} dollars an hour. The bus costs {c} dollars. How many dollars does {N} keep?",
    ),
    _story(
        "book", "a 4 20, b 2 9, c 40 220", "a * b: pages read; c - #1: pages left",
        "A book has {c} pages. {N} reads {a} pages a day for {b} days. How many pages are left?",
        "{N} reads {a} pages each evening. After {b} evenings, how many of the {c} pages of the book are unread?",
    ),
    _story(
        "week", "a 2 15, b 2 30, c 1 20", "a * 7: km on seven days; #1 + b: km with the extra; #2 - c: km in the week",
        "{N} plans to run {a} km on each day of a week and {b} km extra, but skips {c} km. How many km does {N} run?",
        "Each day of the week {N} walks {a} km. {N} adds {b} km on Sunday and leaves out {c} km on Friday. "
        "How many km does {N} walk?",
    ),
    _story(
        "share", "a 5 60, b 3 40, c 2 9", "a + b: {x} to share; #1 / c: {x} each",
        "{N} has {a} {x} and finds {b} more. {N} shares them equally among {c} friends. How many {x} does each get?",
        "{N} brings {a} {x} and {M} brings {b}. They fill {c} equal bags. How many {x} are in each bag?",
    ),
    _story(
        "half", "a 6 120, b 2 50, c 1 30", "a / 2: {x} kept; #1 + b: {x} with the new ones; #2 - c: {x} left",
        "{N} has {a} {x} and gives half of them to {M}. {N} buys {b} more and loses {c}. How many {x} does {N} have?",
        "Half of the {a} {x} of {N} are sold. {N} gets {b} new ones and breaks {c}. How many {x} are there now?",
    ),
    _story(
        "boxes", "a 12 180, b 2 9, c 1 12", "a / b: boxes filled; #1 - c: boxes left",
        "{N} packs {a} {x} into boxes of {b} and sells {c} boxes. How many boxes are left?",
        "Boxes of {b} are filled with {a} {x}. {M} takes {c} of the boxes. How many boxes does {N} still have?",
    ),
    _story(
        "hall", "a 3 12, b 4 15, c 10 70, d 2 30", "a * b: seats in all; c - d: seats taken; #1 - #2: seats free",
        "A hall has {a} rows of {b} seats. {c} people come, and {d} of them go home. How many seats are free?",
        "{c} people enter a room with {a} rows of {b} chairs; {d} leave again. How many chairs are empty?",
    ),
    _story(
        "bus", "a 8 60, b 2 30, c 2 30, d 2 30",
        "a - b: people staying; #1 + c: people after the stop; #2 + d: people in the bus",
        "A bus carries {a} people. At a stop {b} get off and {c} get on. Then {d} more get on. How many people are in the bus?",
        "{a} people sit in a train. {b} leave and {c} come in, and later {d} more join. How many people are in the train?",
    ),
    _story(
        "bakery", "a 3 12, b 4 15, c 2 40, d 2 40", "a * b: rolls baked; c + d: rolls sold; #1 - #2: rolls left",
        "{N} bakes {a} trays of {b} rolls, sells {c} in the morning and {d} at noon. How many rolls are left?",
        "A baker makes {a} batches of {b} rolls. {N} buys {c} rolls and {M} buys {d}. How many rolls remain?",
    ),
    _story(
        "ages", "a 5 60, b 2 30, c 2 30", "a + b: years for {M}; #1 - c: years for {K}",
        "{N} is {a} years old. {M} is {b} years older than {N}, and {K} is {c} years younger than {M}. How old is {K}?",
        "{K} is {c} years younger than {M}. {M} is {b} years older than {N}, who is {a}. How many years old is {K}?",
    ),
    _story(
        "age-sum", "a 3 20, b 2 6, c 1 9", "a * b: years for {M}; a + #1: years together; #2 + c: years with {K}",
        "{N} is {a} years old, {M} is {b} times as old, and {K} is {c}. How many years are they together?",
        "{M} is {b} times as old as {N}. {N} is {a} and {K} is {c} years old. What is the sum of the three ages?",
    ),
    _story(
        "garden", "a 2 9, b 3 15, c 2 9, d 3 15", "a * b: {x} planted; c * d: {y} planted; #1 + #2: plants in all",
        "{N} plants {a} rows of {b} {x} and {c} rows of {d} {y}. How many plants are there in all?",
        "In a garden there are {a} beds with {b} {x} each and {c} beds with {d} {y} each. How many plants grow there?",
        pool="plants",
    ),
    _story(
        "bike", "a 3 15, b 2 9, c 5 40, d 60 250", "a * b: dollars saved; #1 + c: dollars in hand; d - #2: dollars missing",
        "{N} saves {a} dollars a week for {b} weeks and gets {c} dollars from {M}. A bike costs {d} dollars. "
        "How many dollars are missing?",
        "A tent costs {d} dollars. {N} puts aside {a} dollars a week for {b} weeks, and {M} adds {c} dollars. "
        "How many more dollars does {N} need?",
    ),
    _story(
        "tank", "a 60 250, b 2 15, c 2 9, d 3 50", "b * c: litres lost; a - #1: litres left; #2 + d: litres at the end",
        "A tank holds {a} litres. It loses {b} litres an hour for {c} hours. Then {N} adds {d} litres. "
        "How many litres are in the tank?",
        "{N} takes {c} buckets of {b} litres from a pool of {a} litres and pours back {d} litres. "
        "How many litres are in the pool?",
    ),
    _story(
        "eggs", "a 2 12, b 2 30, c 2 20", "a * 12: eggs bought; #1 - b: eggs not used; #2 - c: eggs left",
        "{N} buys {a} dozen eggs, uses {b} and breaks {c}. How many eggs are left?",
        "From {a} dozen eggs {N} cooks {b} and gives {c} to {M}. How many eggs remain?",
    ),
    _story(
        "tickets", "a 4 15, b 2 9, c 3 40, d 60 200", "a * b: dollars for tickets; #1 + c: dollars spent; d - #2: dollars left",
        "{N} has {d} dollars, buys {b} tickets at {a} dollars each and snacks for {c} dollars. How many dollars are left?",
        "{b} tickets cost {a} dollars each. {N} also pays {c} dollars for parking out of {d} dollars. "
        "How many dollars does {N} have left?",
    ),
    _story(
        "farm", "a 2 30, b 2 40", "a * 4: legs of cows; b * 2: legs of hens; #1 + #2: legs in all",
        "A farm has {a} cows and {b} hens. How many legs do they have in all?",
        "{N} counts {a} cows and {b} hens in a field. How many legs are that?",
    ),
    _story(
        "packs", "a 2 9, b 2 12, c 10 99", "c / a: packs needed; #1 * b: dollars in all",
        "A pack of {a} {x} costs {b} dollars. {N} needs {c} {x}. How many dollars does {N} pay?",
        "{N} wants {c} {x}. They come in packs of {a}, each for {b} dollars. How many dollars is that?",
        pool="small",
    ),
    _story(
        "drive", "a 10 40, b 2 8, c 5 60", "a * b: km in {b} hours; #1 + c: km in all",
        "{N} cycles {a} km an hour for {b} hours and then {c} km more. How many km is that in all?",
        "A boat goes {a} km in an hour. It sails for {b} hours, then {N} tows it {c} km. How many km does it go?",
    ),
    _story(
        "three-days", "a 3 50, b 2 30, c 3 50", "a + b: {x} on Tuesday; a + #1: {x} on two days; #2 + c: {x} in all",
        "{N} sells {a} {x} on Monday, {b} more than that on Tuesday and {c} on Friday. How many {x} does {N} sell in all?",
        "On Monday {N} finds {a} {x}. On Tuesday {N} finds {b} more than on Monday, on Friday {c}. How many {x} are that?",
    ),
    _story(
        "fewer", "a 6 40, b 2 30, c 2 9", "a - b: {x} of {M}; #1 * c: {x} of {K}",
        "{N} has {a} {x}. {M} has {b} fewer than {N}. {K} has {c} times as many as {M}. How many {x} does {K} have?",
        "{K} owns {c} times as many {x} as {M}, who owns {b} fewer than {N}. {N} owns {a}. How many {x} does {K} own?",
    ),
    _story(
        "vans", "a 2 9, b 8 25, c 2 12, d 2 9", "a * b: children; #1 + c: people; #2 / d: vans needed",
        "{a} classes of {b} children go on a trip with {c} teachers. A van seats {d} people. How many full vans are that?",
        "A school sends {a} groups of {b} children and {c} adults, {d} in a boat. How many boats are filled?",
    ),
    _story(
        "discount", "a 8 40, b 2 20, c 2 9", "a - b: dollars for one; #1 * c: dollars in all",
        "Some {x} cost {a} dollars each, but today {b} dollars less. {N} buys {c} of them. How many dollars does {N} pay?",
        "{N} gets {b} dollars off each of {c} {x} that cost {a} dollars apiece. How many dollars does {N} spend?",
        pool="small",
    ),
    _story(
        "practice", "a 5 20, b 2 7, c 5 20, d 2 7", "a * b: minutes at first; c * d: minutes later; #1 + #2: minutes in all",
        "{N} practises {a} minutes on each of {b} days and {c} minutes on each of {d} days. How many minutes is that in all?",
        "For {b} days {N} swims {a} minutes a day, then for {d} days {c} minutes a day. How many minutes does {N} swim?",
    ),
    _story(
        "hens", "a 2 12, b 2 8, c 2 20, d 2 6", "a * b: eggs laid; #1 - c: eggs to sell; #2 * d: dollars earned",
        "{a} hens lay {b} eggs each. {N} eats {c} and sells the rest for {d} dollars each. How many dollars does {N} earn?",
        "{N} has {a} ducks with {b} eggs each, keeps {c} eggs and sells the others at {d} dollars. How many dollars come in?",
    ),
    _story(
        "shelves", "a 2 9, b 4 15, c 2 30, d 2 9", "a * b: books at first; #1 - c: books kept; #2 / d: books on each shelf",
        "{N} has {a} boxes of {b} books, gives {c} away and puts the rest on {d} shelves equally. "
        "How many books are on each shelf?",
        "From {a} piles of {b} books {N} sells {c}. The others go equally into {d} bags. How many books are in each bag?",
    ),
    _story(
        "rope", "a 20 120, b 2 40, c 2 9", "a - b: metres left; #1 / c: metres in each piece",
        "A rope is {a} metres long. {N} cuts off {b} metres and divides the rest into {c} equal pieces. "
        "How many metres long is each piece?",
        "From {a} metres of ribbon {N} uses {b}. {c} friends share the rest equally. How many metres does each friend get?",
    ),
    _story(
        "teams", "a 2 9, b 3 9, c 2 5, d 2 40", "a * b: players; #1 * c: bottles given; #2 + d: bottles in all",
        "{a} teams of {b} players meet. Each player gets {c} bottles, and {d} bottles are left. How many bottles were there?",
        "{N} hands {c} bottles to every player of {a} teams of {b} and has {d} bottles over. How many bottles did {N} bring?",
    ),
    _story(
        "party", "a 3 15, b 2 9, c 2 9, d 2 30", "b + c: sweets for each; a * #1: sweets given; #2 + d: sweets in all",
        "{N} gives each of {a} guests {b} cookies and {c} candies and keeps {d} sweets. How many sweets were there?",
        "Each of {a} children gets {b} cookies and {c} candies, and {N} eats {d} sweets. How many sweets is that in all?",
    ),
    _story(
        "work", "a 2 20, b 2 20, c 2 9", "a + b: {x} a day; #1 * c: {x} in all",
        "{N} makes {a} {x} each morning and {b} each afternoon for {c} days. How many {x} does {N} make in all?",
        "Every day {N} paints {a} {x} and {M} paints {b}. How many {x} do they paint in {c} days?",
        pool="small",
    ),
    _story(
        "market", "a 5 60, b 5 60, c 2 9, d 2 9", "a + b: {x} together; #1 / c: packs made; #2 * d: dollars earned",
        "{N} has {a} {x} and {M} has {b}. They make packs of {c} and sell each for {d} dollars. How many dollars do they get?",
        "{N} and {M} put {a} and {b} {x} into packs of {c}. A pack brings {d} dollars. How many dollars do they earn?",
    ),
    _story(
        "half-price", "a 8 80, b 60 200", "a / 2: dollars for the game; a + #1: dollars for both; b - #2: dollars left",
        "A toy costs {a} dollars and a game half as much. {N} buys both with {b} dollars. How many dollars are left?",
        "{N} has {b} dollars and buys a coat for {a} dollars and a scarf for half as much. How many dollars does {N} keep?",
    ),
    _story(
        "scores", "a 3 30, b 2 30",
        "a * 3: points of {M}; #1 - b: points of {K}; a + #1: points of {N} and {M}; #3 + #2: points in all",
        "{N} scores {a} points, {M} three times as many and {K} {b} fewer than {M}. How many points do they score in all?",
        "{M} gets three times the {a} points of {N}. {K} gets {b} fewer than {M}. How many points are that together?",
    ),
    _story(
        "jugs", "a 3 12, b 3 12, c 2 9, d 2 6", "a * b: glasses filled; c * d: glasses drunk; #1 - #2: glasses left",
        "{a} jugs fill {b} glasses each. {c} children drink {d} glasses each. How many glasses are left?",
        "{N} has {a} jugs with {b} glasses of juice in each. {c} guests drink {d} glasses each. How many glasses remain?",
    ),
)  # fmt: skip
"""All stories, each with two wordings and two to four steps."""
