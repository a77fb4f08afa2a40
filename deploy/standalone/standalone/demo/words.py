"""Invented names. No person or company in here exists."""

FIRST = (
    "Ada", "Bruno", "Chiara", "Dario", "Elin", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Leon", "Mila", "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tara", "Ugo", "Vera",
    "Wanda", "Yara", "Zeno", "Alma", "Boris", "Cleo", "Dunja", "Emil", "Fina", "Gero", "Hanna",
    "Ivo", "Jana", "Kaj",
)  # fmt: skip
LAST = (
    "Abend", "Birke", "Castel", "Dorn", "Ebner", "Falk", "Gallo", "Holm", "Imre", "Jansky",
    "Kolb", "Lind", "Moro", "Nagel", "Ostrow", "Perez", "Quast", "Rehn", "Sandoz", "Thorn", "Ulmer",
    "Varga", "Wolff", "Yilmaz", "Zander", "Arlt", "Brandis", "Cordes", "Dahl", "Eder", "Fuchs",
    "Grau", "Horn", "Iversen", "Jung", "Kranz",
)  # fmt: skip
COMPANY_HEADS = (
    "Alder", "Beacon", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbor", "Iris", "Juniper",
    "Krone", "Lumen", "Meridian", "Nordic", "Onyx", "Pioneer", "Quarry", "Ridge", "Sierra", "Tundra",
)  # fmt: skip
COMPANY_TAILS = ("Logistics", "Foods", "Energy", "Labs", "Textiles", "Health")
