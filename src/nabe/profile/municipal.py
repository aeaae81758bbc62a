"""Official keys of German administration, recognised by header and pattern.

AGS, ARS: Gemeindeverzeichnis of the statistical offices; the third digit is the Regierungsbezirk, whose numbers exist
only per Land, which tells an AGS from other eight digits. LOR: planning areas of Berlin since 2021 (district 01..12).
NUTS: Regulation (EC) 1059/2003, first level DE1..DEG. Flurstückskennzeichen: ALKIS, GeoInfoDok, 20 characters (Land,
Gemarkung, Flur, Zähler, Nenner, Folge; what is not given is `_`). ALKIS objects: DE, Land, 12 characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile
from nabe.profile.titles import tokens

#: Land -> digits that may follow it in an AGS.
_REGIERUNGSBEZIRKE = {
    "01": "0",
    "02": "0",
    "03": "1234",
    "04": "0",
    "05": "13579",
    "06": "456",
    "07": "123",
    "08": "1234",
    "09": "1234567",
    "10": "0",
    "11": "0",
    "12": "0",
    "13": "0",
    "14": "567",
    "15": "0",
    "16": "0",
}
_CODE_WORDS = (
    "id",
    "nr",
    "nummer",
    "no",
    "key",
    "code",
    "kennung",
    "schluessel",
    "schlüssel",
    "kz",
    "kennziffer",
    "sch",
)


def _ags(text: str) -> bool:
    return len(text) == 8 and text.isdigit() and text[2] in _REGIERUNGSBEZIRKE.get(text[:2], "")


def _kreis(text: str) -> bool:
    return len(text) == 5 and text.isdigit() and text[2] in _REGIERUNGSBEZIRKE.get(text[:2], "")


def _ars(text: str) -> bool:
    return len(text) == 12 and text.isdigit() and text[2] in _REGIERUNGSBEZIRKE.get(text[:2], "")


def _plz(text: str) -> bool:
    return len(text) == 5 and text.isdigit() and "01001" <= text <= "99998"


def _lor(text: str) -> bool:
    return len(text) in (6, 8) and text.isdigit() and "01" <= text[:2] <= "12" and text[-2:] != "00"


def _five_digits(text: str) -> bool:
    return len(text) == 5 and text.isdigit()


#: First two digits of AGS and ARS -> Land (ISO 3166-2 without DE-).
LAENDER = dict(
    zip(
        (f"{number:02d}" for number in range(1, 17)),
        ("SH", "HH", "NI", "HB", "NW", "HE", "RP", "BW", "BY", "SL", "BE", "BB", "MV", "SN", "ST", "TH"),
        strict=True,
    )
)
_NUTS = re.compile(r"DE([1-9A-G][0-9A-Z]{0,2})?")
_PARCEL = re.compile(r"(0[1-9]|1[0-6])\d{4}(\d{3}|___)\d{5}(\d{4}|_{4})(\d{2}|__)")
_ALKIS = re.compile(r"DE(SH|HH|NI|HB|NW|HE|RP|BW|BY|SL|BE|BB|MV|SN|ST|TH)[0-9A-Za-z]{12}")
_INSTITUTION = re.compile(r"(?=.*\d)[0-9A-Z]{2,12}")


def _nuts(text: str) -> bool:
    return bool(_NUTS.fullmatch(text))


def _parcel(text: str) -> bool:
    return len(text) in (18, 20) and bool(_PARCEL.fullmatch(text.ljust(20, "_")))


def _alkis(text: str) -> bool:
    return bool(_ALKIS.fullmatch(text))


def _institution(text: str) -> bool:
    return bool(_INSTITUTION.fullmatch(text))


def _deveui(text: str) -> bool:
    return bool(re.fullmatch(r"(?:[0-9A-Fa-f]{2}[-:]?){7}[0-9A-Fa-f]{2}", text))


def _district(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,4}", text))


@dataclass(frozen=True, slots=True)
class KeyKind:
    """A kind of official key. `headers`: words of which one must begin a word of the header, unless `alone`, the share
    of fitting values that suffices without a telling header (0: never). `digits`: how many there are, to see lost zeros.
    `coded`: the header must also say that this is a key and not a name."""

    id: str
    headers: tuple[str, ...]
    fits: Callable[[str], bool]
    alone: float = 0.0
    digits: int = 0
    coded: bool = False


#: In the order in which they are tried; each has its words in `locale/*/profile.toml` as `profile.municipal.<id>`.
KINDS = (
    KeyKind("lor", ("plr", "lor", "planungsraum", "bzr", "bezirksregion", "schluessel_plr"), _lor, 0.0, 8),
    KeyKind("ars", ("ars", "regionalschlüssel", "regionalschluessel", "rs"), _ars, 0.98, 12),
    KeyKind(
        "ags", ("ags", "gemeindeschlüssel", "gemeindeschluessel", "gkz", "gemeindekennziffer", "agskey"), _ags, 0.98, 8
    ),
    KeyKind(
        "kreis", ("kreis", "landkreis", "krs", "ags", "gemeindeschl", "gemeindeschlüssel", "county"), _kreis, 0.0, 5
    ),
    KeyKind("plz", ("plz", "postleitzahl", "zip", "postcode", "postal", "postzustell"), _plz, 0.0, 5),
    KeyKind(
        "street",
        (
            "straßenschl",
            "strassenschl",
            "strschl",
            "straßenkey",
            "strassenkey",
            "straßenn",
            "strassenn",
            "strassen",
            "strasse",
        ),
        _five_digits,
        0.0,
        5,
        coded=True,
    ),
    KeyKind("nuts", ("nuts", "geocode", "nutsid"), _nuts, 0.98),
    KeyKind(
        "parcel", ("flurstück", "flurstueck", "flst", "fsk", "flurstkennz", "gml", "kennzeichen"), _parcel, 0.98, 20
    ),
    KeyKind("alkis", ("gebäude", "gebaeude", "hauskoordinate", "alkis", "gml", "oid", "objekt"), _alkis, 0.98),
    KeyKind(
        "institution",
        ("schul", "school", "bsn", "kita", "einricht", "träger", "traeger", "institution", "kindertages"),
        _institution,
        coded=True,
    ),
    KeyKind("deveui", ("deveui", "eui", "devices"), _deveui, 0.98),
    KeyKind(
        "district",
        ("stadtteil", "stadtbezirk", "bezirk", "ortsteil", "stadtviertel", "quartier", "bez", "stt", "ot", "sbz"),
        _district,
        coded=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A column holds keys of a kind; `zeros_lost`: as numbers, without their leading zeros."""

    kind: KeyKind
    share: float
    zeros_lost: bool = False

    def laender(self, column: ColumnProfile) -> tuple[str, ...]:
        """The Länder of which the keys are, by their first digits or letters; none where the kind does not say."""
        if self.kind.id in ("alkis",):
            return tuple(sorted({text[2:4] for text in column.texts if self.kind.fits(text)}))
        if self.kind.id not in ("ags", "ars", "kreis", "parcel"):
            return ()
        whole = (text.zfill(self.kind.digits) if self.zeros_lost else text for text in column.texts)
        return tuple(sorted({LAENDER[text[:2]] for text in whole if self.kind.fits(text)}))


