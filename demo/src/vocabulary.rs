//! The words the made-up product is told with: names, countries, industries, pages and features.
//!
//! Nothing here names somebody real on purpose; all domains end in `.example`, which nobody can own (RFC 2606).

/// A country with what follows from it.
#[derive(Debug)]
pub struct Country {
    /// Its English name.
    pub name: &'static str,
    /// The usual language setting of a browser there.
    pub locale: &'static str,
    /// The name of its most populous time zone.
    pub time_zone: &'static str,
    /// Standard time against UTC in minutes. Summer time is left out: it would tie the bodies to a zone database.
    pub offset_minutes: i64,
    /// Given and family names that are common there.
    pub names: &'static Names,
}

/// Given and family names of one region.
#[derive(Debug)]
pub struct Names {
    /// Given names.
    pub given: &'static [&'static str],
    /// Family names.
    pub family: &'static [&'static str],
}

/// An industry and the last words of company names in it.
#[derive(Debug)]
pub struct Industry {
    /// As the property says it.
    pub name: &'static str,
    /// Last words of company names.
    pub endings: &'static [&'static str],
}

const ENGLISH: Names = Names {
    given: &[
        "Olivia", "Noah", "Amelia", "Liam", "Grace", "Ethan", "Hannah", "Lucas", "Chloe", "Mason", "Zoe",
        "Owen", "Ruby", "Caleb", "Ivy", "Theo", "Naomi", "Julian", "Maya", "Felix", "Nora", "Simon", "Tessa",
        "Adrian", "Paige", "Marcus", "Leah", "Dylan", "Faith", "Trevor",
    ],
    family: &[
        "Bennett",
        "Carver",
        "Dawson",
        "Ellery",
        "Fletcher",
        "Garrison",
        "Hollis",
        "Ingram",
        "Jarvis",
        "Kendall",
        "Lockwood",
        "Mercer",
        "Norwood",
        "Osborne",
        "Pruitt",
        "Quincy",
        "Radcliffe",
        "Sutton",
        "Thorne",
        "Underhill",
        "Vance",
        "Whitaker",
        "Yates",
        "Abbott",
        "Barlow",
        "Crane",
        "Drake",
        "Everett",
        "Frost",
        "Graves",
    ],
};
const GERMANIC: Names = Names {
    given: &[
        "Lena", "Jonas", "Mia", "Lukas", "Emilia", "Finn", "Klara", "Moritz", "Greta", "Anton", "Freya",
        "Nils", "Astrid", "Henrik", "Ingrid", "Lars", "Sanne", "Daan", "Femke", "Sven", "Britta", "Jürgen",
        "Käthe", "Søren", "Åsa", "Matthias",
    ],
    family: &[
        "Brandt",
        "Dietrich",
        "Eriksen",
        "Falk",
        "Gruber",
        "Hartmann",
        "Jansen",
        "Keller",
        "Lindqvist",
        "Maurer",
        "Nyström",
        "Oberholt",
        "Petersen",
        "Reinholt",
        "Schäfer",
        "Thielen",
        "Uhlig",
        "van Dijk",
        "Winkler",
        "Zeller",
        "Bergström",
        "de Vries",
        "Engström",
        "Vogt",
        "Weiß",
        "Kjær",
    ],
};
const ROMANCE: Names = Names {
    given: &[
        "Camille",
        "Hugo",
        "Inès",
        "Mathis",
        "Lucía",
        "Mateo",
        "Giulia",
        "Lorenzo",
        "Beatriz",
        "Tiago",
        "Chiara",
        "Álvaro",
        "Élodie",
        "Rémi",
        "Carmen",
        "Pablo",
        "João",
        "Sofía",
        "Marco",
        "Noémie",
        "Valentina",
        "Thiago",
        "Renata",
        "Bruno",
        "Marisol",
        "Enzo",
    ],
    family: &[
        "Moreau",
        "Lefèvre",
        "García",
        "Fernández",
        "Rossi",
        "Bianchi",
        "Silva",
        "Almeida",
        "Girard",
        "Chevalier",
        "Navarro",
        "Ortega",
        "Ferrari",
        "Conti",
        "Carvalho",
        "Teixeira",
        "Muñoz",
        "Peña",
        "Dubois",
        "Rousseau",
        "Marchetti",
        "Barros",
        "Iglesias",
        "Fontaine",
        "Gallo",
        "Ribeiro",
    ],
};
const INDIAN: Names = Names {
    given: &[
        "Aarav", "Diya", "Vihaan", "Ananya", "Arjun", "Isha", "Kabir", "Meera", "Rohan", "Priya", "Sanjay",
        "Kavya", "Nikhil", "Pooja", "Rahul", "Sneha", "Varun", "Tara", "Dev", "Lakshmi", "Farah", "Imran",
    ],
    family: &[
        "Sharma", "Iyer", "Patel", "Reddy", "Nair", "Gupta", "Chopra", "Banerjee", "Kulkarni", "Menon",
        "Desai", "Bhatt", "Rao", "Joshi", "Kapoor", "Pillai", "Saxena", "Trivedi", "Verma", "Qureshi",
        "Khan", "Das",
    ],
};
const JAPANESE: Names = Names {
    given: &[
        "Haruto", "Yui", "Sota", "Aoi", "Ren", "Sakura", "Kaito", "Hina", "Daichi", "Mio", "Takumi", "Rin",
        "Yuto", "Emi", "Kenji", "Naoko", "Hiroshi", "Ayumi",
    ],
    family: &[
        "Sato",
        "Suzuki",
        "Takahashi",
        "Tanaka",
        "Ito",
        "Watanabe",
        "Yamamoto",
        "Nakamura",
        "Kobayashi",
        "Kato",
        "Yoshida",
        "Sasaki",
        "Matsumoto",
        "Inoue",
        "Kimura",
        "Hayashi",
        "Shimizu",
        "Mori",
    ],
};

