"""The facts of the bundled problems: relations, their facts, how they are asked and how they are stated.

    capital: Peru -> Lima        "Which city is the capital of Peru?"        "The capital of Peru is Lima."

Contract: every fact has one short answer that nobody disputes; other ways of writing it stand behind it as aliases. The
answers of a relation are of one kind, so that each of them is a plausible wrong answer to its other questions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

FRAMES = (
    "What is {}?",
    "Name {}.",
    "Tell me {}.",
    "Do you know {}?",
    "Can you say what {} is?",
    "I would like to know {}.",
)
"""Questions around what a relation is called."""
OTHER_FRAMES = ("What is {}?", "Please name {}.")
"""Questions around the other name that a relation has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing to know."""

    subject: str
    """What is asked about; `legs|a spider` has two parts."""
    answer: str
    """The one right answer."""
    aliases: tuple[str, ...] = ()
    """Other ways of writing it."""

    def words(self, answer: str) -> Mapping[str, str]:
        """The slots of a relation's texts: subject `x` and `y`, answer `a`, and `an` with its article."""
        first, _, second = self.subject.partition("|")
        article = "an" if answer[0] in "aeiou" else "a"
        return {"x": second or first, "y": first, "a": answer, "an": f"{article} {answer}"}


@dataclass(frozen=True, kw_only=True)
class Relation:
    """Facts of one kind."""

    key: str
    """Its name."""
    names: tuple[str, str]
    """Two ways to name what is asked for."""
    questions: tuple[str, ...]
    """Questions of its own."""
    statements: tuple[str, ...]
    """How an answer is stated, the canonical statement first; without capital and full stop."""
    listed: str
    """The facts: `subject: answer/alias/alias; ...`."""

    @cached_property
    def facts(self) -> tuple[Fact, ...]:
        """The facts, in order."""
        return tuple(_fact(entry) for entry in self.listed.split(";"))

    @cached_property
    def asks(self) -> tuple[str, ...]:
        """All phrasings of the question."""
        first, second = self.names
        framed = [frame.format(first) for frame in FRAMES] + [frame.format(second) for frame in OTHER_FRAMES]
        return (*framed, *self.questions)

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """All different answers, in order."""
        return tuple(dict.fromkeys(fact.answer for fact in self.facts))


def _fact(entry: str) -> Fact:
    subject, _, answers = entry.partition(":")
    answer, *aliases = (text.strip() for text in answers.split("/"))
    return Fact(subject=subject.strip(), answer=answer, aliases=tuple(aliases))


