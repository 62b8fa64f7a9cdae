/**
 * A client of the service for browsers and Node 20, without dependencies: fetch and server-sent events.
 *
 *     import { Llmops } from "./llmops.mjs";
 *     const service = new Llmops("http://127.0.0.1:8000");
 *     for await (const event of service.stream({ question: "What is the notice period?" })) console.log(event);
 *
 * Every method takes `signal`, of an AbortController: aborting ends the request, and with it the run on the server.
 */

/** What the service refuses: `status`, and the stable `code` and `requestId` of its problem. */
export class LlmopsError extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `status ${status}`);
    this.name = "LlmopsError";
    this.status = status;
    this.code = problem?.code ?? "unknown";
    this.requestId = problem?.request_id;
  }
}

export class Llmops {
  #authorization;

  /** `apiKey` where the service wants one. */
  constructor(url = "http://127.0.0.1:8000", { apiKey } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.#authorization = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  }

  /**
   * The whole answer, with `suggestions` of what to ask next. `fields` are those of `POST /ask`: question, thread_id, agent,
   * collection, document_ids, mode.
   */
  ask(fields, options = {}) {
    return this.#json("POST", "/ask", { ...options, json: fields });
  }

  /**
   * The run's events as they come: run, route, status, token, citation, and last final, interrupt or error.
   *
   * With `approve_plan` a research ends with its plan, an interrupt; `{ thread_id, resume: { sub_questions } }` goes on.
   */
  async *stream({ thread_id, approve_plan, ...input }, { agent = "agent", signal } = {}) {
    const config = { configurable: { thread_id, approve_plan } };
    const response = await this.#send("POST", `/${agent}/stream`, { json: { input, config }, signal });
    for await (const { event, data } of serverSentEvents(response.body)) {
      if (event === "data") yield JSON.parse(data);
      if (event === "error") throw new LlmopsError(JSON.parse(data).status_code, { detail: data });
    }
  }

  /**
   * Upload files and wait until the service has read them; gives the documents. `files` maps names to a Blob, a File or
   * text, and `onProgress` is called with the job whenever it has changed.
   */
  async upload(files, { collection, onProgress = () => {}, signal } = {}) {
    const form = new FormData();
    for (const [name, content] of Object.entries(files)) {
      form.append("files", content instanceof Blob ? content : new Blob([content]), name);
    }
    if (collection) form.append("collection", collection);
    const { job_id, documents } = await this.#json("POST", "/upload", { body: form, signal });
    for await (const job of this.job(job_id, { signal })) onProgress(job);
    return Promise.all(documents.map(({ document_id: id }) => this.#json("GET", `/documents/${id}`, { signal })));
  }

  /** A job each time it has changed, until it has ended; a connection that breaks is taken up where it ended. */
  async *job(id, { signal, retries = 3 } = {}) {
    for (let seen, left = retries; ; left -= 1) {
      const headers = seen ? { "last-event-id": seen } : {};
      try {
        const response = await this.#send("GET", `/jobs/${encodeURIComponent(id)}/events`, { headers, signal });
        for await (const event of serverSentEvents(response.body)) {
          [seen, left] = [event.id, retries];
          const job = JSON.parse(event.data);
          yield job;
          if (!["queued", "running"].includes(job.state)) return;
        }
        if (left === 0) throw new TypeError("the events of the job broke off");
      } catch (error) {
        // fetch reports a broken connection as a TypeError; a refusal or an abort is final.
        if (!(error instanceof TypeError) || left === 0) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  search(fields, options = {}) {
    return this.#json("POST", "/search", { ...options, json: fields });
  }

  documents(options = {}) {
    return this.#json("GET", "/documents", options);
  }

  deleteDocument(id, options = {}) {
    return this.#send("DELETE", `/documents/${encodeURIComponent(id)}`, options);
  }

  threads(options = {}) {
    return this.#json("GET", "/threads", options);
  }

  thread(id, options = {}) {
    return this.#json("GET", `/threads/${encodeURIComponent(id)}`, options);
  }

  async #json(method, path, options) {
    return (await this.#send(method, path, options)).json();
  }

  async #send(method, path, { json, body, signal, headers: more } = {}) {
    const type = json === undefined ? {} : { "content-type": "application/json" };
    const headers = { ...this.#authorization, ...type, ...more };
    const sent = json === undefined ? body : JSON.stringify(json);
    const response = await fetch(`${this.url}${path}`, { method, headers, body: sent, signal });
    if (response.ok) return response;
    throw new LlmopsError(response.status, await response.json().catch(() => null));
  }
}

/** The events of a stream of bytes, each with its name ("message" when it has none), its data and the last id. */
export async function* serverSentEvents(body) {
  let waiting = "";
  let id;
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    waiting += text;
    const blocks = waiting.split(/\r\n\r\n|\n\n|\r\r/);
    waiting = blocks.pop();
    for (const block of blocks) {
      const fields = { event: "message", data: [] };
      for (const line of block.split(/\r\n|\n|\r/)) {
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (name === "id") id = value;
        if (name === "event") fields.event = value;
        if (name === "data") fields.data.push(value);
      }
      if (fields.data.length) yield { id, event: fields.event, data: fields.data.join("\n") };
    }
  }
}
