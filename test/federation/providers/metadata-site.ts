/** A web server on loopback that publishes an identity provider's metadata, with ETag, and misbehaves when told to. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MetadataSite {
  readonly url: string;
  /** What is served; a number is a status without a body. */
  content: string | number;
  /** Statuses that were answered. */
  readonly answered: number[];
  close(): Promise<void>;
}

export async function metadataSite(content: string): Promise<MetadataSite> {
  const site = { content: content as string | number, answered: [] as number[] };
  const server = createServer((request, response) => {
    const status = typeof site.content === 'number' ? site.content : 200;
    const body = typeof site.content === 'number' ? '' : site.content;
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`;
    const known = status === 200 && request.headers['if-none-match'] === etag;
    site.answered.push(known ? 304 : status);
    response.writeHead(known ? 304 : status, { etag, 'content-type': 'application/samlmetadata+xml' });
    response.end(known ? '' : body);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return Object.assign(site, {
    url: `http://localhost:${(server.address() as AddressInfo).port}/metadata`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  });
}
