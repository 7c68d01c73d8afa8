"""What a question asks for: the kind of thing that would answer it, and the words that the answer must be about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from whitebox_gateway.sentences import Sentence
from whitebox_gateway.words import LIGHT_VERBS, MONTHS, STOPWORDS, WEEKDAYS, Word, stem, stems, words_of


class Kind(Enum):
    """What has to stand in a sentence for it to answer."""

    NUMBER = "number"
    COUNT = "count"
    MONEY = "money"
    FREQUENCY = "frequency"
    DURATION = "duration"
    TIME = "time"
    NAME = "name"
    PLACE = "place"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Question:
    """A question, taken apart.

    Attributes:
        text: As asked.
        kind: What would answer it.
        terms: Words that carry its meaning, without those that only name the kind.
        focus: Stems of the attribute that is asked for ("salary" in "what is the salary of ..."); may be empty.
        counted: Stem of what is counted, for COUNT.
        measure: Stem of the word that names a measure ("deep"), for which a number with its unit stands; may be empty.
        demands: Numbers, codes and names in the question: a sentence about others does not answer.
    """

    text: str
    kind: Kind
    terms: tuple[Word, ...]
    focus: frozenset[str]
    counted: str
    measure: str
    demands: frozenset[str]


# What "how deep" asks for may be written with any of these.
_MEASURES: dict[str, str] = {
    "deep": "depth", "high": "height", "tall": "height", "wide": "width", "broad": "width", "long": "length",
    "heavy": "weight", "fast": "speed", "quick": "speed", "quickly": "speed", "far": "distance", "hot": "temperature",
    "warm": "temperature", "cold": "temperature", "old": "age", "big": "size", "large": "size", "loud": "noise",
    "thick": "thickness", "strong": "strength", "expensive": "price", "soon": "time", "late": "time", "early": "time",
    "close": "distance", "near": "distance", "bright": "brightness", "often": "frequency", "frequently": "frequency",
    "steep": "slope",
}  # fmt: skip
_TYPE_NOUNS = {
    "name": Kind.NAME, "names": Kind.NAME, "person": Kind.NAME, "people": Kind.NAME,
    "company": Kind.NAME, "companies": Kind.NAME, "firm": Kind.NAME, "manufacturer": Kind.NAME, "supplier": Kind.NAME,
    "organisation": Kind.NAME, "organization": Kind.NAME, "author": Kind.NAME, "architect": Kind.NAME,
    "director": Kind.NAME, "founder": Kind.NAME, "owner": Kind.NAME, "engineer": Kind.NAME,
    "date": Kind.TIME, "day": Kind.TIME, "days": Kind.TIME, "year": Kind.TIME, "month": Kind.TIME, "time": Kind.TIME,
    "hour": Kind.TIME, "weekday": Kind.TIME, "season": Kind.ANYTHING,
    "number": Kind.NUMBER, "percentage": Kind.NUMBER, "amount": Kind.NUMBER, "temperature": Kind.NUMBER,
    "price": Kind.NUMBER, "cost": Kind.NUMBER, "fee": Kind.NUMBER, "salary": Kind.NUMBER, "budget": Kind.NUMBER,
    "wage": Kind.NUMBER, "revenue": Kind.NUMBER, "turnover": Kind.NUMBER, "fine": Kind.NUMBER, "speed": Kind.NUMBER,
    "weight": Kind.NUMBER, "height": Kind.NUMBER, "depth": Kind.NUMBER, "width": Kind.NUMBER, "length": Kind.NUMBER,
    "population": Kind.NUMBER, "age": Kind.NUMBER, "size": Kind.NUMBER, "capacity": Kind.NUMBER, "limit": Kind.NUMBER,
    "diameter": Kind.NUMBER, "voltage": Kind.NUMBER, "distance": Kind.NUMBER, "frequency": Kind.ANYTHING,
    "phone": Kind.NUMBER, "telephone": Kind.NUMBER,
    "city": Kind.PLACE, "town": Kind.PLACE, "country": Kind.PLACE, "address": Kind.PLACE,
}  # fmt: skip
# Nouns that say only of which kind the answer is; a sentence need not repeat them.
_PURE_TYPES = frozenset(
    "name person people date day days year month time hour weekday number amount place thing".split()
)
_MONEY_WORDS = stems(
    "cost pay price charge spend worth fee earn sell buy expensive salary wage fare rent fine budget revenue turnover"
)
_LENGTHS = stems(
    "metre meter kilometre kilometer centimetre centimeter millimetre millimeter mile foot feet yard inch km cm mm m"
)
_WEIGHTS = stems("kilogram gram tonne ton pound ounce milligram kg g t lb")
_DEGREES = stems("degree celsius fahrenheit kelvin c f")
_SPANS = stems("second minute hour day week month year decade century")
# Units by what is asked for; a number with one of them answers it without naming the measure.
_UNITS: dict[str, frozenset[str]] = {
    "depth": _LENGTHS, "height": _LENGTHS, "width": _LENGTHS, "length": _LENGTHS, "distance": _LENGTHS,
    "thickness": _LENGTHS, "weight": _WEIGHTS, "temperature": _DEGREES, "speed": _SPANS, "age": _SPANS, "time": _SPANS,
}  # fmt: skip
_CURRENCY = stems("euro eur dollar usd pound gbp cent penny pence franc chf krone yen rupee free")
_TIME_UNITS = stems(
    "second minute hour day night week fortnight month quarter year decade century weekend morning evening noon "
    "midnight spring summer autumn winter"
)
_FREQUENCY_WORDS = frozenset(
    "every each daily weekly monthly yearly annual annually quarterly hourly nightly always never twice once times per "
    "biweekly regularly".split()
)
_RELATION = frozenset(
    "of for in on at to by with from does do did is are was were has have had can will must may the a an".split()
)
_PLACE_WORDS = frozenset("in at on near beside behind under above inside outside between opposite next from to".split())


def analyse(text: str) -> Question:
    """Takes a question apart. A text that is no question asks for anything about its words."""
    words = words_of(text)
    lower = [word.text for word in words]
    kind, asking = _kind(lower)
    counted = measure = ""
    focus: list[str] = []
    skip: set[int] = set()
    if asking is not None:
        skip.add(asking)
        following = lower[asking + 1] if asking + 1 < len(lower) else ""
        if lower[asking] == "how" and following in {"many", "much", "often", "long", "frequently"}:
            skip.add(asking + 1)
            if following == "many":
                counted = next((word.stem for word in words[asking + 2 :] if word.content), "")
        elif lower[asking] == "how" and following in _MEASURES:
            measure = words[asking + 1].stem
        elif lower[asking] in {"what", "which"}:
            focus = _focus(words, asking + 1)
    terms = []
    for index, word in enumerate(words):
        if index in skip or not word.content:
            continue
        if word.text in _PURE_TYPES and kind is not Kind.ANYTHING and asking is not None:
            continue
        terms.append(word)
    first_name = 1 if words and words[0].text in STOPWORDS else 0
    demands = frozenset(
        word.stem
        for index, word in enumerate(words)
        if (word.number and word.text not in {"one", "once", "half"})
        or (word.capital and index >= max(1, first_name) and word.text not in STOPWORDS)
    )
    pure = {word.stem for word in words if word.text in _PURE_TYPES}
    if kind is Kind.MONEY:
        measure = next((word.stem for word in words if word.stem in _MONEY_WORDS), "")
    return Question(text, kind, tuple(terms), frozenset(focus) - pure, counted, measure, demands)


def _about_money(lower: list[str]) -> bool:
    return any(stem(word) in _MONEY_WORDS for word in lower)


def _kind(lower: list[str]) -> tuple[Kind, int | None]:
    for index, word in enumerate(lower):
        following = lower[index + 1] if index + 1 < len(lower) else ""
        if word == "how":
            if following in {"often", "frequently"}:
                return Kind.FREQUENCY, index
            if following == "long":
                return Kind.DURATION, index
            if following == "many":
                return Kind.COUNT, index
            if following == "much":
                return (Kind.MONEY if _about_money(lower) else Kind.NUMBER), index
            return (Kind.NUMBER if following in _MEASURES else Kind.ANYTHING), index
        if word == "when":
            return Kind.TIME, index
        if word in {"who", "whom", "whose"}:
            return Kind.NAME, index
        if word == "where":
            return Kind.PLACE, index
        if word == "why":
            return Kind.ANYTHING, index
        if word in {"what", "which"}:
            head = next((w for w in lower[index + 1 : index + 7] if w in _TYPE_NOUNS), None)
            after = lower[index + 1 : index + 4]
            # "Which company made ..." and "what is the price of ...", but not "what happens at the price".
            near = head is not None and (
                head in after or (following in {"is", "are", "was", "were"} and head in lower[index + 1 : index + 6])
            )
            if near and head is not None:
                return (Kind.MONEY if stem(head) in _MONEY_WORDS else _TYPE_NOUNS[head]), index
            # "What does it cost", but not "what costs are covered".
            return (
                Kind.MONEY if following in {"do", "does", "did", "will"} and _about_money(lower) else Kind.ANYTHING
            ), index
    return Kind.ANYTHING, None


def _focus(words: list[Word], start: int) -> list[str]:
    """Returns stems of the noun phrase after what or which."""
    index = start
    copula = False
    while index < len(words) and words[index].text in {"is", "are", "was", "were", "the", "a", "an", "be", "will"}:
        copula = copula or words[index].text in {"is", "are", "was", "were"}
        index += 1
    found: list[str] = []
    while index < len(words) and words[index].text not in _RELATION and len(found) < 4:
        if words[index].content and words[index].stem not in LIGHT_VERBS:
            found.append(words[index].stem)
        index += 1
    # Without a copula the phrase may run into its verb: "what caused", "which turbine stopped"; the first is the noun.
    return found if copula else found[:1] if index == len(words) else found


def holds_kind(question: Question, sentence: Sentence) -> bool:
    """Whether a sentence holds the kind of thing that is asked for, beyond what the question says itself."""
    words = sentence.words
    asked = {word.stem for word in question.terms} | question.demands
    new_numbers = [i for i, w in enumerate(words) if w.number and w.stem not in asked]
    match question.kind:
        case Kind.NUMBER:
            return bool(new_numbers)
        case Kind.MONEY:
            money = any(word.stem in _CURRENCY for word in words)
            return money and (bool(new_numbers) or any(word.text == "free" for word in words))
        case Kind.COUNT:
            return bool(new_numbers)
        case Kind.DURATION:
            return bool(new_numbers) or any(w.text in {"hour", "day", "week", "month", "year", "minute"} for w in words)
        case Kind.FREQUENCY:
            return any(word.text in _FREQUENCY_WORDS for word in words) or _has_time(words, asked)
        case Kind.TIME:
            return _has_time(words, asked)
        case Kind.NAME:
            return _has_name(words, asked)
        case Kind.PLACE:
            prepositions = any(word.text in _PLACE_WORDS and index + 1 < len(words) for index, word in enumerate(words))
            # "Where does it come from" is answered with a "from".
            origin = question.text.rstrip(" ?").endswith(" from") and all(word.text != "from" for word in words)
            return not origin and (prepositions or _has_name(words, asked))
        case Kind.ANYTHING:
            return True


def measured(question: Question, sentence: Sentence) -> bool:
    """Whether a sentence has a number with a unit of what the question asks for: "34 metres" for "how deep"."""
    words = sentence.words
    if question.kind is Kind.MONEY:
        return any(word.stem in _CURRENCY for word in words)
    units = next(
        (_UNITS.get(name, frozenset()) for word, name in _MEASURES.items() if stem(word) == question.measure), None
    )
    if not units:
        return False
    for index, word in enumerate(words):
        unit = next((i for i in range(index + 1, min(index + 3, len(words))) if words[i].stem in units), None)
        # Metres per second are no depth.
        if (
            word.number
            and unit is not None
            and (units is not _LENGTHS or [w.text for w in words[unit + 1 : unit + 2]] != ["per"])
        ):
            return True
    return False


def counted_words(sentence: Sentence) -> list[Word]:
    """Returns the words of a sentence that its numbers may count: "twelve horizontal-axis turbines", "beds: 36"."""
    words = sentence.words
    found = []
    for index, word in enumerate(words):
        if not word.number:
            continue
        # 1910 is a year in "since 1910 it has", and a count in "1910 crates".
        following = words[index + 1] if index + 1 < len(words) else None
        counts = following is not None and following.content and not following.number
        if re.fullmatch(r"(?:1[5-9]|20)\d\d", word.text) and not counts:
            continue
        found += [near for near in words[index + 1 : index + 5] if near.content and not near.number]
        before = index - 1
        while before >= 0 and words[before].text in {"is", "are", "was", "were", "of", "to", "by", "about"}:
            before -= 1
        if before >= 0 and words[before].content:
            found.append(words[before])
    return found


def _has_time(words: list[Word], asked: set[str]) -> bool:
    for word in words:
        if word.stem in asked:
            continue
        if word.text in WEEKDAYS or (word.text in MONTHS and word.capital) or word.stem in _TIME_UNITS:
            return True
        if word.number and (re.fullmatch(r"(?:1\d|20)\d\d|\d{1,2}:\d\d", word.text) is not None):
            return True
        if word.text in {"today", "tomorrow", "yesterday", "always", "never", "daily", "weekly", "am", "pm"}:
            return True
        if word.text.rstrip("s") in WEEKDAYS:
            return True
    return any(
        w.text in {"when", "before", "after", "until", "as", "while", "during", "at"}
        for w in words[1:]
        if w.stem not in asked
    ) and any(w.number for w in words)


def _has_name(words: list[Word], asked: set[str]) -> bool:
    for index, word in enumerate(words):
        if not word.capital or word.stem in asked or word.text in STOPWORDS or word.text in MONTHS | WEEKDAYS:
            continue
        if index > 0:
            return True
        # The first word of a sentence is a name when another capital follows it.
        if len(words) > 1 and words[1].capital and words[1].stem not in asked:
            return True
    # Roles answer "who" as well: "the duty manager signs".
    return any(
        word.text.endswith(("er", "or", "ist", "ian")) and word.text in _ROLES and word.stem not in asked
        for word in words
    )


_ROLES = frozenset(
    "manager engineer officer supervisor director technician operator teacher driver worker owner founder doctor "
    "inspector curator librarian pharmacist instructor leader member keeper ranger brewer commander controller".split()
)
