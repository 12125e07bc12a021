/** One request as a vendor's client sends it: the shape is from its public documentation, the data is our own. */
export interface VendorRequest {
  name: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** below `/scim/v2`; `{user}`, `{group}`, `{member}` and `{manager}` stand for ids */
  path: string;
  contentType?: 'application/scim+json' | 'application/json';
  body?: unknown;
}

/** The request with ids in the places that stand for them. */
export function fill(request: VendorRequest, ids: Record<string, string>): VendorRequest {
  const text = JSON.stringify(request).replace(
    /(?:\{|%7B)(user|group|member|manager)(?:\}|%7D)/g,
    (place, name: string) => ids[name] ?? place,
  );
  return JSON.parse(text);
}

export function find(requests: VendorRequest[], name: string, ids: Record<string, string> = {}): VendorRequest {
  const request = requests.find((one) => one.name === name);
  if (!request) throw new Error(`no request "${name}"`);
  return fill(request, ids);
}