/// Where companies sit; a country that stands here twice has twice as many.
pub const COUNTRIES: [Country; 18] = [
    country("United States", "en-US", "America/New_York", -300, &ENGLISH),
    country("United States", "en-US", "America/Chicago", -360, &ENGLISH),
    country("United States", "en-US", "America/Los_Angeles", -480, &ENGLISH),
    country("United States", "es-US", "America/New_York", -300, &ROMANCE),
    country("Canada", "en-CA", "America/Toronto", -300, &ENGLISH),
    country("United Kingdom", "en-GB", "Europe/London", 0, &ENGLISH),
    country("Ireland", "en-IE", "Europe/Dublin", 0, &ENGLISH),
    country("Germany", "de-DE", "Europe/Berlin", 60, &GERMANIC),
    country("Netherlands", "nl-NL", "Europe/Amsterdam", 60, &GERMANIC),
    country("Sweden", "sv-SE", "Europe/Stockholm", 60, &GERMANIC),
    country("France", "fr-FR", "Europe/Paris", 60, &ROMANCE),
    country("Spain", "es-ES", "Europe/Madrid", 60, &ROMANCE),
    country("Italy", "it-IT", "Europe/Rome", 60, &ROMANCE),
    country("Brazil", "pt-BR", "America/Sao_Paulo", -180, &ROMANCE),
    country("India", "en-IN", "Asia/Kolkata", 330, &INDIAN),
    country("Japan", "ja-JP", "Asia/Tokyo", 540, &JAPANESE),
    country("Australia", "en-AU", "Australia/Sydney", 600, &ENGLISH),
    country("Singapore", "en-SG", "Asia/Singapore", 480, &INDIAN),
];

const fn country(
    name: &'static str,
    locale: &'static str,
    time_zone: &'static str,
    offset_minutes: i64,
    names: &'static Names,
) -> Country {
    Country { name, locale, time_zone, offset_minutes, names }
}

/// What companies do.
pub const INDUSTRIES: [Industry; 10] = [
    Industry { name: "Software", endings: &["Systems", "Labs", "Software", "Works"] },
    Industry { name: "Finance", endings: &["Capital", "Ledger", "Payments", "Partners"] },
    Industry { name: "Healthcare", endings: &["Health", "Clinics", "Care", "Diagnostics"] },
    Industry { name: "Logistics", endings: &["Logistics", "Freight", "Shipping", "Routes"] },
    Industry { name: "Retail", endings: &["Stores", "Goods", "Market", "Supply"] },
    Industry { name: "Education", endings: &["Academy", "Learning", "Institute", "Campus"] },
    Industry { name: "Manufacturing", endings: &["Industries", "Tooling", "Robotics", "Metals"] },
    Industry { name: "Energy", endings: &["Energy", "Power", "Grid", "Solar"] },
    Industry { name: "Media", endings: &["Media", "Studios", "Press", "Pictures"] },
    Industry { name: "Hospitality", endings: &["Hotels", "Travel", "Kitchens", "Retreats"] },
];

