"""What of a data set is in the volume, and when: snapshots, append-only files, and what each kind of end loses.

Source: Redis, src/rdb.c, src/aof.c, src/server.c; https://redis.io/docs/management/persistence.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import volsim
from tests.programs.box import Box
from tests.programs.redis.server import DATA, Redis
from volsim.programs.redis.commands import CommandError, execute
from volsim.programs.redis.dump import dump, load
from volsim.programs.redis.memory import Memory
from volsim.programs.redis.persistence import _commands, words_as_bytes
from volsim.storage import tree
from volsim.storage.tree import Directory


def wait(redis: Redis) -> float:
    """Let the server go on at its next wake; how many seconds that took."""
    before = redis.now_us
    assert redis.server.go_on()
    return (redis.now_us - before) / 1e6


# -- snapshots ---------------------------------------------------------------------------------------------------------
def test_without_a_snapshot_everything_is_lost_with_the_process() -> None:
    redis = Redis()
    redis.do("set a 1")
    assert redis.ls(DATA) == []
    assert redis.killed().cli("get", "a") == "\n"


def test_a_snapshot_is_made_after_an_hour_and_one_change_or_sooner_after_more() -> None:
    redis = Redis()
    assert redis.server.pause.wake_after_us is None, "nothing has changed"
    redis.do("set a 1")
    assert wait(redis) == 3601
    assert "1 changes in 3600 seconds. Saving...\n" in redis.server.screen
    assert redis.server.pause.wake_after_us is None
    redis.do(*(f"set k{number} 1" for number in range(100)))
    assert wait(redis) == 301
    redis.do("set late 1")
    again = redis.killed()
    assert again.cli("exists", "a", "k99", "late") == "2\n"


def test_a_snapshot_can_be_asked_for() -> None:
    redis = Redis()
    redis.do("set a 1", "save", "set b 2", "bgsave", "set c 3")
    assert redis.cli("lastsave") == "1767225600\n"
    assert redis.killed().cli("keys", "*") == "a\nb\n"


def test_a_clean_end_saves_and_a_killed_process_does_not() -> None:
    redis = Redis()
    redis.do("set a 1")
    assert not redis.server.signal("HUP")
    assert redis.server.signal("TERM")
    assert redis.server.pause.exit_code == 0
    assert "Saving the final RDB snapshot before exiting." in redis.server.screen
    ran = redis.run("redis-cli", "ping")
    assert (ran.stderr, ran.code) == ("Could not connect to Redis at 127.0.0.1:6379: Connection refused\n", 1)
    again = redis.killed()
    assert "Done loading RDB, keys loaded: 1, keys expired: 0." in again.server.screen
    assert again.cli("get", "a") == "1\n"


def test_shutdown_can_leave_the_snapshot_out() -> None:
    redis = Redis()
    redis.do("set a 1")
    assert redis.run("redis-cli", "shutdown", "nosave").code == 0
    assert redis.server.signal("TERM")
    assert redis.ls(DATA) == []


def test_without_save_points_a_clean_end_loses_everything() -> None:
    redis = Redis("redis-server", "--save", "")
    redis.do("set a 1")
    assert redis.server.pause.wake_after_us is None
    assert redis.server.signal("TERM")
    assert redis.ls(DATA) == []


def test_two_servers_on_one_volume_overwrite_each_others_snapshot() -> None:
    one, two = Redis(), Redis()
    one.do("set a 1", "save")
    two.trees[DATA] = one.trees[DATA]
    two.do("set b 2", "save")
    one.trees[DATA] = two.trees[DATA]
    assert one.killed().cli("keys", "*") == "b\n"


def test_a_volume_that_is_full_refuses_changes_until_a_snapshot_succeeds() -> None:
    redis = Redis("redis-server", "--save", "60", "1")
    redis.do("set a 1", "save", "set b " + "x" * 9000)
    redis.limits = {DATA: 500}
    assert redis.cli("save") == "ERR\n"
    assert redis.cli("set", "c", "1").startswith(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently"
    )
    assert redis.cli("get", "b") != "\n"
    assert wait(redis) == 61
    assert "# Write error saving DB on disk(rdbSaveRio): No space left on device\n" in redis.server.screen
    assert "Background saving error\n" in redis.server.screen
    assert wait(redis) == 5, "it is tried again soon"
    assert redis.server.signal("TERM")
    assert redis.server.pause.exit_code is None
    assert "Error trying to save the DB, can't exit." in redis.server.screen
    redis.limits = {}
    wait(redis)
    redis.do("set c 1")
    assert redis.server.signal("TERM")
    assert redis.server.pause.exit_code == 0
    assert redis.killed().cli("keys", "*") == "a\nb\nc\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"nonsense, and a lot of it", "Wrong signature trying to load DB from file"),
        (b"RED", "Wrong signature trying to load DB from file"),
        (dump({b"a": b"1"}, {}, "7.2.7")[:-12], "Short read or OOM loading DB. Unrecoverable error, aborting now."),
        (b"REDIS0011\x0e\x01a\x01", "Unknown RDB encoding type 14"),
        (b"REDIS0011\x00\xc0\x05", "Unknown RDB string encoding type 0"),
    ],
)
def test_a_broken_snapshot_is_refused_and_kept(content: bytes, said: str) -> None:
    volume = tree.write(Directory(), "/dump.rdb", content)
    redis = Redis(volume=volume)
    assert redis.server.pause.exit_code == 1
    assert redis.server.screen.endswith(
        f"# {said}\n1:M 01 Jan 2026 00:00:00.000 # Fatal error loading the DB, check server logs. Exiting.\n"
    )
    assert redis.trees[DATA] == volume


# -- append-only files -------------------------------------------------------------------------------------------------
APPENDS = ("redis-server", "--appendonly", "yes")


def test_an_append_only_file_keeps_every_acknowledged_change() -> None:
    redis = Redis(*APPENDS)
    redis.do(
        "set a 1", "incr a", "rpush l x y", "lpop l", "set t 1 ex 100", "del nope", "get a", "hset h f v", "expire h 50"
    )
    assert redis.ls(f"{DATA}/appendonlydir") == [
        "appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof", "appendonly.aof.manifest",
    ]  # fmt: skip
    text = redis.read(f"{DATA}/appendonlydir/appendonly.aof.1.incr.aof")
    assert text.startswith("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n")
    assert "nope" not in text
    again = redis.killed()
    assert "DB loaded from append only file: 0.000 seconds" in again.server.screen
    assert again.cli("get", "a") == "2\n"
    assert again.cli("lrange", "l", "0", "-1") == "y\n"
    assert again.cli("ttl", "h") == "50\n"


def test_before_7_it_is_one_file() -> None:
    redis = Redis(*APPENDS, image="redis:6")
    redis.do("set a 1")
    assert redis.ls(DATA) == ["appendonly.aof"]
    again = Redis(*APPENDS, image="redis:6", volume=redis.trees[DATA])
    assert again.cli("get", "a") == "1\n"
    again.do("bgrewriteaof")


def test_rewriting_makes_it_short_and_loses_nothing() -> None:
    redis = Redis(*APPENDS)
    redis.do(*["incr a"] * 20, "bgrewriteaof", "incr a")
    assert redis.killed().cli("get", "a") == "21\n"
    assert redis.read(f"{DATA}/appendonlydir/appendonly.aof.1.incr.aof").count("incr") == 1


def test_switched_on_over_a_snapshot_it_begins_empty() -> None:
    """The well-known trap: the snapshot is not read any more, and then is overwritten."""
    redis = Redis()
    redis.do("set a 1", "save")
    assert Redis(*APPENDS, volume=redis.trees[DATA]).cli("keys", "*") == "\n"


def test_an_end_that_is_cut_off_is_left_out() -> None:
    redis = Redis(*APPENDS)
    redis.do("set a 1", "set b 2")
    path = "/appendonlydir/appendonly.aof.1.incr.aof"
    whole = tree.read(redis.trees[DATA], path)
    cut = Redis(*APPENDS, volume=tree.write(redis.trees[DATA], path, whole[:-3]))
    assert "AOF loaded anyway because aof-load-truncated is enabled" in cut.server.screen
    assert cut.cli("keys", "*") == "a\n"
    broken = Redis(*APPENDS, volume=tree.write(redis.trees[DATA], path, b"nonsense\r\n"))
    assert (broken.server.pause.exit_code, "Bad file format" in broken.server.screen) == (1, True)
    unknown = Redis(*APPENDS, volume=tree.write(redis.trees[DATA], path, words_as_bytes([b"NOPE"])))
    assert (unknown.server.pause.exit_code, "Unknown command 'NOPE'" in unknown.server.screen) == (1, True)


def test_a_full_volume_is_told_with_the_next_change_and_nothing_acknowledged_is_lost() -> None:
    redis = Redis(*APPENDS, "--save", "")
    redis.do("set a 1")
    redis.limits = {DATA: redis.trees[DATA].size + 5}
    redis.do("set b 2")
    assert redis.cli("set", "c", "3") == "MISCONF Errors writing to the AOF file: No space left on device\n"
    assert "aof_last_write_status:err" in redis.cli("info")
    assert redis.killed().cli("keys", "*") == "a\n", "b was acknowledged, but is only in memory"
    redis.limits = {}
    redis.do("set c 3")
    assert redis.killed().cli("keys", "*") == "a\nb\nc\n"


def test_an_unreachable_volume_keeps_it_from_starting() -> None:
    redis = Redis(*APPENDS)
    redis.broken.add(DATA)
    again = redis.start()
    assert (again.pause.exit_code, "Input/output error" in again.screen) == (1, True)


# -- configuration -----------------------------------------------------------------------------------------------------
def test_a_file_configures_it_and_options_change_that() -> None:
    text = "# ours\ndir /data/x\nsave 10 1\nsave 5 3\nappendonly no\ndbfilename my.rdb\n"
    box = Box("redis", files={"/etc/redis.conf": text}, volumes={DATA: tree.mkdir(Directory(), "/x")})
    server = box.started("docker-entrypoint.sh", "/etc/redis.conf", "--stop-writes-on-bgsave-error", "no", pid1=True)
    assert server.pause.exit_code is None
    assert box.run("redis-cli", "config", "get", "save").stdout == "save\n10 1 5 3\n"
    box.run("redis-cli", "mset", "a", "1", "b", "2", "c", "3")
    assert server.signal("POLL")
    assert server.pause.wake_after_us == 6_000_000
    server.go_on()
    assert box.ls("/data/x") == ["my.rdb"]


@pytest.mark.parametrize(
    ("words", "said"), [(("--save", "x"), "save x"), (("--appendonly", "maybe"), "appendonly maybe")]
)
def test_a_setting_that_is_none_is_refused(words: tuple[str, ...], said: str) -> None:
    server = Redis("redis-server", *words).server
    assert (server.pause.exit_code, f">>> '{said}'" in server.screen) == (1, True)


def test_a_missing_file_is_refused_and_another_command_runs_as_it_is() -> None:
    assert Redis("redis-server", "/nope.conf").server.pause.exit_code == 1
    assert Box("redis").run("docker-entrypoint.sh", "echo", "hi").stdout == "hi\n"
    assert Box("valkey").started("docker-entrypoint.sh", "valkey-server", pid1=True).pause.exit_code is None


# -- in a cluster ------------------------------------------------------------------------------------------------------
CLUSTER = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: nfs}
spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], nfs: {server: nfs, path: /x}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteMany], storageClassName: "", resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: cache}
spec:
  containers:
  - name: redis
    image: redis:7
    args: ["--save", "60", "1"]
    volumeMounts: [{name: d, mountPath: /data}]
  volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
"""


