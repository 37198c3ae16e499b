"""Tests of the client against a running gateway, whose address is in REPRISE_URL."""

import pathlib
import socket
import tempfile
import threading
import unittest

import reprise

PNG = b"\x89PNG\r\n\x1a\n"


def refusing_url():
    """An address where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:%d" % listener.getsockname()[1]


class ClientTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)


class GenerateImage(ClientTest):
    def test_a_miss_then_hits_in_the_format_of_the_name(self):
        first = reprise.generate_image("a red fox in the snow", self.directory / "deep/fox.png",
                                       tags=["hero", "web"], category="site")
        self.assertEqual(first.source, "miss")
        self.assertTrue(first.path.read_bytes().startswith(PNG))
        again = reprise.generate_image("Red fox in snow.", self.directory / "again.png")
        self.assertEqual((again.source, again.cache["type"]), ("hit", "SEMANTIC"))
        self.assertEqual(again.path.read_bytes(), first.path.read_bytes())
        jpeg = reprise.generate_image("a red fox in the snow", str(self.directory / "fox.JPG"))
        self.assertEqual(jpeg.source, "hit")
        self.assertTrue(jpeg.path.read_bytes().startswith(b"\xff\xd8\xff"))

    def test_options_are_passed_on(self):
        image = reprise.generate_image("a green door", self.directory / "door.png",
                                       size="512x256", seed=7)
        header = image.path.read_bytes()[16:24]
        self.assertEqual((int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")),
                         (512, 256))

    def test_a_refusal_is_an_error_whatever_the_fallback(self):
        with self.assertRaises(reprise.RepriseError) as raised:
            reprise.generate_image("simulate:refuse", self.directory / "no.png",
                                   fallback=lambda prompt, path: PNG)
        self.assertNotIsInstance(raised.exception, reprise.GatewayAway)
        self.assertGreaterEqual(raised.exception.status, 400)
        self.assertFalse((self.directory / "no.png").exists())
        with self.assertRaises(reprise.RepriseError) as raised:
            reprise.generate_image("a fox", self.directory / "no.png", size="huge")
        self.assertEqual(raised.exception.param, "size")

    def test_an_unknown_ending_is_said_before_anything_is_sent(self):
        with self.assertRaisesRegex(ValueError, "fox.gif"):
            reprise.generate_image("a fox", "fox.gif")

    def test_the_fallback_returns_bytes_or_writes_them(self):
        away = reprise.Client(refusing_url())
        made = away.generate_image("a fox", self.directory / "a/bytes.png",
                                   fallback=lambda prompt, path: PNG + prompt.encode())
        self.assertEqual(made, reprise.Image(self.directory / "a/bytes.png", "fallback", {}))
        self.assertEqual(made.path.read_bytes(), PNG + b"a fox")

        def writes(prompt, path):
            path.write_bytes(PNG)

        made = away.generate_image("a fox", self.directory / "written.png", fallback=writes)
        self.assertEqual(made.path.read_bytes(), PNG)
        with self.assertRaises(reprise.GatewayAway):
            away.generate_image("a fox", self.directory / "none.png",
                                fallback=lambda prompt, path: None)
        with self.assertRaises(reprise.GatewayAway):
            away.generate_image("a fox", self.directory / "none.png")

    def test_an_upstream_that_is_away_calls_the_fallback_too(self):
        made = reprise.generate_image("simulate:error=503", self.directory / "up.png",
                                      fallback=lambda prompt, path: PNG)
        self.assertEqual(made.source, "fallback")

    def test_a_gateway_that_hangs_up_or_speaks_no_http_is_away(self):
        for answer in (b"", b"hello\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope"):
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen()

                def serve():
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(answer)

                thread = threading.Thread(target=serve)
                thread.start()
                client = reprise.Client("http://127.0.0.1:%d" % listener.getsockname()[1])
                made = client.generate_image("a fox", self.directory / "x.png",
                                             fallback=lambda prompt, path: PNG)
                thread.join()
            self.assertEqual(made.source, "fallback", answer)


class GenerateBatch(ClientTest):
    def test_all_items_at_once_and_one_that_fails_sinks_no_other(self):
        results = reprise.generate_batch(
            {"hero": "a lighthouse at dawn for {{client}}",
             "chart": {"prompt": "a bar chart of bridges", "filename": "deep/chart.jpg",
                       "tags": ["report"]},
             "bad": "simulate:refuse"},
            self.directory, defaults={"size": "64x32"}, variables={"client": "Acme"})
        self.assertEqual(sorted(results), ["bad", "chart", "hero"])
        self.assertEqual(results["hero"].path, self.directory / "hero.png")
        self.assertTrue(results["hero"].path.read_bytes().startswith(PNG))
        self.assertTrue((self.directory / "deep/chart.jpg").read_bytes().startswith(b"\xff\xd8\xff"))
        self.assertEqual(results["chart"].source, "miss")
        self.assertIsInstance(results["bad"], reprise.RepriseError)
        self.assertGreaterEqual(results["bad"].status, 400)
        again = reprise.generate_batch({"one": "a lighthouse at dawn for Acme"}, self.directory,
                                       defaults={"size": "64x32"})
        self.assertEqual(again["one"].source, "hit")

    def test_items_whose_upstream_is_away_are_made_by_the_fallback(self):
        items = {"away": "simulate:error=503 {{client}}", "refused": "simulate:refuse"}
        results = reprise.generate_batch(items, self.directory, variables={"client": "Acme"},
                                         fallback=lambda prompt, path: PNG + prompt.encode())
        self.assertEqual(results["away"].path.read_bytes(), PNG + b"simulate:error=503 Acme")
        self.assertEqual(results["refused"].status, 400)
        results = reprise.generate_batch(items, self.directory, variables={"client": "Acme"})
        self.assertIsInstance(results["away"], reprise.GatewayAway)

    def test_a_batch_that_makes_no_sense_is_an_error(self):
        with self.assertRaises(reprise.RepriseError) as raised:
            reprise.generate_batch({"hero": "for {{client}}"}, self.directory)
        self.assertEqual(raised.exception.status, 400)
        self.assertIn("client", str(raised.exception))

    def test_the_fallback_makes_each_item_with_its_variables(self):
        away = reprise.Client(refusing_url())

        def fallback(prompt, path):
            if prompt == "bad":
                raise OSError("no such model")
            return PNG + prompt.encode()

        results = away.generate_batch({"hero": "for {{client}}", "bad": "bad", "third": {}},
                                      self.directory, defaults={"prompt": "{{client}}"},
                                      variables={"client": "Acme"}, fallback=fallback)
        self.assertEqual(results["hero"].path.read_bytes(), PNG + b"for Acme")
        self.assertEqual(results["third"].path.read_bytes(), PNG + b"Acme")
        self.assertEqual(results["hero"].source, "fallback")
        self.assertIn("no such model", str(results["bad"]))
        with self.assertRaises(reprise.GatewayAway):
            away.generate_batch({"hero": "a fox"}, self.directory)


if __name__ == "__main__":
    unittest.main()