/// First words of company names.
pub const STEMS: [&str; 48] = [
    "Aldermoor",
    "Birchhollow",
    "Calvane",
    "Dunmarrow",
    "Elmsworth",
    "Fenwarden",
    "Glasswick",
    "Harrowgate",
    "Ironquay",
    "Juniperline",
    "Kestrelbay",
    "Larkspan",
    "Mossgrove",
    "Northquill",
    "Oakenfell",
    "Pinemeadow",
    "Quarrystone",
    "Ravensholt",
    "Saltmarsh",
    "Thistledown",
    "Umberfield",
    "Valekeep",
    "Willowmere",
    "Yarrowgate",
    "Zephyrline",
    "Amberfold",
    "Brightwater",
    "Coppergate",
    "Driftwood",
    "Emberlyn",
    "Foxglove",
    "Goldcrest",
    "Heatherby",
    "Inkwell",
    "Jadeport",
    "Kindlewood",
    "Lanternhall",
    "Meridale",
    "Nettlebrook",
    "Orchardlane",
    "Pebblecove",
    "Quillmere",
    "Rookwood",
    "Silverlea",
    "Tidewell",
    "Upperholm",
    "Verdantis",
    "Wrenfield",
];

/// What people do, with the access role that usually goes with it.
pub const JOBS: [(&str, &str); 10] = [
    ("Product manager", "admin"),
    ("Software engineer", "member"),
    ("Software engineer", "member"),
    ("Designer", "member"),
    ("Support specialist", "member"),
    ("Marketing manager", "member"),
    ("Sales representative", "member"),
    ("Operations lead", "admin"),
    ("Data analyst", "viewer"),
    ("Finance controller", "viewer"),
];

/// Operating systems with the browsers that run on them, the most frequent first.
pub const DEVICES: [(&str, &str); 10] = [
    ("Windows", "Chrome"),
    ("macOS", "Chrome"),
    ("Windows", "Edge"),
    ("macOS", "Safari"),
    ("Windows", "Firefox"),
    ("iOS", "Safari"),
    ("Linux", "Firefox"),
    ("Android", "Chrome"),
    ("Linux", "Chrome"),
    ("ChromeOS", "Chrome"),
];

/// Where the made-up product is served.
pub const ORIGIN: &str = "https://app.trellis.example";

/// A page of the product, the pages that people go on to, and the feature that is used there.
#[derive(Debug)]
pub struct Page {
    /// Path; `{n}` becomes the number of a project.
    pub path: &'static str,
    /// Title.
    pub title: &'static str,
    /// Indices of the pages people go on to, the likeliest more than once.
    pub next: &'static [usize],
    /// The event that this page is there for, if any.
    pub feature: Option<&'static str>,
}

/// The product's pages; a visit starts on the first.
pub const PAGES: [Page; 10] = [
    page("/home", "Home", &[1, 1, 1, 2, 5, 6], None),
    page("/projects", "Projects", &[2, 2, 2, 2, 0, 6], Some("project_filtered")),
    page("/projects/{n}", "Project", &[3, 3, 4, 1, 5], Some("task_completed")),
    page("/projects/{n}/board", "Board", &[2, 3, 4, 4], Some("task_moved")),
    page("/projects/{n}/files", "Files", &[2, 3, 1], Some("file_uploaded")),
    page("/reports", "Reports", &[5, 0, 8, 1], Some("report_exported")),
    page("/search", "Search", &[2, 2, 1], Some("search_used")),
    page("/settings/billing", "Billing", &[0, 9], None),
    page("/automations", "Automations", &[8, 0, 9], Some("automation_created")),
    page("/settings/integrations", "Integrations", &[7, 0, 8], Some("integration_connected")),
];

const fn page(
    path: &'static str,
    title: &'static str,
    next: &'static [usize],
    feature: Option<&'static str>,
) -> Page {
    Page { path, title, next, feature }
}
