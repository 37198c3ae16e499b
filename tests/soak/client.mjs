// Requests of the soak, and what is read out of their replies.
import { sha256 } from "./upstream.mjs";

// What a reply of the native API says: { status, how, entry, stored, images, text }; `how` is
// "MISS", "REFRESH", "EXACT", "SEMANTIC", ...
export async function generate(url, body, { signal } = {}) {
  const response = await fetch(`${url}/v1/generate`, {
    method: "POST", signal, headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ response_format: "b64_json", ...body }),
  });
  const text = await response.text();
  if (response.status !== 200) return { status: response.status, text, images: [] };
  return { status: 200, text: "", ...readGenerated(JSON.parse(text)),
    storeError: response.headers.get("x-reprise-store-error") };
}

export function readGenerated(json) {
  return {
    how: json.cache.type ?? json.cache.status, reason: json.cache.reason,
    entry: json.entry, stored: json.cache.stored,
    images: json.images.map((image) => {
      const bytes = image.b64_json ? Buffer.from(image.b64_json, "base64") : null;
      return { id: image.name?.slice(0, 32) ?? null, sha: bytes && sha256(bytes),
        width: image.width, height: image.height };
    }),
  };
}

export async function call(url, path, { method = "GET", body, headers = {} } = {}) {
  const response = await fetch(url + path, { method, body: body && JSON.stringify(body),
    headers: body ? { "Content-Type": "application/json", ...headers } : headers });
  const text = await response.text();
  return { status: response.status, text, json: text.startsWith("{") ? JSON.parse(text) : null };
}

// The status of an image's link, and the SHA-256 of what it gives.
export async function fetchImage(url, name) {
  const response = await fetch(`${url}/images/${name}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, sha: sha256(bytes), bytes };
}

// The prompt that an entry was made for; null when there is no such entry (any more).
export async function promptOf(url, entry) {
  const { json } = await call(url, "/v1/purge", { method: "POST", body: { entries: [entry] } });
  return json?.entries?.[0]?.prompt ?? null;
}
