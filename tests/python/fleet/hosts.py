"""The nodes of the simulated fleet, what they run when, and the faults that are planted."""
import hashlib
import random

MINUTE, HOUR, DAY = 60 * 10**9, 3600 * 10**9, 86400 * 10**9
# Hours from a commit to the release's first minute in production.
LEAD_HOURS = 3
BAD = "b" * 40


def digest(text, length=64):
    return hashlib.sha256(text.encode()).hexdigest()[:length]


class Host:
    """A machine. `silences` are spans in which it records nothing."""

    def __init__(self, n, name, role, begin):
        self.n, self.name, self.role = n, name, role
        self.id = digest(name, 32)
        self.boot = f"{n:08x}-b007-4000-8000-{digest(name, 12)}"
        self.instance = f"{n:08x}-1257-4000-8000-{digest(name, 12)}"
        self.booted = begin - (n % 40 + 1) * HOUR
        self.version, self.late, self.silences = "0.1.0", 0, []

    def is_silent(self, at):
        return any(begin <= at < end for begin, end in self.silences)


class Fleet:
    """Nodes, releases and runs. `days` end at `end`, in nanoseconds since 1970; `starts` are those of the whole fleet."""

    def __init__(self, kinds, planted_kinds, nodes, days, starts, end, services, releases):
        self.kinds, self.planted_kinds = kinds, {kind.name: kind for kind in planted_kinds}
        self.days, self.begin, self.end = days, end - days * DAY, end
        self.random, self.count = random.Random(20), 0
        production = max(nodes // 5, 8)
        planted = ["ci-gap", "ci-silent", "ci-gone", "ci-unsealed", "ci-losses", "ci-late", "ci-old", "ci-clone-a", "ci-clone-b"]
        planted_production = ["prod-unapproved", "prod-policy", "prod-vulnerable-1", "prod-vulnerable-2", "prod-vulnerable-3"]
        names = [(name, "ci") for name in planted] + [(f"ci-{n:04}", "ci") for n in range(nodes - production - len(planted))]
        names += [(name, "production") for name in planted_production]
        names += [(f"prod-{n:04}", "production") for n in range(production - len(planted_production))]
        self.hosts = [Host(n, name, role, self.begin) for n, (name, role) in enumerate(names)]
        self.host = {host.name: host for host in self.hosts}
        self.services = [f"service-{n:02}" for n in range(services)]
        self.releases = releases
        self.starts_a_day = starts / days / nodes
        self.plant()

    def plant(self):
        """Faults of nodes. Those of single records are made in `runs` and `simulation.py`."""
        span = self.end - self.begin
        self.host["ci-silent"].silences = [(self.begin + span // 4, self.begin + span // 4 + min(span // 6, 10 * HOUR))]
        self.host["ci-gone"].silences = [(self.end - span // 3, self.end)]
        self.host["ci-late"].late = 5 * 10**9
        self.host["ci-old"].version = "0.0.9"
        self.host["ci-clone-b"].id = self.host["ci-clone-a"].id

    def release(self, service, at):
        """The commit of a service at a time, when it was first allowed to run, and its file's SHA-256."""
        number = int((at - self.begin) * self.releases // (self.end - self.begin))
        since = self.begin + number * (self.end - self.begin) // self.releases
        return digest(f"{service}/{number}", 40), since, digest(f"{service}/{number}/file")

    def runs(self):
        """All runs in the order of their days: members of the table of runs."""
        jobs = [kind for kind in self.kinds if kind.name != "production"]
        names = sorted({kind.name for kind in jobs})
        variants = {name: [kind for kind in jobs if kind.name == name] for name in [*names, "production"]}
        variants["production"] = [kind for kind in self.kinds if kind.name == "production"]
        mean = sum(sum(kind.starts for kind in variants[name]) / len(variants[name]) for name in names) / len(names)
        loop = sum(kind.starts for kind in variants["production"]) / len(variants["production"])
        for day in range(self.days):
            for host in self.hosts:
                count = max(round(self.starts_a_day / (mean if host.role == "ci" else loop)), 1)
                for slot in range(count):
                    at = self.begin + day * DAY + int((slot + self.random.random() * 0.9) * (DAY - 5 * MINUTE) / count)
                    if host.is_silent(at) or host.is_silent(at + HOUR // 4):
                        continue
                    if host.role == "ci":
                        name = names[(slot + day + host.n) % len(names)]
                        yield self.job(day, host, at, self.random.choice(variants[name]))
                    else:
                        yield self.loop(day, host, at, self.random.choice(variants["production"]))
        yield from self.planted_runs(variants)

    def run(self, day, host, at, kind, **more):
        repo = self.random.randrange(10)
        self.count += 1
        # A number of its own for each run, in no order.
        tag = str(10**9 + self.count * 2654435761 % 2**32)
        return {
            "day": day, "host": host.n, "start": at, "kind": kind.name, "variant": kind.variant, "repo": repo, "tag": tag,
            "stretch": self.random.randrange(700, 1500), "pids": self.random.randrange(4 * 10**6), "service": "", "revision": "",
            "sha256": "", "path": "", "sealed": True, "run_id": tag,
        } | more

    def job(self, day, host, at, kind, **more):
        return self.run(day, host, at, kind, revision=digest(f"{kind.name}/{self.random.randrange(40)}/{day}", 40), **more)

    def loop(self, day, host, at, kind):
        """A round of a production node. It ends before the next release begins."""
        service = self.services[host.n % len(self.services)]
        revision, _, sha256 = self.release(service, at)
        return self.run(day, host, at, kind, service=service, revision=revision, sha256=sha256, path=f"/srv/{service}")

    def planted_runs(self, variants):
        """Programs that must be found, at noon of the last day."""
        day, noon = self.days - 1, self.end - DAY // 2
        loop = variants["production"][0]
        main = self.services[0]
        yield self.run(day, self.host["prod-unapproved"], noon, loop, service=main, revision=BAD, sha256=digest("unapproved"), path="/srv/unapproved")
        for n in (1, 2, 3):
            revision, sha256 = self.release(main, noon)[0], digest("vulnerable")
            host = self.host[f"prod-vulnerable-{n}"]
            yield self.run(day, host, noon + n * MINUTE, loop, service=main, revision=revision, sha256=sha256, path="/srv/vulnerable")
        yield self.loop(day, self.host["prod-policy"], noon, self.planted_kinds["policy"])
        yield self.job(day, self.host["ci-0000"], noon, self.planted_kinds["new"])
        yield self.run(day, self.host["ci-losses"], noon, self.planted_kinds["loss"])
        first = min(name for name in variants if name != "production")
        yield self.job(day, self.host["ci-unsealed"], noon, variants[first][0], sealed=False)
