/** Pages and documents: headers, paths and forms of strangers. */
import { type Attack, attack, form } from './attack.ts';
import { fill } from './bodies.ts';
import type { LoadStage } from './stage.ts';

export function pageAttacks({ send, process: { url } }: LoadStage): Attack[] {
  const uid = 'a'.repeat(21);
  const refused = [303, 400, 401, 403, 404, 405, 406, 413, 415, 431];
  const any = [200, ...refused];
  const paths = [
    '/',
    '/health/live',
    '/openapi.json',
    '/api/docs',
    '/.well-known/openid-configuration',
    `/signin/${uid}`,
    '/scim/v2/Schemas',
    '/oauth/jwks',
    '/nothing',
  ];
  const headers: Record<string, Record<string, string>> = {
    'cookies of 15 KB': { cookie: fill('a=1; ', 15_000) },
    'one cookie of 15 KB': { cookie: `_session=${'a'.repeat(15_000)}; _session.sig=${'a'.repeat(27)}` },
    'spaces as a cookie': { cookie: `a=1;${' '.repeat(15_000)}b` },
    'accept of 15 KB': { accept: fill('a/b,', 15_000) },
    'accept with parameters': { accept: fill('text/html;a=b;c=d,', 15_000) },
    'accept-language of 15 KB': { 'accept-language': fill('a,', 15_000) },
    'if-none-match of 15 KB': { 'if-none-match': fill('"a",', 15_000) },
    'x-forwarded-for of 15 KB': { 'x-forwarded-for': fill('1.1.1.1,', 15_000) },
    'range of 15 KB': { range: `bytes=${fill('0-1,', 15_000)}` },
    'content-type of 15 KB': { 'content-type': `text/plain;${fill('a=b;', 15_000)}` },
    'user-agent of 15 KB': { 'user-agent': 'a'.repeat(15_000) },
    'origin of 15 KB': { origin: `https://${fill('a.', 15_000)}` },
  };
  return [
    ...paths.map((path): Attack => attack(`GET ${path}`, any, () => send(path))),
    ...['/', '/oauth/authorize', `/signin/${uid}`, '/scim/v2/Schemas', '/api/v1/organizations'].flatMap((path) =>
      Object.entries(headers).map(
        ([what, sent]): Attack => attack(`GET ${path}: ${what}`, any, () => send(path, { headers: sent })),
      ),
    ),
    attack('a path of 15 KB', any, () => send(`/${fill('a/', 15_000)}`)),
    attack('a path of 15 KB of REST', any, () => send(`/api/v1/${fill('a/', 15_000)}`)),
    attack('a path of 15 KB of SCIM', any, () => send(`/scim/v2/${fill('a/', 15_000)}`)),
    attack('a query of 15 KB', any, () => send(`/?${fill('a&', 15_000)}`)),
    attack('a path of 15 KB of signs', any, () => send(`/${fill('%25', 15_000)}`)),
    attack('sign-in: a form of 10,000', any, () =>
      send(`/signin/${uid}`, {
        method: 'POST',
        headers: { 'content-type': form, origin: url },
        body: fill('a=1&', 32_000),
      }),
    ),
    attack('sign-in: a form of 1 MiB', any, () =>
      send(`/signin/${uid}`, {
        method: 'POST',
        headers: { 'content-type': form, origin: url },
        body: fill('a=1&', 1_048_576),
      }),
    ),
    attack('sign-in: multipart of 1 MiB', any, () =>
      send(`/signin/${uid}`, {
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=a', origin: url },
        body: fill('--a\r\n', 1_048_576),
      }),
    ),
  ];
}
