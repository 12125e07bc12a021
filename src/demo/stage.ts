/**
 * The stage: Lintel on an embedded database in memory, the company's identity provider, and the sample application with its
 * items API, each a web server of its own. Lintel is set up as a customer would do it, through REST and SCIM only.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as openid from 'openid-client';
import { loadConfig } from '../config/config.ts';
import { selfSignedCertificate } from '../federation/saml/certificate.ts';
import { createPages } from '../http/pages.ts';
import { type Running, start } from '../main.ts';
import { createSampleApplication } from './application.ts';
import { company, group, people, permission, role } from './cast.ts';
import { createDemoIdentityProvider, type DemoIdentityProvider } from './identity-provider.ts';
import { itemsApi } from './items.ts';
import { type Api, apiClient } from './rest.ts';

/** Where the three parties listen; 0 for any free port. */
export interface Ports {
  readonly lintel: number;
  readonly application: number;
  readonly identityProvider: number;
}

type Settings = Readonly<Record<string, string>>;
export type Tell = (sentence: string) => void;

export interface Stage {
  readonly lintelUrl: string;
  readonly applicationUrl: string;
  readonly identityProviderUrl: string;
  readonly apiKey: string;
  /** REST below `/api/v1`, as the system's administrator. */
  readonly rest: Api;
  /** SCIM as the company's directory. */
  readonly scim: Api;
  readonly orgId: string;
  /** SCIM ids of the people, by username. */
  readonly scimIds: ReadonlyMap<string, string>;
  /** What the sample application was given at the last sign-in. */
  readonly lastTokens: () => { tokens: openid.TokenEndpointResponse; claims: openid.IDToken } | undefined;
  readonly openid: openid.Configuration;
  close(): Promise<void>;
}

async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0, 'localhost');
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const closing = (server: Server): Promise<unknown> => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
};

async function startLintel(
  port: number,
  allow: string,
  apiKey: string,
  settings: Settings,
): Promise<{ running: Running; url: string }> {
  const url = settings.LINTEL_URL ?? `http://localhost:${port}`;
  const config = loadConfig({
    PORT: String(port),
    LINTEL_URL: url,
    LINTEL_DATABASE_URL: 'pglite::memory:',
    LINTEL_BOOTSTRAP_API_KEY: apiKey,
    LINTEL_LOG_LEVEL: 'error',
    LINTEL_EGRESS_ALLOW: allow,
    LINTEL_GRACE_SECONDS: '1',
    ...settings,
  });
  return { running: await start(config), url };
}

/** On 127.0.0.1 while Lintel is on localhost: to a browser that is another site, as a real company's identity provider is. */
async function startIdentityProvider(
  port: number,
): Promise<{ server: Server; url: string; idp: DemoIdentityProvider }> {
  const server = createServer();
  const url = `http://127.0.0.1:${await listen(server, port, '127.0.0.1')}`;
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const day = 24 * 60 * 60 * 1000;
  const certificate = selfSignedCertificate({
    privateKey,
    commonName: 'Acme SSO',
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
  });
  const idp = createDemoIdentityProvider({ baseUrl: url, keyPair: { privateKey, certificate }, people: [...people] });
  server.on('request', idp.app.callback());
  return { server, url, idp };
}

/**
 * Opens the stage. Each sentence tells one step that was really taken.
 * @param settings of Lintel in place of the demonstration's own, for instance another database
 */