def test_in_a_cluster_a_crash_loses_what_was_not_saved() -> None:
    sim = volsim.Simulation(nodes=1)
    sim.apply(CLUSTER)
    sim.settle()

    def cli(*words: str) -> str:
        return sim.exec("pod/cache", ["redis-cli", *words]).stdout

    cli("set", "a", "1")
    sim.run("70s")
    assert "DB saved on disk" in sim.kubectl("logs cache")
    cli("set", "b", "2")
    lost, kept = sim.fork(), sim.fork()
    lost.crash_container("pod/cache")
    lost.run("30s")
    assert lost.exec("pod/cache", ["redis-cli", "keys", "*"]).stdout == "a\n"
    kept.run("70s")
    kept.crash_container("pod/cache")
    kept.run("30s")
    assert kept.exec("pod/cache", ["redis-cli", "keys", "*"]).stdout == "a\nb\n"


# -- laws --------------------------------------------------------------------------------------------------------------
TEXTS = st.binary(max_size=6)
LONG = st.sampled_from([63, 64, 255, 16_383, 16_384]).map(bytes)  # where lengths are written in another way
VALUES = st.one_of(
    st.binary(max_size=9),
    LONG,
    LONG.map(lambda text: [b"x"] * len(text)),
    st.lists(TEXTS, min_size=1, max_size=5),
    st.dictionaries(TEXTS, TEXTS, min_size=1),
    st.sets(TEXTS, min_size=1),
)


