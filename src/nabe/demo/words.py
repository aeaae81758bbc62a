"""Invented names: districts, streets, people, operators. Any likeness to real ones is a coincidence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DistrictPlan:
    """What a district is to be like.

    `east`, `north`: its heart in metres from the town's; `pull` > 1 makes it larger; `people`: inhabitants;
    `profile`: mix of households (`people.PROFILES`); `assisted`: households on social assistance;
    `kita_supply`: Kita places per 100 children under 6; `per_address`: people at one address.
    """

    key: str
    name: str
    east: float
    north: float
    pull: float
    people: int
    profile: str
    assisted: int
    kita_supply: float
    per_address: float


DISTRICTS: tuple[DistrictPlan, ...] = (
    DistrictPlan("01", "Innenstadt", 0, 0, 0.92, 13_900, "centre", 560, 78, 9.0),
    DistrictPlan("02", "Mühlgrund", 1_500, 1_450, 0.95, 11_200, "mixed", 420, 84, 6.6),
    DistrictPlan("03", "Königsried", 2_150, -650, 0.95, 9_800, "mixed", 260, 92, 5.6),
    DistrictPlan("04", "Bärwinkel", 350, -2_150, 0.95, 12_600, "estate", 1_010, 58, 10.5),
    DistrictPlan("05", "Löwenhain", -1_850, -1_150, 0.98, 8_700, "wealthy", 70, 104, 3.9),
    DistrictPlan("06", "Süderhöh", 2_250, -3_050, 1.05, 10_400, "mixed", 390, 80, 5.6),
    DistrictPlan("07", "Weißenbrück", -1_300, 1_550, 0.95, 11_900, "worker", 890, 63, 7.4),
    DistrictPlan("08", "Ährenfeld", 3_950, 1_450, 1.05, 8_300, "new", 190, 71, 4.4),
    DistrictPlan("09", "Grünthal", 300, 3_750, 1.05, 7_600, "mixed", 210, 88, 4.5),
    DistrictPlan("10", "Rößlingen", -3_300, 2_650, 1.05, 7_900, "worker", 280, 76, 4.5),
    DistrictPlan("11", "Kühlenbach", -3_950, -250, 1.05, 6_400, "mixed", 160, 90, 4.0),
    DistrictPlan("12", "Öderloh", -2_700, -3_250, 1.05, 5_200, "village", 120, 82, 3.4),
    DistrictPlan("13", "Tänndorf", 2_950, 3_550, 1.05, 5_460, "village", 237, 95, 3.5),
    DistrictPlan("14", "Hüttenäcker", 4_350, -1_150, 0.9, 640, "village", 3, 62, 2.9),
)

STREET_STEMS = (
    "Linden Ahorn Eichen Birken Buchen Eschen Erlen Kastanien Ulmen Weiden Tannen Fichten Kiefern Lärchen Pappel Holunder "
    "Schlehen Hasel Wacholder Flieder Rosen Nelken Tulpen Astern Veilchen Dahlien Lilien Primel Mohn Klee Ähren Gersten "
    "Hafer Roggen Weizen Amsel Drossel Finken Star Lerchen Meisen Schwalben Zeisig Kranich Reiher Möwen Falken Habicht "
    "Bussard Eulen Kuckuck Fasanen Rebhuhn Storchen Reh Hirsch Dachs Fuchs Hasen Igel Marder Biber Otter Gerber Böttcher "
    "Weber Färber Schmiede Töpfer Glaser Sattler Seiler Müller Bäcker Fischer Jäger Köhler Zimmerer Schäfer Imker Brauer "
    "Bahnhof Brücken Mühlen Schul Kirch Markt Garten Wiesen Feld Wald Heide Moor Teich Bach Quell Brunnen Burg Schloß Turm "
    "Tor Wall Graben Anger Hof Stein Kies Sand Lehm Ton Kreide Silber Kupfer Zinn Eisen Salz Süd Nord Ost West Sonnen Mond "
    "Stern Morgen Abend Sommer Herbst Winter Frühlings Höhen Tal Berg Hügel Klippen Felsen Grün Blumen Obst Apfel Birnen "
    "Kirschen Pflaumen Quitten Nuß Beeren Wein Hopfen"
).split()
STREET_ENDINGS = ("straße", "weg", "gasse", "ring", "stieg", "allee", "platz", "ufer", "kamp", "winkel")
STREET_PHRASES = (
    "Am Mühlbach;An der Höhe;Im Grünen Grund;Auf dem Äckerchen;Zur Alten Furt;Am Ölberg;An den Gärten;Unter den Weiden;"
    "Hinter der Mauer;Vor dem Südtor;Am Güterbahnhof;An der Försterei;Im Röhricht;Zum Bärenstein;Auf der Kühweide;"
    "Am Löschteich;An der Kläranlage;Im Übergang;Zur Königseiche;Am Großen Stück;An der Weißen Brücke;Im Süßen Winkel;"
    "Zum Häuschen;Über dem Ried;Am Fünfstein;Im Öd;Bei den Höfen;Am Rübenacker;Zur Schäferei;An der Bürgerwiese"
).split(";")
STREET_PEOPLE = (
    "Käthe-Brömel Jürgen-Süßkind Anna-Lührs Fritz-Öhlmann Grete-Weißgerber Götz-Ährlich Mathilde-Kühn Ernst-Möllenkamp "
    "Ida-Grünspan Karl-Häberle Rosa-Tännhäuser Otto-Bückling Emmi-Löwenherz Hans-Jörg-Rüttgers Lotte-Schößler "
    "Wilhelm-Pfänder Änne-Kröger Theodor-Büßmann Clara-Düsterloh Hermann-Oeßel"
).split()

FAMILY_NAMES = (
    "Ahrbeck Altmüller Bäumchen Beerenbusch Bießmann Blömke Bröcker Bühring Dämmrich Dörrlamm Düsterhöft Eberhöfer Ehrlichmann "
    "Fährkamp Fölsing Frühauf Gänßler Gerstenkorn Göhrich Grünspan Gürtler Häfele Heißwolf Hölscher Hübenthal Jägerhuber "
    "Jöhnke Kästel Kieselbach Köpenick Krähenbühl Kühlwein Lämmlein Lößner Lüdecking Mährlein Mößmer Mühlenkamp Nägelsbach "
    "Nöthling Nüßlein Oßwald Öhlschläger Pfäfflin Plöger Pröll Püschmann Quäck Räbiger Rößling Rübsam Sägebarth Schäuble "
    "Schößler Schüttpelz Spätling Stöhrmann Süßmilch Täubner Tröndle Tüxen Übelacker Vößing Wächtler Weißgerber Wöhrmann "
    "Wüstefeld Zäuner Zöphel Zürnbach Yıldırımoğlu Kowalczykow Petrovaić Nguyênthal Al-Sabbahi Öztekinoğlu Iwanczuk Dragović"
).split()
GIVEN_NAMES = {
    "m": (
        "Anton Ben Björn Can Dirk Elias Emil Felix Finn Frank Georg Günther Hans Heinz Henri Ibrahim Jakob Jan Jannik Jörg "
        "Jürgen Kai Karl Konrad Lars Leon Levi Linus Lukas Mats Matthias Mehmet Moritz Noah Oskar Ömer Paul Peter Piotr Ralf "
        "Rainer Rüdiger Sören Stefan Sven Theo Thomas Tim Tobias Uwe Volker Werner Wolfgang Yannick"
    ).split(),
    "w": (
        "Ada Amira Änne Anke Anna Ayşe Bärbel Birgit Britta Clara Doris Elif Ella Emma Erika Fatma Frieda Gabriele Gisela "
        "Greta Hannah Heike Helga Ida Ilse Ines Jana Johanna Jule Karin Katja Käthe Lea Leni Lina Lotte Luisa Maja Maria Marie "
        "Martina Mathilda Mia Monika Nele Olga Petra Renate Rosa Sabine Sofia Süheyla Tanja Ursula Ute Zeynep Zofia"
    ).split(),
}

KITA_WORDS = (
    "Sonnenschein Pusteblume Rappelkiste Regenbogen Wühlmäuse Löwenzahn Zwergenhügel Sternschnuppe Bärenhöhle Spatzennest "
    "Kleeblatt Mühlräder Wiesenkinder Entdeckerhaus Farbklecks Hüpfburg Igelgruppe Käferwiese Kastanienhof Kunterbunt "
    "Leuchtturm Marienkäfer Naseweis Panama Pfützenspringer Quellenkinder Räuberhöhle Rübenland Schatzkiste Schmetterling "
    "Schneckenhaus Seepferdchen Spielwiese Sprungbrett Taubenschlag Traumland Trollhöhle Uhlenhorst Villa_Vielfalt Waldwichtel "
    "Weltentdecker Wirbelwind Wolkenschloss Wundertüte Zaubergarten Zauberwald Abenteuerland Ackerwinde Bachkiesel Drachenburg "
    "Eichhörnchen Feuerwehrhof Froschteich Glühwürmchen Heckenrose Himmelszelt Kieselsteine Krümelkiste Lindenhof Mäusenest "
    "Nestwärme Obstgarten Purzelbaum Rotkehlchen Sausewind Storchennest Südstern Tausendfüßler Zugvögel Ährenkinder"
).split()
KITA_OPERATORS = (
    ("Kita-Eigenbetrieb Musterstadt", "kommunal", 0.46),
    ("Evangelischer Kirchenkreis Musterstadt", "kirchlich", 0.18),
    ("Katholische Pfarrgemeinde St. Änne", "kirchlich", 0.12),
    ("Arbeiterfürsorge Musterstadt e. V.", "freigemeinnützig", 0.12),
    ("Elterninitiative Rübenland e. V.", "freigemeinnützig", 0.06),
    ("Waldkinder Süderhöh gGmbH", "privat", 0.06),
)

SPECIALTIES = (
    ("Hausärztliche Versorgung", 62),
    ("Kinder- und Jugendmedizin", 14),
    ("Frauenheilkunde", 14),
    ("Augenheilkunde", 9),
    ("Orthopädie", 11),
    ("Hals-Nasen-Ohren-Heilkunde", 8),
    ("Hautkrankheiten", 7),
    ("Innere Medizin", 12),
    ("Psychotherapie", 13),
)
TREES = (
    ("Winterlinde", "Tilia cordata"),
    ("Spitzahorn", "Acer platanoides"),
    ("Stieleiche", "Quercus robur"),
    ("Platane", "Platanus × hispanica"),
    ("Roßkastanie", "Aesculus hippocastanum"),
    ("Hainbuche", "Carpinus betulus"),
    ("Sandbirke", "Betula pendula"),
    ("Feldahorn", "Acer campestre"),
    ("Mehlbeere", "Sorbus aria"),
    ("Gemeine Esche", "Fraxinus excelsior"),
)
OFFICES = (
    "Rathaus Bürgeramt Feuerwache Bauhof Stadtbücherei Museum Stadthalle Sozialamt Musikschule Südbad Archiv Volkshochschule"
).split()
