"""Writes the demo's documents: an invented tidal power station, so that no model can know the answers by heart.

Run with the development environment: `python deploy/local/samples/make_samples.py`. The files are committed; this script
is here so that everyone can see what is in them and change it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from fpdf import FPDF

HERE = Path(__file__).parent
WRITTEN = datetime(2026, 3, 2, tzinfo=UTC)

HANDBOOK = [
    (
        "Halden Tidal Array: Operations Handbook",
        [
            "This handbook describes how the Halden Tidal Array is run. It is written for shift engineers and for "
            "visiting contractors. The array went into service on 14 May 2019 and belongs to the Halden Energy Cooperative.",
            "The array consists of twelve horizontal-axis turbines on the sea bed of the Skerry Sound, at a mean depth of "
            "34 metres. Each turbine has a rated power of 1.5 megawatts and a rotor diameter of 18 metres.",
            "Electricity is brought ashore by two subsea cables that end at the Brannock substation. Either cable can "
            "carry the full output of the array on its own.",
        ],
    ),
    (
        "Starting and stopping",
        [
            "A turbine starts by itself when the current reaches 0.9 metres per second and stops when it falls below 0.7 "
            "metres per second. The blades are turned to the feathered position before every stop.",
            "In an emergency the shift engineer presses the red button on the control desk. The brakes then stop all "
            "rotors within 40 seconds, and the breakers at the Brannock substation open.",
            "After an emergency stop, no turbine may be restarted before the duty manager has signed the restart form.",
        ],
    ),
    (
        "Maintenance intervals",
        [
            "The gearbox oil of every turbine is changed every 18 months. The oil grade is ISO VG 320, and one filling "
            "takes 210 litres.",
            "The blade bearings are greased every six months by the automatic lubrication system, and inspected by a "
            "diver once a year.",
            "The anti-fouling coating of the blades lasts about four years. It is renewed in the dry dock at Port Ellery.",
        ],
    ),
    (
        "Marine life",
        [
            "A sonar watches the water around the array for seals and porpoises. When an animal comes closer than 60 "
            "metres to a rotor, that turbine is stopped.",
            "Between 2019 and 2025 the sonar caused 417 stops, and no collision was recorded.",
            "The monitoring data are sent to the Institute of Marine Ecology on the first working day of every quarter.",
        ],
    ),
]

LOG = [
    (
        "Turbine 4: vibration alarm",
        "On 3 February 2026 turbine 4 reported a vibration of 11 millimetres per second. The cause "
        "was a loose bolt on the nacelle cover. The bolt was replaced by the technician Mirela Costin on 5 February 2026.",
    ),
    (
        "Cable B: insulation test",
        "The yearly insulation test of cable B on 19 January 2026 gave 9.2 gigaohms. The limit is 1 gigaohm.",
    ),
    ("Turbine 9: gearbox", "The gearbox of turbine 9 was exchanged in November 2025 after 51,000 operating hours."),
]
OUTPUT_BY_YEAR = [("2022", "38.1"), ("2023", "41.7"), ("2024", "40.3"), ("2025", "43.9")]

FAQ = """# Questions that visitors ask

## How much electricity does the array make?

In 2025 the array delivered 43.9 gigawatt hours, enough for about 11,000 households.

## Why are there no wind turbines at Halden?

The flight path of Skerry airport crosses the site, so structures above the water may not be higher than 25 metres.

## Can I visit the control room?

Yes. Guided tours take place on Thursdays at 14:00. Groups are limited to eight people, and the tour is free of charge.
"""

TARIFF = """<!doctype html>
<html lang="en"><head><title>Halden Energy Cooperative: tariffs</title>
<style>body { font-family: sans-serif }</style><script>console.log("not part of the text")</script></head>
<body><nav>Home | Tariffs | Contact</nav><main><h1>Tariffs from 1 April 2026</h1>
<p>Members of the cooperative pay 21.4 cents per kilowatt hour. Everyone else pays 24.9 cents per kilowatt hour.</p>
<p>The basic charge is 8.50 euros a month for members and 11 euros a month for others.</p>
<h2>Becoming a member</h2>
<p>One share costs 250 euros. Each member has one vote in the assembly, whatever the number of shares.</p></main></body></html>
"""

SAFETY = """SAFETY NOTES FOR DIVERS

Diving at the array is allowed only at slack water, when the current is below 0.3 metres per second.

Before a dive the two turbines next to the work site are locked out. The key of the lock-out box stays with the diving
supervisor until the last diver is back on board.

The radio channel for diving operations is VHF channel 8. The nearest decompression chamber is at the Port Ellery hospital.
"""


def handbook(path: Path) -> None:
    """Writes the four-page PDF."""
    pdf = FPDF(format="A4")
    pdf.set_creation_date(WRITTEN)
    pdf.set_title("Halden Tidal Array: Operations Handbook")
    for title, paragraphs in HANDBOOK:
        pdf.add_page()
        pdf.set_font("helvetica", style="B", size=16)
        pdf.multi_cell(0, 10, title, new_x="LMARGIN", new_y="NEXT")
        pdf.set_font("helvetica", size=11)
        for paragraph in paragraphs:
            pdf.ln(3)
            pdf.multi_cell(0, 6, paragraph, new_x="LMARGIN", new_y="NEXT")
    pdf.output(str(path))


def maintenance_log(path: Path) -> None:
    """Writes the Word document, a table included."""
    document = Document()
    document.core_properties.created = document.core_properties.modified = WRITTEN
    document.add_heading("Maintenance log, winter 2025/26", level=1)
    for title, text in LOG:
        document.add_heading(title, level=2)
        document.add_paragraph(text)
    document.add_heading("Energy delivered", level=2)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Year", "Gigawatt hours"
    for year, energy in OUTPUT_BY_YEAR:
        row = table.add_row().cells
        row[0].text, row[1].text = year, energy
    document.save(str(path))


def main() -> None:
    """Writes every sample next to this script."""
    handbook(HERE / "halden-handbook.pdf")
    maintenance_log(HERE / "maintenance-log.docx")
    (HERE / "visitor-questions.md").write_text(FAQ)
    (HERE / "tariffs.html").write_text(TARIFF)
    (HERE / "safety-notes.txt").write_text(SAFETY)


if __name__ == "__main__":
    main()
