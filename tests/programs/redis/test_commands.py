"""Commands and their answers, bare and on a terminal.

Source: Redis, src/redis-cli.c; https://redis.io/commands.
"""

from __future__ import annotations

import pytest

from tests.programs.redis.server import Redis


@pytest.fixture
def redis() -> Redis:
    made = Redis()
    made.do("set a 1", "rpush l x y z", "hset h f v g w", "sadd s m n")
    return made


ANSWERS = [
    ("ping", "PONG", "PONG"),
    ("ping hi", "hi", '"hi"'),
    ("echo hi", "hi", '"hi"'),
    ("get a", "1", '"1"'),
    ("get nope", "", "(nil)"),
    ("set b 2 nx", "OK", "OK"),
    ("set a 2 nx", "", "(nil)"),
    ("set nope 2 xx", "", "(nil)"),
    ("setnx a 2", "0", "(integer) 0"),
    ("getset a 5", "1", '"1"'),
    ("mset p 1 q 2", "OK", "OK"),
    ("mget a nope l", "1\n\n", '1) "1"\n2) (nil)\n3) (nil)'),
    ("append a 23", "3", "(integer) 3"),
    ("strlen a", "1", "(integer) 1"),
    ("incr a", "2", "(integer) 2"),
    ("decr new", "-1", "(integer) -1"),
    ("incrby a 10", "11", "(integer) 11"),
    ("decrby a 10", "-9", "(integer) -9"),
    ("del a nope", "1", "(integer) 1"),
    ("exists a a nope", "2", "(integer) 2"),
    ("keys *", "a\nh\nl\ns", '1) "a"\n2) "h"\n3) "l"\n4) "s"'),
    ("keys z*", "", "(empty array)"),
    ("dbsize", "4", "(integer) 4"),
    ("type l", "list", "list"),
    ("type nope", "none", "none"),
    ("rename a b", "OK", "OK"),
    ("expire a 100", "1", "(integer) 1"),
    ("expire nope 100", "0", "(integer) 0"),
    ("ttl a", "-1", "(integer) -1"),
    ("ttl nope", "-2", "(integer) -2"),
    ("flushall", "OK", "OK"),
    ("lpush l w", "4", "(integer) 4"),
    ("lpop l", "x", '"x"'),
    ("rpop l", "z", '"z"'),
    ("lpop nope", "", "(nil)"),
    ("llen l", "3", "(integer) 3"),
    ("lrange l 0 -1", "x\ny\nz", '1) "x"\n2) "y"\n3) "z"'),
    ("lrange l -2 1", "y", '1) "y"'),
    ("lrange l -9 0", "x", '1) "x"'),
    ("lindex l -1", "z", '"z"'),
    ("lindex l 9", "", "(nil)"),
    ("hset h f 2 i 3", "1", "(integer) 1"),
    ("hmset h f 2", "OK", "OK"),
    ("hget h f", "v", '"v"'),
    ("hget h nope", "", "(nil)"),
    ("hgetall h", "f\nv\ng\nw", '1) "f"\n2) "v"\n3) "g"\n4) "w"'),
    ("hdel h f nope", "1", "(integer) 1"),
    ("hlen h", "2", "(integer) 2"),
    ("hkeys h", "f\ng", '1) "f"\n2) "g"'),
    ("hvals h", "v\nw", '1) "v"\n2) "w"'),
    ("hexists h f", "1", "(integer) 1"),
    ("hincrby h n 5", "5", "(integer) 5"),
    ("sadd s m o", "1", "(integer) 1"),
    ("srem s m nope", "1", "(integer) 1"),
    ("smembers s", "m\nn", '1) "m"\n2) "n"'),
    ("sismember s m", "1", "(integer) 1"),
    ("scard s", "2", "(integer) 2"),
    ("select 0", "OK", "OK"),
    ("config get dir", "dir\n/data", '1) "dir"\n2) "/data"'),
    ("config get nope", "", "(empty array)"),
    ("GET a", "1", '"1"'),
]


@pytest.mark.parametrize(("line", "bare", "shown"), ANSWERS)
def test_an_answer_is_bare_in_a_pipe_and_explained_on_a_terminal(
    redis: Redis, line: str, bare: str, shown: str
) -> None:
    trees = dict(redis.trees)
    assert redis.cli(*line.split()) == f"{bare}\n"
    redis.trees = trees
    assert redis.cli(*line.split(), tty=True) == f"{shown}\n"


