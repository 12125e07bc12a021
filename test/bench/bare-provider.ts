/** The floor of token requests: the same oidc-provider with the in-memory adapter that it brings, and nothing around it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { type Configuration, Provider } from 'oidc-provider';
import { newSecret } from '../../src/core/secret.ts';

export const bareResource = 'https://bench.example/api';

export interface BareProvider {
  readonly origin: string;
  readonly authorization: string;
  readonly refresh_tokens: string[];
  readonly access_tokens: string[];
}

async function configuration(client_id: string, client_secret: string): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  return {
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: 'bench' }] } as never,
    clients: [
      {
        client_id,
        client_secret,
        redirect_uris: ['https://app.example/cb'],
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        response_types: ['code'],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    scopes: ['openid', 'email', 'profile', 'offline_access'],
    claims: {
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'updated_at'],
    },
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    expiresWithSession: async () => false,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_context, _client, asked) => asked ?? [],
        getResourceServerInfo: async () => ({
          scope: 'items.read',
          audience: bareResource,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    findAccount: async (_context, accountId) => ({
      accountId,
      claims: async () => ({
        sub: accountId,
        email: 'ada@bench.example',
        email_verified: true,
        name: 'Ada Beam',
        given_name: 'Ada',
        family_name: 'Beam',
        updated_at: 1_700_000_000,
      }),
    }),
  };
}

async function tokensOf(provider: Provider, client_id: string, count: number): Promise<[string[], string[]]> {
  const client = await provider.Client.find(client_id);
  const refresh: string[] = [];
  const access: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const accountId = `person-${index}`;
    const grant = new provider.Grant({ accountId, clientId: client_id });
    grant.addOIDCScope('openid email profile offline_access');
    const grantId = await grant.save();
    const common = {
      accountId,
      client,
      grantId,
      gty: 'authorization_code',
      scope: 'openid email profile offline_access',
      claims: {},
      authTime: Math.floor(performance.timeOrigin / 1000),
    };
    refresh.push(await new provider.RefreshToken(common as never).save());
    access.push(await new provider.AccessToken(common as never).save());
  }
  return [refresh, access];
}

interface Served {
  readonly origin: string;
  readonly client_id: string;
  readonly client_secret: string;
  readonly provider: Provider;
}

async function serve(): Promise<Served> {
  const [client_id, client_secret] = ['bench', newSecret()];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(origin, await configuration(client_id, client_secret));
  server.on('request', provider.callback());
  return { origin, client_id, client_secret, provider };
}

let served: Promise<Served> | undefined;

/** Served from the first question on; each gets chains of its own. */
async function withChains(chains: number): Promise<BareProvider> {
  served ??= serve();
  const { origin, client_id, client_secret, provider } = await served;
  const [refresh_tokens, access_tokens] = await tokensOf(provider, client_id, chains);
  const authorization = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`;
  return { origin, authorization, refresh_tokens, access_tokens };
}

process.on('message', ({ chains }: { chains: number }) => {
  void withChains(chains).then((ready) => process.send?.(ready));
});
process.on('disconnect', () => process.exit(0));
