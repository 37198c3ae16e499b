"""Images through a Reprise gateway, saved as files.

    from reprise import generate_image, generate_batch

    generate_image("a red fox in the snow", "fox.png", tags=["hero"], category="site",
                   fallback=my_own_generator)

The gateway answers from what is stored, also when the prompt is a rephrasing, and has everything
else generated once. When it is away, `fallback` is called instead, so an application works as it did
before. Standard library only, Python 3.8 or later; one file, to be copied or put on the path.

The gateway is at REPRISE_URL (default http://127.0.0.1:8484); REPRISE_API_KEY, when set, is sent as a
bearer token. Everything here may be called from several threads.
"""

import base64
import concurrent.futures
import dataclasses
import http.client
import json
import os
import pathlib
import tempfile
import urllib.error
import urllib.request

__all__ = ["Client", "Image", "RepriseError", "GatewayAway", "generate_image", "generate_batch"]

_FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
_AWAY = (502, 503, 504)  # the gateway or its upstream cannot answer now


class RepriseError(Exception):
    """The gateway refused the request: `status` as HTTP says it, `code` and `param` as its error."""

    def __init__(self, message, status=0, code=None, param=None):
        super().__init__(message)
        self.status, self.code, self.param = status, code, param


class GatewayAway(RepriseError):
    """No answer, or one that says that there is none now: what a fallback is for."""


@dataclasses.dataclass(frozen=True)
class Image:
    """A saved image. `source` is "hit", "miss" or "fallback"; `cache` is what the gateway says about
    its decision (status, type, reason, sentence, similarity, ...), empty for a fallback."""

    path: pathlib.Path
    source: str
    cache: dict


class Client:
    """A gateway. `timeout` in seconds is for one reply, generation included."""

    def __init__(self, url=None, api_key=None, timeout=300.0):
        self.url = (url or os.environ.get("REPRISE_URL") or "http://127.0.0.1:8484").rstrip("/")
        self._api_key = api_key if api_key is not None else os.environ.get("REPRISE_API_KEY", "")
        self._timeout = timeout

    def generate_image(self, prompt, filename, tags=(), category="", fallback=None, **options):
        """Saves an image of `prompt` as `filename`, whose ending chooses png, jpeg or webp.

        `options` are further parameters of POST /v1/generate (model, size, seed, prefer, cache, ...).
        `fallback(prompt, path)` is called when the gateway is away; it returns the image's bytes, or
        has written them to `path` (a pathlib.Path) itself. Without one, GatewayAway is raised. Any
        other refusal raises RepriseError: a fallback would not make it better.
        """
        path = pathlib.Path(filename)
        body = _request(prompt, path, tags, category, options)
        try:
            reply = self._post("/v1/generate", body)
        except GatewayAway:
            if fallback is None:
                raise
            return _fall_back(fallback, prompt, path)
        return _save_reply(reply, path)

    def generate_batch(self, items, directory=".", defaults=None, variables=None, fallback=None):
        """Saves an image for each of `items`, all generated at once, as DIRECTORY/NAME.png.

        `items` maps names to prompts, or to dicts with a "prompt", perhaps a "filename", and further
        parameters; `defaults` stand under every item; `{{name}}` in a prompt is filled from
        `variables`. Returns a dict of names to Image, or to the RepriseError of that item: one that
        fails does not sink the others. `fallback` as for generate_image, for each item.
        """
        directory = pathlib.Path(directory)
        paths, body_items = {}, {}
        for name, item in items.items():
            item = {"prompt": item} if isinstance(item, str) else dict(item)
            paths[name] = directory / item.pop("filename", name + ".png")
            item.setdefault("output_format", _format_of(paths[name]))
            body_items[name] = dict(item, response_format="b64_json")
        body = {"mode": "wait", "items": body_items, "defaults": defaults or {},
                "variables": variables or {}}
        prompts = {name: _fill(_prompt_of(item, defaults), variables or {})
                   for name, item in body_items.items()}
        try:
            reply = self._post("/v1/batches", body)
        except GatewayAway as away:
            return _fall_back_all(fallback, prompts, paths, away)
        return {name: _batch_result(reply["items"][name], prompts[name], paths[name], fallback)
                for name in items}

    def _post(self, route, body):
        request = urllib.request.Request(
            self.url + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
        if self._api_key:
            request.add_header("Authorization", "Bearer " + self._api_key)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            return _refused(error.code, error.read())
        except (OSError, http.client.HTTPException) as error:  # refused, broken, timed out
            raise GatewayAway(f"{self.url} does not answer: {error}") from error
        except ValueError as error:
            raise GatewayAway(f"{self.url} answered no JSON: {error}") from error


def generate_image(prompt, filename, tags=(), category="", fallback=None, **options):
    """Client().generate_image, with the gateway that REPRISE_URL names."""
    return Client().generate_image(prompt, filename, tags, category, fallback, **options)


def generate_batch(items, directory=".", defaults=None, variables=None, fallback=None):
    """Client().generate_batch, with the gateway that REPRISE_URL names."""
    return Client().generate_batch(items, directory, defaults, variables, fallback)


def _format_of(path):
    try:
        return _FORMATS[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path}: the name must end with .png, .jpg, .jpeg or .webp") from None


def _request(prompt, path, tags, category, options):
    body = dict(options, prompt=prompt, output_format=_format_of(path), response_format="b64_json")
    if tags:
        body["tags"] = list(tags)
    if category:
        body["category"] = category
    return body


def _refused(status, text):
    """Raises what an error reply says; gives it back when it is a batch without a good item."""
    try:
        reply = json.loads(text)
        if "items" in reply:
            return reply
        error = dict(reply["error"], status=status)
    except (ValueError, KeyError, TypeError):
        error = {"message": f"HTTP {status}", "status": status}
    raise _error(error) from None


def _error(error):
    kind = GatewayAway if error["status"] in _AWAY else RepriseError
    return kind(error["message"], error["status"], error.get("code"), error.get("param"))


def _save(content, path):
    """Whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix="." + path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _save_reply(reply, path):
    _save(base64.b64decode(reply["images"][0]["b64_json"]), path)
    cache = reply.get("cache", {})
    return Image(path, "hit" if cache.get("status") == "HIT" else "miss", cache)


def _batch_result(item, prompt, path, fallback):
    if "error" not in item:
        return _save_reply(item, path)
    error = _error(item["error"])
    if isinstance(error, GatewayAway) and fallback is not None:
        return _fall_back(fallback, prompt, path)
    return error


def _fall_back(fallback, prompt, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    made = fallback(prompt, path)
    if isinstance(made, (bytes, bytearray)):
        _save(bytes(made), path)
    if not path.is_file():
        raise GatewayAway(f"the gateway is away, and the fallback made no {path}")
    return Image(path, "fallback", {})


def _fall_back_all(fallback, prompts, paths, away):
    if fallback is None:
        raise away
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        made = {name: pool.submit(_fall_back, fallback, prompt, paths[name])
                for name, prompt in prompts.items()}
    results = {}
    for name, future in made.items():
        error = future.exception()
        results[name] = future.result() if error is None else RepriseError(str(error))
    return results


def _prompt_of(item, defaults):
    return item.get("prompt") or (defaults or {}).get("prompt", "")


def _fill(prompt, variables):
    for name, value in variables.items():
        prompt = prompt.replace("{{" + name + "}}", str(value))
    return prompt
