"""Presidio's recognizers by pattern, and datafog-core, on the same notes: speed, and precision and recall by kind."""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import tldextract

# No list is fetched while measuring; the one inside of the package serves.
tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())

PRESIDIO = {"EMAIL_ADDRESS": "email", "IBAN_CODE": "iban", "CREDIT_CARD": "card", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip"}
DATAFOG = {"EMAIL": "email", "IBAN": "iban", "IBAN_CODE": "iban", "CREDIT_CARD": "card", "PHONE": "phone",
           "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip"}


def presidio():
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer, PhoneRecognizer)

    recognizers = [EmailRecognizer(), IbanRecognizer(), CreditCardRecognizer(), IpRecognizer(),
                   PhoneRecognizer(supported_regions=("NL", "BE", "DE"))]

    def scan(text):
        for recognizer in recognizers:
            for found in recognizer.analyze(text, recognizer.supported_entities, None):
                kind = PRESIDIO.get(found.entity_type)
                if kind and found.score > 0:
                    yield kind, found.start, found.end

    return scan, "presidio-analyzer " + version("presidio-analyzer")


def datafog():
    import datafog_core

    def scan(text):
        for found in datafog_core.scan(text):
            kind = DATAFOG.get(found.entity_type)
            if kind:
                place = found.codepoint_range
                start, end = (place.start, place.end) if hasattr(place, "start") else tuple(place)
                yield kind, start, end

    return scan, "datafog-core " + version("datafog-core")


def quality(scan, lines):
    """Counts planted, found and wrong by kind; each line with the places of what was planted in it, in characters."""
    score = {kind: [0, 0, 0] for kind in ("email", "iban", "card", "phone", "ip")}
    for line in lines:
        planted = [tuple(place) for place in line["planted"] if place[0] in score]
        hits = list(scan(line["text"]))
        for kind, start, end in planted:
            score[kind][0] += 1
            score[kind][1] += any(k == kind and s < end and start < e for k, s, e in hits)
        for kind, start, end in hits:
            score[kind][2] += not any(k == kind and s < end and start < e for k, s, e in planted)
    return score


def main():
    peer, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    scan, name = {"presidio": presidio, "datafog": datafog}[peer]()
    rows = (folder / "klanten.csv").read_bytes()[: 1 << 23].decode("utf-8", "replace").splitlines(keepends=True)
    pieces = ["".join(rows[at : at + 500]) for at in range(0, len(rows), 500)]
    for _ in scan(pieces[0]):
        pass
    begun, done = time.perf_counter(), 0
    for piece in pieces:
        for _ in scan(piece):
            pass
        done += len(piece.encode())
        if time.perf_counter() - begun > seconds:
            break
    rate = done / (time.perf_counter() - begun)
    score = quality(scan, json.loads((folder / "notes.json").read_text()))
    print(json.dumps({"name": name, "bytes_per_second": rate, "bytes": done, "score": score}))


main()
