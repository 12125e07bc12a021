/**
 * A company with its own identity provider: an organization, a verified domain, a connection, and messages that answer what was
 * asked, or fail to in exactly the ways a test says. The identity provider shares nothing with the code that reads its messages.
 */
import { inflateRawSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';
import { hashSecret } from '../../src/core/secret.ts';
import { type FederatedLogin, redeemHandoff } from '../../src/federation/exchanges/handoffs.ts';
import { beginSignin, type SigninStart } from '../../src/federation/exchanges/begin.ts';
import { keys } from '../support/saml/keys.ts';
import { attribute, encodePost, type MessageOptions, responseXml } from '../support/saml/messages.ts';
import type { Answer, World } from '../support/world.ts';

export interface Provider {
  provider_id: string;
  org_id: string;
  enabled: boolean;
  state: string;
  config: Record<string, unknown>;
  metadata: { problem: string | null; pending: { idp_entity_id: string } | null; read_at: string | null };
  sp: { entity_id: string; acs_url: string; slo_url: string; metadata_url: string; login_url: string };
}

export interface Company {
  readonly org_id: string;
  readonly domain: string;
  readonly idp: string;
  readonly provider: Provider;
}

let made = 0;

export async function organization(w: World, name = `Company ${(made += 1)}`): Promise<string> {
  const { body } = await w.api<{ org_id: string }>('POST', '/organizations', { org_name: name });
  return body.org_id;
}

export async function verifyDomain(w: World, org_id: string, domain: string): Promise<void> {
  await w.api('POST', `/organizations/${org_id}/domains`, { domain });
  await w.api('POST', `/organizations/${org_id}/domains/${domain}/verification`, { method: 'attested' });
}

export const manual = (idp: string, more: object = {}): object => ({
  idp_entity_id: idp,
  sso_url: 'https://idp.example/sso',
  slo_url: 'https://idp.example/slo',
  certificates: [keys.idp().certificate],
  ...more,
});

/** An organization with a verified domain and a connection to `idp`. */
export async function company(
  w: World,
  options: { domain?: string; config?: object; auto_provision?: boolean; attribute_mapping?: object } = {},
): Promise<Company> {
  const org_id = await organization(w);
  const domain = options.domain ?? `company${made}.example`;
  await verifyDomain(w, org_id, domain);
  const idp = `https://idp${made}.example/entity`;
  const { body } = await w.api<Provider>('POST', `/organizations/${org_id}/identity-providers`, {
    type: 'saml',
    name: 'Company sign-in',
    config: manual(idp, options.config),
    auto_provision: options.auto_provision ?? false,
    attribute_mapping: options.attribute_mapping ?? {},
  });
  return { org_id, domain, idp, provider: body };
}

export interface Started {
  readonly attempt_id: string;
  readonly request_id: string;
  readonly relay_state: string;
  readonly url: string;
}

/** A row that the sign-in pages would have made. */
export async function attempt(w: World): Promise<string> {
  const attempt_id = hashSecret(randomBytes(16).toString('hex'));
  const expires_at = new Date(w.app.clock().getTime() + 3_600_000);
  await w.db('signin_attempts').insert({ attempt_id, state: '{}', expires_at });
  return attempt_id;
}

/** Sends somebody to the identity provider. */
export async function start(w: World, provider_id: string, more: Partial<SigninStart> = {}): Promise<Started> {
  const attempt_id = more.attempt_id ?? (await attempt(w));
  const outgoing = await beginSignin(w.call(), provider_id, {
    attempt_id,
    return_to: '/signin/abcdefghijklmnopqrstu/federated',
    ...more,
  });
  return { attempt_id, ...readRequest(outgoing.url), url: outgoing.url };
}

/** What an identity provider reads from the address that a browser comes with. */
export function readRequest(url: string): { request_id: string; relay_state: string; xml: string } {
  const query = new URL(url).searchParams;
  const xml = inflateRawSync(Buffer.from(query.get('SAMLRequest') ?? '', 'base64')).toString('utf8');
  return { request_id: /ID="([^"]+)"/.exec(xml)?.[1] ?? '', relay_state: query.get('RelayState') ?? '', xml };
}

export interface Person {
  subject?: string;
  name_id_format?: string;
  email?: string | null;
  username?: string;
  first_name?: string;
  last_name?: string;
  groups?: string[];
  more?: Record<string, string[]>;
}

const persistent = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
let assertions = 0;

