"""Words of a text as the answer checks see them: stems, numbers, names and negations. English, deterministic, small."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer  # type: ignore[import-untyped]  # ships no types

_SNOWBALL = snowballstemmer.stemmer("english")
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W_]+(?:['’][^\W\d_]+)?|[%€$£]")
_THOUSANDS = re.compile(r"^\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_SYMBOLS = {"%": "percent", "€": "euro", "$": "dollar", "£": "pound"}

NEGATIONS = frozenset(
    (
        "not no never none nor neither nobody nothing nowhere without cannot hardly unless except forbidden prohibited"
    ).split()
)
# Words that turn a statement round or limit it without being negations: a draft may not add or lose one.
POLARITY = frozenset(
    "more less fewer above below over under before after minimum maximum least most only all every each any increase "
    "decrease rise fall earlier later longer shorter higher lower first last".split()
)
CONDITIONS = frozenset("if unless only except until when provided".split())
_NUMBER_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {
    "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
    "hundred": "100", "thousand": "1000", "million": "1000000", "dozen": "12", "once": "1", "twice": "2", "half": "0.5",
}  # fmt: skip
MONTHS = frozenset(
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec".split()
)
WEEKDAYS = frozenset("monday tuesday wednesday thursday friday saturday sunday".split())
STOPWORDS = frozenset(
    (
        "a an the this that these those there here it its they them their he she his her him we our us you your i my "
        "me who whom whose which what when where why how much many is are was were be been being am do does did done "
        "doing have has had having will would shall should can could may might must of in on at to from by with for "
        "about as into onto than then so and or but if while because during between against through also very too just "
        "such own same other another some both up down out off again further once per s t d ll re ve m don doesn didn "
        "isn aren wasn weren won please tell one ones according document documents text "
    ).split()
)
_IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "went:go gone:go goes:go made:make took:take taken:take got:get gave:give given:give came:come built:build "
        "paid:pay sent:send held:hold kept:keep found:find met:meet ran:run began:begin begun:begin wrote:write "
        "written:write bought:buy brought:bring sold:sell told:tell said:say left:leave lost:lose won:win led:lead "
        "grew:grow grown:grow flew:fly spoke:speak chose:choose chosen:choose broke:break broken:break drove:drive "
        "rose:rise fell:fall fallen:fall saw:see seen:see knew:know known:know bore:bear born:bear children:child "
        "people:person men:man women:woman feet:foot metres:meter metre:meter litres:liter litre:liter colour:color "
        "colours:color centre:center mice:mouse kilometres:kilometer kilometre:kilometer centimetres:centimeter "
        "millimetres:millimeter fed:feed laid:lay caught:catch taught:teach slept:sleep spent:spend worn:wear "
        "stood:stand understood:understand thrown:throw drawn:draw "
    ).split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text.

    Attributes:
        text: As it stands, in lower case.
        stem: What its forms have in common; numbers in digits.
        number: Whether it holds a digit or is a number word.
        capital: Whether it begins with a capital letter.
        start: Where it begins in the text.
    """

    text: str
    stem: str
    number: bool
    capital: bool
    start: int

    @property
    def content(self) -> bool:
        """Whether it carries meaning by itself."""
        return self.number or (self.text not in STOPWORDS and self.stem not in NEGATIONS)


def words_of(text: str) -> list[Word]:
    """Returns the words of a text in order.

    >>> [word.stem for word in words_of("The bolts weren't replaced in 1,200 hours")]
    ['the', 'bolt', 'were', 'not', 'replac', 'in', '1200', 'hour']
    """
    found: list[Word] = []
    for match in _TOKEN.finditer(text):
        raw = match.group()
        lower = raw.casefold().replace("’", "'")
        start = match.start()
        if lower.endswith("n't"):
            base = {"can't": "can", "won't": "will", "shan't": "shall"}.get(lower, lower[:-3])
            found.append(Word(base, stem(base), number=False, capital=False, start=start))
            found.append(Word("not", "not", number=False, capital=False, start=start))
            continue
        lower = lower.partition("'")[0] if "'" in lower else lower
        capital = raw[0].isupper()
        if any(c.isdigit() for c in lower):
            found.append(Word(lower, number_stem(lower), number=True, capital=capital, start=start))
        elif lower in _NUMBER_WORDS:
            # "one" is mostly a pronoun.
            found.append(
                Word(lower, _NUMBER_WORDS[lower], number=lower not in {"one", "once"}, capital=False, start=start)
            )
        else:
            lower = _SYMBOLS.get(lower, lower)
            if lower:
                found.append(Word(lower, stem(lower), number=False, capital=capital, start=start))
    return found


def number_stem(text: str) -> str:
    """Returns a number in one way of writing it.

    >>> number_stem("51,000"), number_stem("8.50"), number_stem("007")
    ('51000', '8.5', '7')
    """
    plain = text.replace(",", "") if _THOUSANDS.match(text) else text
    if re.fullmatch(r"\d+\.\d+", plain):
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0" if plain.isdigit() else plain


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """Returns what the forms of a lower-case word have in common: Snowball's English stem, irregular forms included.

    >>> [stem(word) for word in ("replaces", "replaced", "replacement", "batteries", "stopped", "went", "metres")]
    ['replac', 'replac', 'replac', 'batteri', 'stop', 'go', 'meter']
    """
    return str(_SNOWBALL.stemWord(_IRREGULAR.get(word, word)))


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement must not get wrong.

    Attributes:
        numbers: Numbers and codes, dates' digits included.
        names: Stems of capitalised words that do not merely begin a sentence, months and weekdays.
        negations: How many words negate. Two do not cancel out: "not without" is weaker than nothing.
        polarity: Words that limit or reverse.
        conditions: Words that say under which circumstances it holds.
    """

    numbers: frozenset[str]
    names: frozenset[str]
    negations: int
    polarity: frozenset[str]
    conditions: frozenset[str]


def facts_of(words: list[Word]) -> Facts:
    """Returns the facts in one sentence."""
    numbers = frozenset(word.stem for word in words if word.number)
    names = frozenset(
        word.stem
        for index, word in enumerate(words)
        if (word.capital and index > 0 and word.text not in STOPWORDS)
        or word.text in WEEKDAYS
        or (word.text in MONTHS and word.capital)
    )
    return Facts(
        numbers,
        names,
        sum(word.text in NEGATIONS for word in words),
        frozenset(word.text for word in words if word.text in POLARITY),
        frozenset(word.text for word in words if word.text in CONDITIONS),
    )


def stems(words: str) -> frozenset[str]:
    """Returns the stems of words separated by spaces."""
    return frozenset(stem(word) for word in words.split())


# Verbs that carry little by themselves; missing one says little.
LIGHT_VERBS = stems(
    "make take get go give use happen come let need want work put become keep find call mean know say show"
)
