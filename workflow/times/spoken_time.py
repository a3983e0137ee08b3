"""A parsed time as values, and the names that it can contain.

Months, weekdays, days near today and units of time in English, German, French, Spanish, Italian,
Portuguese, Dutch, Swedish, Danish, Norwegian, Finnish, Polish, Czech, Russian, Turkish, Hungarian,
Romanian, Catalan, Slovak, Ukrainian, Bulgarian, Greek, Hebrew, Arabic, Hindi, Thai, Vietnamese
and Indonesian, as in Unicode's CLDR. No name means two months or two weekdays in two of these
languages; `mar` is a month and a weekday, and its neighbour decides.

The result of reading is a `Moment`, or an error with options to choose from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

from workflow.errors import BadInput

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True)
class Clock:
    """A parsed time of day; `hour` may be out of range, or need `half`.

    `half` is `a` or `p` for AM and PM. `word` is `noon` or `midnight`. `has_h` marks `2h`,
    `1h30` or `1:30h`, which may be a span.
    """

    hour: int
    minute: int = 0
    second: int = 0
    microsecond: int = 0
    half: str = ""
    word: str = ""
    has_h: bool = False

    @property
    def may_lack_half(self) -> bool:
        """Whether AM or PM is missing, if the times around it have one."""
        return not self.half and not self.word and 1 <= self.hour <= 12

    def minute_of_day(self, half: str) -> int:
        """The minute of the day that it shows, read as AM (`a`), PM (`p`) or by 24 hours ("")."""
        hour = self.hour % 12 + (12 if half == "p" else 0) if half else self.hour
        return hour * 60 + self.minute


@dataclass(frozen=True)
class NamedDate:
    """A parsed date. With `is_open`, `month` and `day` may be swapped.

    `shows` is the order that a date of two numbers reveals: `day` for 24/11, `month` for 11/24.
    """

    year: int | None
    month: int
    day: int
    is_open: bool = False
    shows: str = ""


@dataclass(frozen=True)
class Spoken:
    """The parsed parts of a time. `near` is in days from today, `side` of a weekday -1 or 1.

    `part` of the day is morning, afternoon, evening, night or last night, or "".

    `span` is from now, negative for the past; `span_is_bare` has neither "ago" nor "in" and may be
    a clock's time too (`2h`).
    """

    clock: Clock | None = None
    date: NamedDate | None = None
    weekday: int | None = None
    side: int = 0
    near: int | None = None
    part: str = ""
    zones: tuple[str, ...] = ()
    span: timedelta | None = None
    span_is_bare: bool = False

    @property
    def clock_or_day(self) -> bool:
        """Whether it names more than a zone."""
        return self.clock is not None or self.has_day

    @property
    def has_day(self) -> bool:
        """Whether it names a day in any way."""
        return self.date is not None or self.weekday is not None or self.near is not None


NOW = Spoken(span=timedelta(0))


def normal(text: str) -> str:
    """A text with ordinary spaces, without direction marks; of the same length."""
    return text.translate(_SPACES)


_SPACES = {
    ord(each): " "
    for each in "\u00a0\u202f\u2009\u2007\u200b\ufeff\u2060"
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
}


def simple(text: str) -> str:
    """A text with ordinary digits, colons, hyphens and apostrophes too; as long as it was."""
    return normal(text).translate(_SIMPLE)


_SIMPLE = {
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    **dict.fromkeys(map(ord, "\uff1a\u2236\ua789"), ":"),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2212\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\u2019\u02bc"), "'"),
    0xFF0C: ",",
    0x060C: ",",
    0xFF08: "(",
    0xFF09: ")",
    ord("İ"): "I",
}


@dataclass(frozen=True)
class Way:
    """How a text is read: as a whole, or only its beginning.

    `zones` are further abbreviations that count as zones. With `bare_hours`, `15h` may begin a
    text.
    """

    language: str
    is_whole: bool
    zones: frozenset[str] = frozenset()
    bare_hours: bool = False


Found = Iterator[tuple[Spoken, int]]


def runs_on(text: str, end: int, found: str) -> bool:
    """Whether a word continues after a component: `14:39x`, `Mayor`."""
    follows = text[end : end + 1]
    if not follows or not (follows.isalnum() or follows == "_"):
        return False
    # Only `Z`, `UTC`, `T` and the like may directly follow digits.
    return not (found[-1].isdigit() and re.match(r"(?:Z\b|UTC|GMT|T\d|[A-Z]{3,4}\b)", text[end:]))


_MONTHS = (
    "january jan januar janvier janv enero ene gennaio gen janeiro januari tammikuuta "
    "tammikuu tammi stycznia styczeń sty ledna leden января январь янв ocak oca január "
    "ianuarie ian gener januára січня січень януари ιανουαρίου ιανουάριος ιαν ינואר בינואר "
    "يناير มกราคม ม.ค जनवरी",
    "february feb februar février févr febrero febbraio fevereiro fev februari helmikuuta "
    "helmikuu helmi lutego luty lut února únor úno февраля февраль февр фев şubat şub "
    "február febr februarie febrer pebruari februára лютого лютий февруари φεβρουαρίου "
    "φεβρουάριος φεβ פברואר בפברואר فبراير กุมภาพันธ์ ก.พ फ़रवरी फरवरी",
    "march mar märz mär mars marzo março maart mrt marts maaliskuuta maaliskuu maalis marca "
    "marzec mrz března březen bře марта март мар mart március márc martie març maret березня "
    "березень μαρτίου μάρτιος μαρ מרץ במרץ مارس มีนาคม มี.ค मार्च",
    "april apr avril avr abril abr aprile huhtikuuta huhtikuu huhti kwietnia kwiecień kwi "
    "dubna duben dub апреля апрель апр nisan nis április ápr aprilie apríla април квітня "
    "квітень απριλίου απρίλιος απρ אפריל באפריל أبريل เมษายน เม.ย अप्रैल",
    "may mai mayo maggio mag maio mei maj toukokuuta toukokuu touko maja května květen kvě "
    "мая май mayıs mayis május máj maig mája травня травень μαΐου μάιος μαΐ מאי במאי مايو "
    "พฤษภาคม พ.ค मई",
    "june jun juni juin junio giugno giu junho kesäkuuta kesäkuu kesä czerwca czerwiec cze "
    "června červen čvn июня июнь июн haziran haz június jún iunie iun juny júna червня "
    "червень юни ιουνίου ιούνιος ιουν יוני ביוני يونيو มิถุนายน มิ.ย जून",
    "july jul juli juillet juil julio luglio lug julho heinäkuuta heinäkuu heinä lipca "
    "lipiec lip července červenec čvc июля июль июл temmuz július júl iulie iul juliol júla "
    "липня липень юли ιουλίου ιούλιος ιουλ יולי ביולי يوليو กรกฎาคม ก.ค जुलाई",
    "august aug août agosto ago augustus augusti elokuuta elokuu elo sierpnia sierpień sie "
    "srpna srpen srp августа август авг ağustos ağu augusztus augusta agustus agu серпня "
    "серпень αυγούστου αύγουστος αυγ אוגוסט באוגוסט أغسطس สิงหาคม ส.ค अगस्त",
    "september sep sept septembre septiembre settembre set setembro syyskuuta syyskuu syys "
    "września wrzesień wrz září zář сентября сентябрь сент сен eylül eyl szeptember szept "
    "septembrie setembre septembra вересня вересень септември σεπτεμβρίου σεπτέμβριος σεπ "
    "ספטמבר בספטמבר سبتمبر กันยายน ก.ย सितंबर",
    "october oct oktober okt octobre octubre ottobre ott outubro out lokakuuta lokakuu loka "
    "października październik paź října říjen říj октября октябрь окт ekim eki október "
    "octombrie októbra жовтня жовтень октомври οκτωβρίου οκτώβριος οκτ אוקטובר באוקטובר "
    "أكتوبر ตุลาคม ต.ค अक्टूबर",
    "november nov novembre noviembre novembro marraskuuta marraskuu marras listopada "
    "listopad lis listopadu ноября ноябрь нояб ноя kasım kasim kas noiembrie novembra "
    "листопада листопад ноември νοεμβρίου νοέμβριος νοε נובמבר בנובמבר نوفمبر พฤศจิกายน พ.ย "
    "नवंबर नवम्बर",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro desember des "
    "joulukuuta joulukuu joulu grudnia grudzień gru prosince prosinec декабря декабрь дек "
    "aralık aralik decembrie desembre decembra грудня грудень декември δεκεμβρίου δεκέμβριος "
    "δεκ דצמבר בדצמבר ديسمبر ธันวาคม ธ.ค दिसंबर",
)

_WEEKDAYS = (
    "monday mon montag mo lundi lun lunes lunedì segunda-feira seg maandag ma måndag mån "
    "mandag man maanantaina maanantai poniedziałek pon pondělí понедельник пн pazartesi pzt "
    "hétfő luni dilluns dl senin thứ_hai thứ_2 th_2 понеділок понеделник pondelok δευτέρα "
    "δευ יום_שני الاثنين الإثنين จันทร์ सोमवार सोम วันจันทร์ วันจันทร์ที่",
    "tuesday tues tue dienstag di mardi mar martes martedì terça-feira ter dinsdag tisdag "
    "tis tirsdag tirs tir tiistaina tiistai ti wtorek wt úterý út вторник вт salı sali kedd "
    "marți dimarts dt selasa thứ_ba thứ_3 th_3 вівторок utorok τρίτη τρί יום_שלישי الثلاثاء "
    "อังคาร मंगलवार मंगल วันอังคาร วันอังคารที่",
    "wednesday wednes wed mittwoch mi mercredi mer miércoles mié mercoledì quarta-feira qua "
    "woensdag wo onsdag ons keskiviikkona keskiviikko ke środa śr středa středu среда среду "
    "ср çarşamba çar szerda środę miercuri mie dimecres dc rabu thứ_tư thứ_4 th_4 середа "
    "середу сряда streda stredu τετάρτη τετ יום_רביעי الأربعاء พุธ बुधवार बुध วันพุธ "
    "วันพุธที่",
    "thursday thurs thur thu donnerstag do jeudi jeu jueves jue giovedì gio quinta-feira qui "
    "donderdag torsdag tors tor torstaina torstai to czwartek czw čtvrtek čt четверг чт "
    "perşembe csütörtök joi dijous dj kamis thứ_năm thứ_5 th_5 четвъртък štvrtok πέμπτη πέμ "
    "יום_חמישי الخميس พฤหัสบดี गुरुवार गुरु วันพฤหัสบดี วันพฤหัสบดีที่",
    "friday fri freitag fr vendredi ven viernes vie venerdì sexta-feira sex vrijdag vr "
    "fredag fre perjantaina perjantai pe piątek pt pátek pá пятница пятницу пт cuma péntek "
    "vineri vin divendres dv jumat thứ_sáu thứ_6 th_6 п'ятниця п'ятницю петък piatok "
    "παρασκευή παρ יום_שישי الجمعة ศุกร์ शुक्रवार शुक्र วันศุกร์ วันศุกร์ที่",
    "saturday sat samstag sonnabend sa samedi sam sábado sáb sabato sab zaterdag za lördag "
    "lör lørdag lør lauantaina lauantai la sobota sob sobotu суббота субботу сб cumartesi "
    "szombat sobotę sâmbătă sâm dissabte ds sabtu thứ_bảy thứ_7 th_7 субота суботу събота "
    "σάββατο σάβ יום_שבת السبت เสาร์ शनिवार शनि วันเสาร์ วันเสาร์ที่",
    "sunday sun sonntag so dimanche dim domingo dom domenica zondag zo söndag sön søndag søn "
    "sunnuntaina sunnuntai su niedziela niedz neděle neděli воскресенье вс pazar vasárnap "
    "niedzielę duminică dum diumenge dg minggu chủ_nhật неділя неділю неделя nedeľa κυριακή "
    "κυρ יום_ראשון الأحد อาทิตย์ रविवार रवि วันอาทิตย์ วันอาทิตย์ที่",
)

# In further languages too, because a chat's days are lines of their own: an unknown one would be
# taken for text. Some are other words elsewhere; see `OF_A_LANGUAGE`.
_NEAR = {
    -2: "vorgestern avant-hier anteayer eergisteren anteontem przedwczoraj předevčírem позавчера "
    "tegnapelőtt",
    -1: "yesterday gestern hier ayer ieri ontem gisteren igår eilen wczoraj včera вчера dün tegnap "
    "вчора χθες jučer včeraj أمس אתמול ahir kemarin hôm_qua เมื่อวาน เมื่อวานนี้ कल i_går",
    0: "today heute aujourd'hui hoy oggi hoje vandaag idag tänään dziś dzisiaj dnes сегодня bugün "
    "ma сьогодні днес σήμερα danas danes اليوم היום azi astăzi avui hari_ini hôm_nay วันนี้ आज i_dag",
    1: "tomorrow morgen demain mañana domani amanhã imorgon imorgen huomenna jutro zítra завтра "
    "yarın yarin holnap mâine demà besok ngày_mai พรุ่งนี้ i_morgen",
    2: "übermorgen après-demain overmorgen pojutrze pozítří послезавтра holnapután",
}

# German `hier` is "here"; `ma` is Monday to the Dutch and "but" to Italians.
OF_A_LANGUAGE = {"hier": "fr", "ma": "hu"}
_UNITS = {
    1: "s sec secs second seconds sek sekunde sekunden seconde secondes segundo segundos secondi",
    60: "m min mins minute minutes minuten minuto minutos minuti minuut minuter minutter "
    "minuuttia minut",
    3600: "h hr hrs hour hours std stunde stunden heure heures hora horas ora ore uur uren timme "
    "timmar time timer tunti tuntia godzin godziny",
    86400: "d day days tag tage tagen jour jours día días giorno giorni dia dias dag dagen dagar "
    "dage päivää dni",
    604800: "w wk wks week weeks woche wochen semaine semaines semana semanas settimane weken "
    "veckor uger uker viikkoa tygodni",
}


def _names(words: str) -> Iterator[str]:
    """The names in a list, where `hôm_qua` is one of two words."""
    return (name.replace("_", " ") for name in words.split())


MONTHS = {name: number for number, names in enumerate(_MONTHS, 1) for name in _names(names)}
WEEKDAYS = {name: number for number, names in enumerate(_WEEKDAYS) for name in _names(names)}
NEAR_DAYS = {name: shift for shift, names in _NEAR.items() for name in _names(names)}
UNIT_SECONDS = {name: seconds for seconds, names in _UNITS.items() for name in names.split()}

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def one_of(names: Iterable[str]) -> str:
    """A pattern for any of these names, the longest first."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


