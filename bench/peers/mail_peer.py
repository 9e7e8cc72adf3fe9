"""The Python peers of `bench mail`: pyspf, dkimpy and parsedmarc on what the bench wrote; prints one JSON object."""

import json
import resource
import sys
import time


def rate(step, seconds):
    """Steps a second on one core, by this process's own CPU time."""
    count = 0
    begun = time.process_time()
    while True:
        count += step()
        used = time.process_time() - begun
        if used >= seconds:
            return count / used


def spf(folder, seconds):
    import spf as pyspf

    with open(f"{folder}/zone.json") as file:
        zone = json.load(file)
    with open(f"{folder}/queries.json") as file:
        queries = json.load(file)
    answers = {}
    for name, kind, values in zone:
        if kind == "TXT":
            values = [(value.encode(),) for value in values]
        elif kind == "MX":
            values = [tuple(value) for value in values]
        answers[(name, kind)] = [((name, kind), value) for value in values]

    def lookup(name, qtype, tcpfallback=True, timeout=30):
        return answers.get((name.lower().rstrip("."), qtype), [])

    pyspf.DNSLookup = lookup
    results = [pyspf.check2(i=address, s=sender, h=sender)[0] for address, sender, _ in queries]
    wanted = [result for _, _, result in queries]
    assert results == wanted, (results, wanted)

    def step():
        for address, sender, _ in queries:
            pyspf.check2(i=address, s=sender, h=sender)
        return len(queries)

    return {"per_second": rate(step, seconds)}


def dkim(folder, seconds):
    import dkim as dkimpy

    with open(f"{folder}/signed.eml", "rb") as file:
        message = file.read()
    with open(f"{folder}/key.txt", "rb") as file:
        record = file.read()

    def lookup(name, timeout=5):
        return record

    assert dkimpy.verify(message, dnsfunc=lookup)

    def step():
        dkimpy.verify(message, dnsfunc=lookup)
        return 1

    return {"per_second": rate(step, seconds)}


def reports(folder, seconds):
    import glob

    import parsedmarc

    begun_wall, begun = time.monotonic(), time.process_time()
    rows = 0
    for file in sorted(glob.glob(f"{folder}/*.xml.gz")):
        result = parsedmarc.parse_report_file(file, offline=True)
        rows += len(result["report"]["records"])
    return {
        "rows": rows,
        "cpu_s": time.process_time() - begun,
        "wall_s": time.monotonic() - begun_wall,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


if __name__ == "__main__":
    what, folder, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    print(json.dumps({"spf": spf, "dkim": dkim, "reports": reports}[what](folder, seconds)))