def recognise(column: ColumnProfile, table: str = "") -> Recognised | None:
    """Which official key the column holds, if any. The table's name helps where the header only says `Nr.`"""
    if column.type not in (FieldType.STRING, FieldType.INTEGER, FieldType.NUMBER) or not column.texts:
        return None
    words = tokens(column.name)
    if all(word in _CODE_WORDS for word in words):
        words = [*tokens(table), *words]
    joined = "".join(words)
    for kind in KINDS:
        named = any(word.startswith(head) for word in [*words, joined] for head in kind.headers)
        if kind.coded:
            named = named and (
                (kind.id == "district" and joined in kind.headers[-4:])
                or joined == "bsn"
                or any(joined.endswith(code) for code in _CODE_WORDS)
            )
        share = column.share(kind.fits)
        if named and share >= 0.9:
            return Recognised(kind, share)
        numeric = column.type is not FieldType.STRING
        if named and numeric and kind.digits and _share_filled(column, kind) >= 0.9:
            return Recognised(kind, share, zeros_lost=True)
        enough = len(column.texts) >= 3 and column.type is FieldType.STRING
        if kind.alone and enough and share >= kind.alone and not (kind.id == "deveui" and column.whole):
            return Recognised(kind, share)
    return _lor_alone(column)


def _share_filled(column: ColumnProfile, kind: KeyKind) -> float:
    """The share of values that fit once their lost zeros are put back."""
    return column.share(lambda text: kind.fits(text.zfill(kind.digits)))


def _lor_alone(column: ColumnProfile) -> Recognised | None:
    """Eight digits with leading zeros that begin with all twelve districts of Berlin, under whatever header."""
    if column.type is not FieldType.STRING or len(column.texts) < 100 or column.width != 8:
        return None
    districts = {text[:2] for text in column.texts}
    kind = KINDS[0]
    return Recognised(kind, 1.0) if len(districts) == 12 and column.share(kind.fits) >= 0.98 else None


def is_code_header(name: str) -> bool:
    """Does the header say that this is an identifier, a number or a key (`PLR_ID`, `Stadtteilnummer`, `id`)?"""
    words = tokens(name)
    if len(words) == 1 and words[0] in ("stt", "sbz", "bez", "ot", "plr", "ags", "ars"):
        return True
    return bool(words) and any(
        word == code or (len(code) > 3 and word.endswith(code)) for word in words for code in _CODE_WORDS
    )