export async function openStage(ports: Ports, tell: Tell, settings: Settings = {}): Promise<Stage> {
  const apiKey = `ltl_key_${randomBytes(32).toString('base64url')}`;
  const identityProvider = await startIdentityProvider(ports.identityProvider);
  const allow = new URL(identityProvider.url).host;
  const lintel = await startLintel(ports.lintel || (await freePort()), allow, apiKey, settings);
  const applicationServer = createServer();
  const applicationUrl = `http://localhost:${await listen(applicationServer, ports.application, 'localhost')}`;
  const close = async () => {
    await Promise.all([closing(applicationServer), closing(identityProvider.server)]);
    await lintel.running.stop();
  };
  try {
    tell(
      `Lintel answers at ${lintel.url}, Acme's identity provider at ${identityProvider.url}, the sample application at ${applicationUrl}.`,
    );
    const rest = apiClient(`${lintel.url}/api/v1`, apiKey);
    const orgId = await registerCompany(rest, tell);
    const { scim, scimIds, groupId } = await provision(rest, lintel.url, orgId, tell);
    await grantRole(rest, orgId, groupId, tell);
    await connect(rest, orgId, identityProvider.url, identityProvider.idp, tell);
    const sample = await registerApplications(rest, lintel.url, orgId, applicationUrl, tell);

    let last: { tokens: openid.TokenEndpointResponse; claims: openid.IDToken } | undefined;
    const application = createSampleApplication({
      url: applicationUrl,
      configuration: sample.application,
      itemsUrl: `${applicationUrl}/api/items`,
      resource: sample.resource,
      pages: createPages({ viewsDir: join(import.meta.dirname, '../../views') }),
      onSignin: (tokens, claims) => {
        last = { tokens, claims };
      },
    });
    const api = itemsApi({ configuration: sample.api, issuer: lintel.url, audience: sample.resource }).prefix('/api');
    application.use(api.routes());
    applicationServer.on('request', application.callback());
    return {
      lintelUrl: lintel.url,
      applicationUrl,
      identityProviderUrl: identityProvider.url,
      apiKey,
      rest,
      scim,
      orgId,
      scimIds,
      lastTokens: () => last,
      openid: sample.application,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function registerCompany(rest: Api, tell: Tell): Promise<string> {
  const { org_name, slug, domain, primary_color } = company;
  const { org_id } = await rest<{ org_id: string }>('POST', '/organizations', { org_name, slug, primary_color });
  await rest('POST', `/organizations/${org_id}/domains`, { domain });
  await rest('POST', `/organizations/${org_id}/domains/${domain}/verification`, { method: 'attested' });
  tell(`The organization ${org_name} is there, and its domain ${domain} is attested.`);
  return org_id;
}

async function provision(rest: Api, lintelUrl: string, orgId: string, tell: Tell) {
  const client = await rest<{ client_id: string; base_url: string }>('POST', `/organizations/${orgId}/scim-clients`, {
    name: 'Acme directory',
  });
  const { token } = await rest<{ token: string }>(
    'POST',
    `/organizations/${orgId}/scim-clients/${client.client_id}/tokens`,
    {},
  );
  const scim = apiClient(`${lintelUrl}/scim/v2`, token, 'application/scim+json');
  const scimIds = new Map<string, string>();
  for (const person of people) {
    const { id } = await scim<{ id: string }>('POST', '/Users', {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: person.email,
      externalId: `acme-${person.username}`,
      name: { givenName: person.first_name, familyName: person.last_name },
      emails: [{ value: person.email, type: 'work', primary: true }],
      active: true,
    });
    scimIds.set(person.username, id);
  }
  tell(`Acme's directory provisioned ${people.map(({ first_name }) => first_name).join(', ')} by SCIM.`);
  const members = people
    .filter(({ groups }) => groups.includes(group))
    .map(({ username }) => ({ value: scimIds.get(username) }));
  const { id } = await scim<{ id: string }>('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: group,
    externalId: 'acme-warehouse',
    members,
  });
  tell(`It made the group ${group} with ${members.length} members.`);
  return { scim, scimIds, groupId: id };
}

async function grantRole(rest: Api, orgId: string, groupId: string, tell: Tell): Promise<void> {
  const base = `/organizations/${orgId}`;
  const { permission_id } = await rest<{ permission_id: string }>('POST', `${base}/permissions`, permission);
  const { role_id } = await rest<{ role_id: string }>('POST', `${base}/roles`, role);
  await rest('PUT', `${base}/roles/${role_id}/permissions/${permission_id}`, {});
  await rest('POST', `${base}/groups/${groupId}/roles`, { role_id });
  tell(`The group gives its members the role ${role.name}, which has the permission ${permission.name}.`);
}

async function connect(rest: Api, orgId: string, url: string, idp: DemoIdentityProvider, tell: Tell): Promise<void> {
  const metadata_xml = await (await fetch(`${url}/metadata`)).text();
  const connection = await rest<{ sp: { entity_id: string; acs_url: string; metadata_url: string } }>(
    'POST',
    `/organizations/${orgId}/identity-providers`,
    { type: 'saml', name: 'Acme SSO', config: { metadata_xml }, auto_provision: true, enabled: true },
  );
  const { entity_id, acs_url, metadata_url } = connection.sp;
  const ours = await (await fetch(metadata_url)).text();
  const [, certificate] = /X509Certificate>\s*([A-Za-z0-9+/=\s]+?)\s*</.exec(ours) ?? [];
  idp.trust({
    entityId: entity_id,
    acsUrl: acs_url,
    name: 'Lintel',
    ...(certificate ? { certificate: `-----BEGIN CERTIFICATE-----\n${certificate}\n-----END CERTIFICATE-----\n` } : {}),
  });
  tell('Lintel and Acme SSO know each other by their SAML metadata.');
}

/** Two clients: the application that signs people in, and its API that asks about tokens. */
async function registerApplications(rest: Api, lintelUrl: string, orgId: string, url: string, tell: Tell) {
  const resource = `${url}/api/`;
  const issuer = new URL(lintelUrl);
  const discover = async (metadata: Record<string, unknown>) => {
    const { client_id, client_secret } = await rest<{ client_id: string; client_secret: string }>(
      'POST',
      '/applications',
      metadata,
    );
    const configuration = await openid.discovery(
      issuer,
      client_id,
      client_secret,
      openid.ClientSecretBasic(client_secret),
      {
        // Plain http is for this machine only.
        execute: [openid.allowInsecureRequests],
      },
    );
    return { configuration, client_id };
  };
  const api = await discover({
    client_name: 'Stockroom items API',
    org_id: orgId,
    redirect_uris: [],
    grant_types: ['client_credentials'],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
    resource_uri: resource,
    resource_scope: permission.name,
  });
  const application = await discover({
    client_name: 'Stockroom',
    org_id: orgId,
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [`${url}/`],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    first_party: true,
  });
  tell('The sample application and its items API are registered as OAuth clients.');
  return { api: api.configuration, application: application.configuration, resource };
}
