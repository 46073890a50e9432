// Asks the API again and again; what has not changed is answered with 304 and costs nothing.

const PATIENCE_MS = 8000;

/** The server could not be reached at all. */
export class Away extends Error {}

/** One path, asked for every so many seconds. `show` gets each answer that differs from the last,
 *  `refused` the problem document of an error. */
export class Question {
  constructor(path, seconds, show, refused = () => {}) {
    Object.assign(this, { path, seconds, show, refused, etag: null, due: 0, shown: null });
  }

  /** Ask something else under the same question, from the start. */
  change(path) {
    if (path === this.path) return;
    Object.assign(this, { path, etag: null, due: 0 });
  }

  async ask(now) {
    this.due = now + this.seconds * 1000;
    const { status, etag, body, date } = await get(this.path, this.etag);
    if (status === 200) {
      this.etag = etag;
      this.shown = body;
      this.show(body);
    } else if (status !== 304) {
      this.etag = null;
      this.refused(body);
    }
    return { status, date };
  }
}

/** Return status, ETag, body and the server's date, in ms, of one GET.
 *  Throws Away where no answer comes in time. */
export async function get(path, etag = null) {
  let response, body = null;
  try {
    response = await fetch(path, {
      cache: "no-store", // the ETags are kept here, where the page can see a 304
      headers: etag ? { "If-None-Match": etag } : {},
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (response.status !== 304) body = await response.json();
  } catch (error) {
    throw new Away(`${path}: ${error.message}`, { cause: error });
  }
  const date = Date.parse(response.headers.get("Date"));
  return { status: response.status, etag: response.headers.get("ETag"), body, date };
}