RELATIONS = (
    Relation(
        key="capital",
        names=("the capital of {x}", "the capital city of {x}"),
        questions=(
            "Which city is the capital of {x}?",
            "{x} has which city as its capital?",
            "What city do people call the capital of {x}?",
            "Where is the capital of {x}, in which city?",
        ),
        statements=("the capital of {x} is {a}", "{a} is the capital of {x}", "the capital city of {x} is {a}"),
        listed="Peru: Lima; Japan: Tokyo; France: Paris; Spain: Madrid; Italy: Rome/Roma; Germany: Berlin; "
        "Greece: Athens; Portugal: Lisbon/Lisboa; Egypt: Cairo; Kenya: Nairobi; Ghana: Accra; Morocco: Rabat; "
        "Senegal: Dakar; Cuba: Havana; Chile: Santiago/Santiago de Chile; Argentina: Buenos Aires; "
        "Brazil: Brasilia/Brasília; Canada: Ottawa; Norway: Oslo; Sweden: Stockholm; Finland: Helsinki; "
        "Denmark: Copenhagen; Poland: Warsaw; Hungary: Budapest; Austria: Vienna; Turkey: Ankara; Iran: Tehran/Teheran; "
        "Iraq: Baghdad; India: New Delhi; Nepal: Kathmandu; China: Beijing/Peking; Thailand: Bangkok; Vietnam: Hanoi; "
        "Russia: Moscow; Ukraine: Kyiv/Kiev; Ireland: Dublin; Romania: Bucharest; Bulgaria: Sofia; Australia: Canberra; "
        "Ecuador: Quito",
    ),
    Relation(
        key="symbol",
        names=("the chemical symbol of {x}", "the symbol for the element {x}"),
        questions=(
            "Which symbol does {x} have in chemistry?",
            "How is {x} written in chemistry?",
            "Which letters stand for {x} in the table of elements?",
            "What symbol do chemists use for {x}?",
        ),
        statements=("the chemical symbol of {x} is {a}", "{a} is the chemical symbol of {x}", "the symbol for {x} is {a}"),
        listed="hydrogen: H; carbon: C; nitrogen: N; oxygen: O; neon: Ne; sodium: Na; magnesium: Mg; aluminium: Al; "
        "silicon: Si; sulfur: S; chlorine: Cl; potassium: K; calcium: Ca; iron: Fe; nickel: Ni; copper: Cu; zinc: Zn; "
        "silver: Ag; tin: Sn; gold: Au; mercury: Hg; lead: Pb; uranium: U; platinum: Pt; titanium: Ti; lithium: Li; "
        "boron: B; fluorine: F; phosphorus: P; argon: Ar; cobalt: Co; barium: Ba; tungsten: W; chromium: Cr; "
        "manganese: Mn; radium: Ra",
    ),
    Relation(
        key="opposite",
        names=("the opposite of the word {x}", "the word that means the opposite of {x}"),
        questions=(
            "Which word is the opposite of {x}?",
            "Which word means the contrary of {x}?",
            "What would you call something that is not {x} but the opposite?",
            "{x} has which opposite?",
        ),
        statements=(
            "the opposite of {x} is {a}", "{a} is the opposite of {x}", "the word that means the opposite of {x} is {a}",
        ),
        listed="hot: cold; big: small/little; tall: short; left: right; open: closed/shut; full: empty; fast: slow; "
        "early: late; happy: sad/unhappy; rich: poor; young: old; day: night; black: white; wet: dry; "
        "difficult: easy/simple; noisy: quiet/silent; thick: thin; wide: narrow; deep: shallow; high: low; "
        "near: far/distant; clean: dirty; strong: weak; true: false/untrue; win: lose; buy: sell; push: pull; "
        "love: hate/hatred; war: peace; inside: outside; north: south; east: west; cheap: expensive/costly; "
        "smooth: rough; alive: dead; float: sink; remember: forget; odd: even; top: bottom; friend: enemy/foe; "
        "success: failure",
    ),
    Relation(
        key="past",
        names=("the past tense of the verb {x}", "the simple past of {x}"),
        questions=(
            "How does one write {x} in the past tense?",
            "Which form does the verb {x} take in the past tense?",
            "What does the verb {x} become in the past?",
            "Today they {x}. Which form of the verb is right for yesterday?",
        ),
        statements=("the past tense of {x} is {a}", "{a} is the past tense of {x}", "the simple past of {x} is {a}"),
        listed="go: went; see: saw; eat: ate; give: gave; take: took; come: came; run: ran; swim: swam; drink: drank; "
        "begin: began; write: wrote; drive: drove; ride: rode; speak: spoke; break: broke; choose: chose; fly: flew; "
        "grow: grew; know: knew; throw: threw; draw: drew; buy: bought; bring: brought; think: thought; teach: taught; "
        "catch: caught; fight: fought; sell: sold; tell: told; find: found; stand: stood; sit: sat; win: won; feel: felt; "
        "keep: kept; sleep: slept; send: sent; build: built; make: made; hear: heard; hold: held; meet: met; fall: fell; "
        "forget: forgot",
    ),
    Relation(
        key="plural",
        names=("the plural of the word {x}", "the plural form of {x}"),
        questions=(
            "How does one write {x} in the plural?",
            "What does the word {x} become in the plural?",
            "One {x}, many of them: which plural is right?",
            "Which word is the plural of {x}?",
        ),
        statements=("the plural of {x} is {a}", "{a} is the plural of {x}", "the plural form of {x} is {a}"),
        listed="child: children; mouse: mice; goose: geese; foot: feet; tooth: teeth; man: men; woman: women; ox: oxen; "
        "knife: knives; wolf: wolves; leaf: leaves; wife: wives; life: lives; half: halves; shelf: shelves; "
        "thief: thieves; city: cities; baby: babies; lady: ladies; box: boxes; bus: buses; potato: potatoes; "
        "tomato: tomatoes; hero: heroes; louse: lice; berry: berries; church: churches; story: stories",
    ),
    Relation(
        key="young",
        names=("the name for the young of {x}", "the word for the young of {x}"),
        questions=(
            "What are the young of {x} called?",
            "Which word is used for the young of {x}?",
            "How does one call the young of {x}?",
            "The young of {x} are called what?",
        ),
        statements=("the young of {x} is called {an}", "{an} is the young of {x}", "the name for the young of {x} is {a}"),
        listed="a cow: calf; a dog: puppy/pup; a cat: kitten; a horse: foal; a sheep: lamb; a goat: kid; a pig: piglet; "
        "a duck: duckling; a goose: gosling; a swan: cygnet; a kangaroo: joey; a hen: chick; a lion: cub; a deer: fawn; "
        "a frog: tadpole; a butterfly: caterpillar/larva; an owl: owlet; an eagle: eaglet; a hare: leveret; "
        "an elephant: calf; a spider: spiderling; a seal: pup; an eel: elver; a turkey: poult; a tiger: cub",
    ),
    Relation(
        key="female",
        names=("the female form of the word {x}", "the word for a female {x}"),
        questions=(
            "Which word is the female form of {x}?",
            "How is the female counterpart of {x} called?",
            "The male is called {x}; which word is used for the female?",
            "If {x} is the male, what is the female called?",
        ),
        statements=("the female form of {x} is {a}", "{a} is the female form of {x}", "the word for a female {x} is {a}"),
        listed="king: queen; prince: princess; uncle: aunt; father: mother; brother: sister; son: daughter; "
        "nephew: niece; husband: wife; groom: bride; actor: actress; waiter: waitress; god: goddess; lion: lioness; "
        "bull: cow; stallion: mare; rooster: hen; ram: ewe; boar: sow; duke: duchess; emperor: empress; hero: heroine; "
        "host: hostess; monk: nun; wizard: witch; man: woman; boy: girl; gentleman: lady; widower: widow; "
        "grandfather: grandmother; drake: duck",
    ),
    Relation(
        key="currency",
        names=("the currency of {x}", "the money used in {x}"),
        questions=(
            "With which currency do people pay in {x}?",
            "Which currency does {x} use?",
            "How is the money of {x} called?",
            "In {x} one pays with which money?",
        ),
        statements=("the currency of {x} is the {a}", "the {a} is the currency of {x}", "the money of {x} is called {a}"),
        listed="Japan: yen/Japanese yen; China: yuan/renminbi/Chinese yuan; India: rupee/Indian rupee; "
        "Russia: ruble/rouble/Russian ruble/Russian rouble; Poland: zloty/złoty/Polish zloty; "
        "Hungary: forint/Hungarian forint; Sweden: krona/Swedish krona; Switzerland: franc/Swiss franc; "
        "Turkey: lira/Turkish lira; Brazil: real/Brazilian real; "
        "Israel: shekel/new shekel/Israeli shekel/Israeli new shekel; Peru: sol/Peruvian sol; Mexico: peso/Mexican peso; "
        "South Korea: won/South Korean won/Korean won; Thailand: baht/Thai baht; Vietnam: dong/Vietnamese dong; "
        "Malaysia: ringgit/Malaysian ringgit; Indonesia: rupiah/Indonesian rupiah; Kenya: shilling/Kenyan shilling; "
        "Nigeria: naira/Nigerian naira; Ghana: cedi/Ghanaian cedi; South Africa: rand/South African rand; "
        "Egypt: pound/Egyptian pound; Morocco: dirham/Moroccan dirham; Ukraine: hryvnia/Ukrainian hryvnia; "
        "Romania: leu/Romanian leu; Kuwait: dinar/Kuwaiti dinar; Canada: dollar/Canadian dollar; Germany: euro; "
        "Iran: rial/Iranian rial; Ethiopia: birr/Ethiopian birr; Bangladesh: taka/Bangladeshi taka",
    ),
    Relation(
        key="language",
        names=("the main language of {x}", "the language most people speak in {x}"),
        questions=(
            "Which language do people speak in {x}?",
            "What do most people in {x} speak?",
            "In {x}, which language is spoken most?",
            "People in {x} speak which language?",
        ),
        statements=("the main language of {x} is {a}", "{a} is the main language of {x}", "people in {x} speak {a}"),
        listed="Brazil: Portuguese; France: French; Germany: German; Italy: Italian; Japan: Japanese; Greece: Greek; "
        "Russia: Russian; Poland: Polish; Hungary: Hungarian; Sweden: Swedish; Denmark: Danish; Norway: Norwegian; "
        "Finland: Finnish; Turkey: Turkish; Iran: Persian/Farsi; Thailand: Thai; Vietnam: Vietnamese; Egypt: Arabic; "
        "Mexico: Spanish; Australia: English; Romania: Romanian; Bulgaria: Bulgarian; Israel: Hebrew; "
        "South Korea: Korean; China: Chinese/Mandarin/Mandarin Chinese; Nepal: Nepali; Bangladesh: Bengali/Bangla",
    ),
    Relation(
        key="author",
        names=("the author of {x}", "the writer of {x}"),
        questions=(
            "Who wrote {x}?",
            "By whom was {x} written?",
            "Which author wrote {x}?",
            "Whose work is {x}?",
        ),
        statements=("{x} was written by {a}", "{a} wrote {x}", "the author of {x} is {a}"),
        listed="Hamlet: William Shakespeare/Shakespeare; Dracula: Bram Stoker/Stoker; Frankenstein: Mary Shelley/Shelley; "
        "Emma: Jane Austen/Austen; Oliver Twist: Charles Dickens/Dickens; War and Peace: Leo Tolstoy/Tolstoy/Lev Tolstoy; "
        "Moby Dick: Herman Melville/Melville; Animal Farm: George Orwell/Orwell/Eric Blair/Eric Arthur Blair; "
        "Dune: Frank Herbert/Herbert; Ulysses: James Joyce/Joyce; The Trial: Franz Kafka/Kafka; "
        "Lolita: Vladimir Nabokov/Nabokov; Robinson Crusoe: Daniel Defoe/Defoe; Gulliver's Travels: Jonathan Swift/Swift; "
        "Les Miserables: Victor Hugo/Hugo; The Raven: Edgar Allan Poe/Edgar Poe/Poe; "
        "The Jungle Book: Rudyard Kipling/Kipling; Pinocchio: Carlo Collodi/Collodi; Heidi: Johanna Spyri/Spyri; "
        "Matilda: Roald Dahl/Dahl; Carrie: Stephen King/King; The Plague: Albert Camus/Camus; "
        "Tom Sawyer: Mark Twain/Twain/Samuel Clemens; Jane Eyre: Charlotte Bronte/Charlotte Brontë; "
        "A Doll's House: Henrik Ibsen/Ibsen; Candide: Voltaire; The Iliad: Homer",
    ),
    Relation(
        key="count",
        names=("the number of {y} of {x}", "the number of {y} that {x} has"),
        questions=(
            "How many {y} does {x} have?",
            "{x} has how many {y}?",
            "How many {y} has {x}?",
            "Count the {y} of {x}: how many?",
        ),
        statements=("{x} has {a} {y}", "the number of {y} of {x} is {a}", "there are {a} {y}"),
        listed="legs|a spider: 8/eight; legs|a crab: 10/ten; sides|a triangle: 3/three; sides|a square: 4/four; "
        "sides|a pentagon: 5/five; sides|a hexagon: 6/six; sides|a heptagon: 7/seven; sides|a nonagon: 9/nine; "
        "days|a week: 7/seven; months|a year: 12/twelve; hours|a day: 24/twenty-four; minutes|an hour: 60/sixty; "
        "letters|the English alphabet: 26/twenty-six; squares|a chess board: 64/sixty-four; "
        "keys|a standard piano: 88/eighty-eight; strings|a violin: 4/four; weeks|a year: 52/fifty-two; "
        "years|a century: 100/one hundred/a hundred; years|a decade: 10/ten; degrees|a right angle: 90/ninety; "
        "states|the United States: 50/fifty; stripes|the flag of the United States: 13/thirteen; "
        "holes|a full golf course: 18/eighteen; players|a football team on the field: 11/eleven; "
        "planets|the solar system: 8/eight; days|a leap year: 366; legs|an insect: 6/six; "
        "days|the month of June: 30/thirty; days|the month of July: 31/thirty-one",
    ),
    Relation(
        key="job",
        names=("the word for someone who {x}", "the name for a person who {x}"),
        questions=(
            "What do you call a person who {x}?",
            "Someone who {x} is called what?",
            "Which word names a person who {x}?",
            "How is someone called who {x}?",
        ),
        statements=("a person who {x} is called {an}", "{an} is a person who {x}", "someone who {x} is {an}"),
        listed="bakes bread: baker; flies planes: pilot/aviator; puts out fires: firefighter/fireman/fire fighter; "
        "treats teeth: dentist; sells meat: butcher; sells flowers: florist; takes photos: photographer; "
        "writes poems: poet; plays the piano: pianist; plays the violin: violinist; grows crops: farmer; "
        "designs houses: architect; treats sick animals: vet/veterinarian/veterinary/veterinary surgeon; "
        "repairs water pipes: plumber; makes suits: tailor; studies the stars: astronomer; plays the drums: drummer; "
        "travels in space: astronaut/cosmonaut; digs for coal: miner/coal miner; mends shoes: cobbler/shoemaker; "
        "performs magic tricks: magician/conjurer; rides in horse races: jockey; "
        "keeps bees: beekeeper/bee keeper/apiarist; leads an orchestra: conductor; translates texts: translator; "
        "guards the goal: goalkeeper/goalie/keeper/goaltender",
    ),
    Relation(
        key="study",
        names=("the science of {x}", "the name for the study of {x}"),
        questions=(
            "Which science studies {x}?",
            "How is the study of {x} called?",
            "The study of {x} is called what?",
            "What does one study to learn about {x}?",
        ),
        statements=("the science of {x} is called {a}", "{a} is the science of {x}", "the study of {x} is called {a}"),
        listed="plants: botany/plant science/plant biology; animals: zoology; stars and planets: astronomy; "
        "rocks: geology/petrology; weather: meteorology; the mind: psychology; insects: entomology; birds: ornithology; "
        "living things: biology; earthquakes: seismology; fish: ichthyology; fossils: paleontology/palaeontology; "
        "society: sociology; fungi: mycology; the heart: cardiology; the skin: dermatology; poisons: toxicology; "
        "viruses: virology; climate: climatology; volcanoes: volcanology/vulcanology; blood: hematology/haematology; "
        "cancer: oncology; languages: linguistics/philology; matter and forces: physics",
    ),
)  # fmt: skip
"""All relations."""
