// What the tests of batches share: requests, and a reader of server-sent events.

export async function call(url, path, options = {}) {
  const response = await fetch(`${url}${path}`, options);
  const text = await response.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* the test shows the text */ }
  return { status: response.status, text, json, header: (name) => response.headers.get(name) };
}

export const post = (url, body) => call(url, "/v1/batches", {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
});

// The batch, once nothing of it waits.
export async function settled(url, id) {
  for (;;) {
    const { status, json, text } = await call(url, `/v1/batches/${id}`);
    if (status !== 200) throw new Error(text);
    if (json.ended !== null) return json;
    await new Promise((done) => setTimeout(done, 10));
  }
}

// The events after number `last`, until the stream ends or there are `stopAfter`.
export async function events(url, id, { last, stopAfter = Infinity } = {}) {
  const response = await fetch(`${url}/v1/batches/${id}/events`, {
    headers: last === undefined ? {} : { "Last-Event-ID": String(last) },
  });
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
  const all = [];
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":"))
        .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
      if (fields.data) all.push({ id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) });
      if (all.length >= stopAfter) return all;  // which leaves
    }
  }
  return all;
}