# Two people's clocks differ; up to this far ahead of ours counts as now.
TOLERANCE = timedelta(minutes=2)


class WhenUnclear(BadInput):
    """The text names no possible time. `str()` is what a person sees."""


@dataclass(frozen=True)
class Option:
    """One possible time: how it differs from the others, and its instant in UTC."""

    words: str
    at: datetime


class WhenOpen(WhenUnclear):
    """The text may mean several times, and a person can choose one of `options`."""

    def __init__(self, sentence: str, question: str, options: Sequence[Option]) -> None:
        super().__init__(sentence)
        self.question = question
        self.options = tuple(options)


class DateOrder(Enum):
    """Which number of `3/4/2026` is the day."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


@dataclass(frozen=True)
class Habits:
    """How a person writes dates: the order of `3/4/2026`, None if unknown; `de`, `fr`, … or ""."""

    order: DateOrder | None = None
    language: str = ""


@dataclass(frozen=True)
class Moment:
    """An instant in UTC, and notes on how it was read. `day` is its date in the zone it names."""

    at: datetime
    notes: tuple[str, ...] = ()
    day: date | None = None


class Side(Enum):
    """Whether a time is in the past (an event) or in the future (a promise)."""

    PAST = -1
    FUTURE = 1


@dataclass(frozen=True)
class Setting:
    """The context of a text. `day` is for a clock without its own day.

    `zone` is the incident's; a text may name another.
    """

    now: datetime
    zone: ZoneInfo
    side: Side = Side.PAST
    habits: Habits = Habits()
    day: date | None = None
