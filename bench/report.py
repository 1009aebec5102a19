"""Markdown of a bench's results: per distance one table of speeds, one of what they cost the server."""

import statistics

STATES = {"cold": "cold", "ssd": "SSD-warm", "page": "page-warm", "disk": "on the disk"}


def spread(values):
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.2f}"
    return f"{middle:.2f} [{min(values):.2f}..{max(values):.2f}]"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def about(machine):
    return (f"{machine['cpus']} CPUs ({machine['cpu']}), {machine['memory_gib']} GiB, Linux "
            f"{machine['kernel']}, {machine['file_system']}; commit {machine['commit']}, "
            f"{machine['date']}; `{machine['command']}`; rounds: {machine['rounds']}.\n")


class Results:
    def __init__(self, results):
        self.machine = results["machine"]
        self.mounts = results["mounts"]
        self.measures = results["measures"]
        self.contenders = self.machine["contenders"]
        # What the others are divided by: native, or else whoever was named first.
        self.base = "native" if "native" in self.contenders else self.contenders[0]
        self.others = [c for c in self.contenders if c != self.base]
        self.by_key = {}
        for m in self.measures:
            key = (m["round_trip_ms"], m["job"], m["state"], m["contender"])
            self.by_key.setdefault(key, {})[m["round"]] = m

    def peers(self):
        return [c for c in self.contenders if c != "native" and not c.startswith("augurfs")]

    def rounds(self, *key):
        return self.by_key.get(key, {})

    def ratios(self, key, contender, others):
        """Speed over that of the best of `others`, round by round."""
        mine = self.rounds(*key, contender)
        ratios = []
        for number, measure in mine.items():
            best = max((self.rounds(*key, other).get(number, {}).get("speed", 0)
                        for other in others), default=0)
            if best and "speed" in measure:
                ratios.append(measure["speed"] / best)
        return ratios

    def speed_rows(self, round_trip_ms):
        peers = self.peers()
        for key in self.keys(round_trip_ms):
            row = [key[1], STATES[key[2]], self.median_text(self.rounds(*key, self.base))]
            for contender in self.others:
                row.append(self.cell(self.ratios(key, contender, [self.base]), key, contender))
            if "augurfs" in self.contenders and peers:
                row.append(self.cell(self.ratios(key, "augurfs", peers), key, "augurfs"))
            yield row

    def cell(self, ratios, key, contender):
        if ratios:
            return spread(ratios)
        return "failed" if self.rounds(*key, contender) else "-"

    @staticmethod
    def median_text(rounds):
        measured = sorted((m for m in rounds.values() if "speed" in m), key=lambda m: m["speed"])
        return measured[len(measured) // 2]["text"] if measured else "failed"

    def server_rows(self, round_trip_ms):
        for key in self.keys(round_trip_ms):
            row = [key[1], STATES[key[2]]]
            for contender in [c for c in self.contenders if c != "native"]:
                measured = [m for m in self.rounds(*key, contender).values() if "speed" in m]
                row.append("failed" if not measured else "{:,.0f} / {:,.1f}".format(
                    statistics.median(m["requests"] for m in measured),
                    statistics.median(m["bytes"] for m in measured) / (1 << 20)))
            yield row

    def keys(self, round_trip_ms):
        return dict.fromkeys((m["round_trip_ms"], m["job"], m["state"]) for m in self.measures
                             if m["round_trip_ms"] == round_trip_ms)

    def mount_rows(self):
        for contender in self.contenders:
            mounts = [m for m in self.mounts if m["contender"] == contender]
            if mounts:
                yield [contender, spread([m["ready_ms"] for m in mounts]),
                       spread([m["rss_mib"] for m in mounts])]

    def markdown(self):
        parts = [about(self.machine)]
        servers = [c for c in self.contenders if c != "native"]
        best = ["augurfs / best peer"] if self.peers() and "augurfs" in servers else []
        for distance in dict.fromkeys(m["round_trip_ms"] for m in self.measures):
            parts += [f"### {distance} ms of added round trip\n",
                      f"Speed over that of {self.base}, paired by round, median [min..max].\n",
                      table(["job", "state", self.base, *self.others, *best],
                            self.speed_rows(distance)),
                      "What the server saw: requests / MiB sent, median.\n",
                      table(["job", "state", *servers], self.server_rows(distance))]
        parts += ["### Mount\n", table(["", "ready, ms", "idle RSS, MiB"], self.mount_rows())]
        return "\n".join(parts)