/** A response of the company's identity provider about a person, right but for what `wrong` says. */
export function response(
  w: World,
  { provider, idp }: Pick<Company, 'provider' | 'idp'>,
  started: Pick<Started, 'request_id'> | null,
  person: Person,
  wrong: MessageOptions = {},
): string {
  const at = (seconds: number) => new Date(w.app.clock().getTime() + seconds * 1000).toISOString();
  const attributes = [
    ...(person.email === null || person.email === undefined ? [] : [attribute('email', [person.email])]),
    ...(person.username === undefined ? [] : [attribute('username', [person.username])]),
    ...(person.first_name === undefined ? [] : [attribute('firstName', [person.first_name])]),
    ...(person.last_name === undefined ? [] : [attribute('lastName', [person.last_name])]),
    ...(person.groups === undefined ? [] : [attribute('groups', person.groups)]),
    ...Object.entries(person.more ?? {}).map(([name, values]) => attribute(name, values)),
  ].join('');
  const format = person.name_id_format ?? persistent;
  return encodePost(
    responseXml({
      responseId: `_r${(assertions += 1)}${randomBytes(8).toString('hex')}`,
      assertionId: `_a${assertions}${randomBytes(8).toString('hex')}`,
      issueInstant: at(-2),
      assertionIssueInstant: at(-2),
      notBefore: at(-60),
      notOnOrAfter: at(300),
      confirmationNotOnOrAfter: at(300),
      authnInstant: at(-5),
      destination: provider.sp.acs_url,
      recipient: provider.sp.acs_url,
      audience: provider.sp.entity_id,
      issuer: idp,
      responseIssuer: idp,
      inResponseTo: started?.request_id ?? null,
      nameId: `<saml:NameID Format="${format}">${person.subject ?? 'u-1'}</saml:NameID>`,
      attributes: attributes === '' ? null : `<saml:AttributeStatement>${attributes}</saml:AttributeStatement>`,
      ...wrong,
    }),
  );
}

/** Posts to an assertion consumer service, as a browser does: from another site, without cookies. */
export const post = (
  w: Pick<World, 'request'>,
  address: string,
  fields: Record<string, string>,
  headers: object = {},
): Promise<Answer> =>
  w.request(new URL(address).pathname, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://idp.example',
      'sec-fetch-site': 'cross-site',
      accept: 'text/html',
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  });

/** The whole way of a person: asked, answered, and back at the sign-in with a code. */
export async function signIn(
  w: World,
  c: Company,
  person: Person,
  wrong: MessageOptions = {},
): Promise<{ answer: Answer; started: Started; field: string; code: string | null; reference: string | null }> {
  const started = await start(w, c.provider.provider_id);
  const field = response(w, c, started, person, wrong);
  const answer = await post(w, c.provider.sp.acs_url, { SAMLResponse: field, RelayState: started.relay_state });
  return { answer, started, field, code: codeOf(answer), reference: referenceOf(answer) };
}

export const codeOf = (answer: Answer): string | null => {
  const location = answer.headers.get('location');
  return location === null ? null : new URL(location, 'http://localhost').searchParams.get('code');
};

export const referenceOf = (answer: Answer): string | null =>
  /<dt>Reference<\/dt><dd>([^<]+)<\/dd>/.exec(answer.text)?.[1] ?? null;

export interface Trace {
  reference: string;
  result: string;
  code: string | null;
  explanation: string | null;
  user_id: string | null;
  is_test: boolean;
  checks: { check: string; ok: boolean; code?: string; detail?: string }[];
  attributes: { received?: Record<string, { count: number; first: string }>; taken_for?: Record<string, string> };
}

/** Why the latest response of a company was refused; null when it was not. */
export async function latestTrace(w: World, org_id: string): Promise<Trace> {
  const { body } = await w.api<{ items: Trace[] }>('GET', `/organizations/${org_id}/signin-traces?limit=1`);
  const [trace] = body.items;
  if (!trace) throw new Error('There is no sign-in trace.');
  return trace;
}

/** Signs somebody in; the login, or the code of the refusal. */
export async function outcomeOf(w: World, c: Company, person: Person): Promise<FederatedLogin | string> {
  const { code, started } = await signIn(w, c, person);
  if (code === null) return (await latestTrace(w, c.org_id)).code ?? 'no code';
  const login = await redeemHandoff(w.call(), code, { attempt_id: started.attempt_id });
  return login ?? 'the hand-off was worth nothing';
}

export async function loginOf(w: World, c: Company, person: Person): Promise<FederatedLogin> {
  const result = await outcomeOf(w, c, person);
  if (typeof result === 'string') throw new Error(result);
  return result;
}
