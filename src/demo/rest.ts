/** The demonstration speaks to Lintel as any script would: over HTTP, with an API key or a SCIM token. */

class UnexpectedAnswer extends Error {}

type Json = Record<string, unknown>;

export interface Api {
  /** @throws UnexpectedAnswer unless the answer is 2xx */
  <T = Json>(method: string, path: string, body?: unknown): Promise<T>;
}

/** A client for one base address and one bearer. */
export function apiClient(base: string, bearer: string, type = 'application/json'): Api {
  return async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${bearer}`,
        accept: type,
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new UnexpectedAnswer(`${method} ${path} answered ${response.status}: ${text.slice(0, 1000)}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}