ERRORS = [
    ("foo bar baz", "ERR unknown command 'foo', with args beginning with: 'bar' 'baz'"),
    ("get", "ERR wrong number of arguments for 'get' command"),
    ("get a b", "ERR wrong number of arguments for 'get' command"),
    ("mset a", "ERR wrong number of arguments for 'mset' command"),
    ("mset a 1 b", "ERR wrong number of arguments for 'mset' command"),
    ("hset h a 1 b", "ERR wrong number of arguments for 'hset' command"),
    ("lpush a x", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("incr h", "WRONGTYPE Operation against a key holding the wrong kind of value"),
    ("incrby a x", "ERR value is not an integer or out of range"),
    ("incrby a 9223372036854775807", "ERR increment or decrement would overflow"),
    ("set a 1 ex 0", "ERR invalid expire time in 'set' command"),
    ("set a 1 nope", "ERR syntax error"),
    ("rename nope b", "ERR no such key"),
    ("select 1", "ERR DB index is out of range"),
    ("config set save x", "ERR not modelled: CONFIG but for GET"),
]


@pytest.mark.parametrize(("line", "said"), ERRORS)
def test_what_cannot_be_done_is_told_and_changes_nothing(redis: Redis, line: str, said: str) -> None:
    before = redis.cli("info")
    assert redis.cli(*line.split()) == f"{said}\n"
    assert redis.cli(*line.split(), tty=True) == f"(error) {said}\n"
    assert redis.cli("info") == before
    assert redis.run("redis-cli", "-e", *line.split()).code == 1


def test_a_key_that_expires_is_gone_in_time(redis: Redis) -> None:
    redis.do("set t 1 ex 10", "setex u 20 1", "expire a 10", "persist a", "set v 1 px 500", "expire l -1")
    redis.now_us += 1_000_000
    assert redis.cli("ttl", "t") == "9\n"
    assert redis.cli("pttl", "u") == "19000\n"
    assert redis.cli("keys", "*") == "a\nh\ns\nt\nu\n"
    redis.do("set t 2 keepttl", "rename u w")
    redis.now_us += 9_500_000
    assert redis.cli("keys", "*") == "a\nh\ns\nw\n"


def test_what_becomes_empty_is_no_key_any_more(redis: Redis) -> None:
    redis.do("hdel h f g", "srem s m n", *["lpop l"] * 3)
    assert redis.cli("keys", "*") == "a\n"


# -- the client --------------------------------------------------------------------------------------------------------
def test_commands_come_from_input_too(redis: Redis) -> None:
    assert redis.cli(stdin="set k 'v w'\n\nget k\n") == "OK\nv w\n"
    assert redis.cli("-x", "set", "file", stdin='a\n\x01"') == "OK\n"
    assert redis.cli("--no-raw", "get", "file") == '"a\\n\\x01\\""\n'
    assert redis.cli("--raw", "get", "a", tty=True) == "1\n"


def test_a_person_sees_prompts(redis: Redis) -> None:
    assert redis.cli(stdin="get a\nnope\nexit\nget a\n", tty=True) == (
        "127.0.0.1:6379> get a\n\"1\"\n127.0.0.1:6379> nope\n(error) ERR unknown command 'nope', with args beginning with: \n"
        "127.0.0.1:6379> exit\n"
    )
    assert redis.cli(stdin="ping", tty=True) == "127.0.0.1:6379> ping\nPONG\n127.0.0.1:6379> "


def test_a_server_elsewhere_cannot_be_reached(redis: Redis) -> None:
    said = "Could not connect to Redis at db:6379: Name or service not known\n"
    assert redis.run("redis-cli", "-h", "db", "ping")[1:3] == (said, 1)
    assert redis.run("redis-cli", "-h", "db", stdin="ping", tty=True).code == 1
    assert redis.cli("-h", "box", "-p", "6379", "ping") == "PONG\n"
    assert redis.run("redis-cli", "--nope").stderr.startswith("redis-cli: Unrecognized option")
    assert redis.cli("--version") == "redis-cli 7.4.2\n"


def test_a_password_is_asked_for() -> None:
    redis = Redis("redis-server", "--requirepass", "pw")
    assert redis.cli("ping") == "NOAUTH Authentication required.\n"
    ran = redis.run("redis-cli", "-a", "pw", "ping")
    assert ran.stdout == "PONG\n"
    assert ran.stderr.startswith("Warning: Using a password with '-a'")
    assert redis.sh("REDISCLI_AUTH=pw redis-cli ping").stdout == "PONG\n"
    assert redis.cli(stdin="auth pw\nping") == "OK\nPONG\n"
    assert redis.cli("auth", "x") == "WRONGPASS invalid username-password pair or user is disabled.\n"