@given(st.dictionaries(TEXTS, VALUES), st.data())
@settings(max_examples=50)
def test_a_snapshot_is_read_as_it_was_written(data: dict[bytes, bytes | list[bytes]], chosen: st.DataObject) -> None:
    expiring = chosen.draw(st.sets(st.sampled_from(sorted(data)))) if data else set()
    expiries = {key: number for number, key in enumerate(sorted(expiring), 1)}
    assert load(dump(dict(data), expiries, "7.2.7")) == (data, expiries)


def on(key: bytes) -> st.SearchStrategy[bytes]:
    """Mostly a key of its own for each type, seldom one that they share."""
    return st.sampled_from([key, key, key, b"shared"])


ANY = st.sampled_from([b"s", b"l", b"h", b"e", b"shared"])
WORDS = st.one_of(
    st.tuples(st.just(b"SET"), on(b"s"), TEXTS), st.tuples(st.just(b"SET"), on(b"s"), TEXTS, st.just(b"EX"), st.just(b"100")),
    st.tuples(st.sampled_from([b"INCR", b"PERSIST"]), on(b"s")), st.tuples(st.just(b"GETSET"), on(b"s"), TEXTS),
    st.tuples(st.just(b"SETNX"), on(b"s"), TEXTS), st.tuples(st.just(b"RPUSH"), on(b"l"), TEXTS, TEXTS),
    st.tuples(st.sampled_from([b"LPOP", b"RPOP"]), on(b"l")), st.tuples(st.just(b"HSET"), on(b"h"), TEXTS, TEXTS),
    st.tuples(st.just(b"HINCRBY"), on(b"h"), TEXTS, st.just(b"2")), st.tuples(st.just(b"SADD"), on(b"e"), TEXTS, TEXTS),
    st.tuples(st.just(b"SREM"), on(b"e"), TEXTS), st.tuples(st.just(b"EXPIRE"), ANY, st.sampled_from([b"10", b"-1"])),
    st.tuples(st.sampled_from([b"RENAME"]), ANY, ANY), st.tuples(st.sampled_from([b"DEL", b"FLUSHALL"]), ANY),
)  # fmt: skip


@given(st.lists(WORDS, max_size=20))
@settings(max_examples=100)
def test_what_is_logged_makes_the_same_data_set_again(lines: list[tuple[bytes, ...]]) -> None:
    memory, log = Memory(), b""
    for words in lines:
        try:
            log += b"".join(map(words_as_bytes, execute(memory, list(words), 0)[1]))
        except CommandError:
            continue
    again = Memory()
    commands, whole = _commands(log)
    assert whole
    for each in commands:
        execute(again, each, 5_000_000)
    assert (again.data, again.expiries) == (memory.data, memory.expiries)


PIECES = [
    "set",
    "get",
    "a",
    "b",
    "1",
    "-1",
    "ex",
    "lpush",
    "lrange",
    "hset",
    "hget",
    "del",
    "save",
    "config",
    "info",
    "expire",
    "keys",
    "*",
    "[",
    "auth",
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5))
@settings(max_examples=60)
def test_any_command_is_done_or_refused_and_never_breaks_python(words: list[str]) -> None:
    redis = Redis()
    redis.do("set a 1", "lpush b x")
    assert redis.run("redis-cli", "--raw", "ping" if words[0] == "-1" else words[0], *words[1:]).code == 0
