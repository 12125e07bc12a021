/** What a crash of PostgreSQL empties (unlogged tables) opens nothing again (checklist OA-21, SA-07, RE-07). */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { onPostgres } from '../support/database.ts';
import { type OwnPostgres, ownPostgres, skipWithoutPostgres } from '../support/own-postgres.ts';
import { type LintelProcess, startProcess } from '../support/process.ts';
import { until } from '../support/waiting.ts';

describe('faults: PostgreSQL crashes', function () {
  this.timeout(120_000);
  let postgres: OwnPostgres;
  let lintel: LintelProcess | undefined;

  before(async function () {
    skipWithoutPostgres(this, onPostgres ? null : 'LINTEL_TEST_DATABASE_URL is not set');
    postgres = await ownPostgres({ fsync: true });
    await postgres.start();
    lintel = await startProcess({
      environment: { LINTEL_DATABASE_URL: postgres.address, LINTEL_KEY: randomBytes(32).toString('base64') },
    });
  });
  after(async () => {
    lintel?.signal('SIGKILL');
    await lintel?.ended;
    await postgres?.remove();
  });

  it('OA-21: an assertion that was used before the crash is used', async () => {
    const { url, api } = lintel as LintelProcess;
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const made = await api('POST', '/applications', {
      client_name: 'Keyed',
      redirect_uris: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', use: 'sig', alg: 'ES256' }] },
    });
    const text = await made.text();
    expect(made.status, text).to.equal(201);
    const { client_id } = JSON.parse(text) as { client_id: string };
    const assertion = () =>
      new SignJWT()
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .setIssuer(client_id)
        .setSubject(client_id)
        .setAudience(url)
        .setJti(randomUUID())
        .setIssuedAt()
        .setExpirationTime('4m')
        .sign(privateKey);
    const present = async (client_assertion: string) => {
      const answer = await fetch(`${url}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion,
        }),
      });
      const { error } = (await answer.json()) as { error?: string };
      return [answer.status, error];
    };
    const used = await assertion();
    expect(await present(used)).to.deep.equal([200, undefined]);
    expect(await present(used), 'before').to.deep.equal([401, 'invalid_client']);
    await postgres.crash();
    await until(async () => (await fetch(`${url}/health/ready`)).status === 200);
    expect(await present(await assertion()), 'another one').to.deep.equal([200, undefined]);
    expect(await present(used), 'after').to.deep.equal([401, 'invalid_client']);
  });

  it('SA-07, RE-07: nothing is unlogged but what is dead without its row', async () => {
    const client = new pg.Client(postgres.address);
    await client.connect();
    try {
      const { rows } = await client.query(
        `select relname from pg_class where relkind in ('r', 'p') and relpersistence = 'u' order by relname`,
      );
      // Tokens, codes, interactions and pushed requests: each is asked for anew.
      expect(rows.map(({ relname }) => relname)).to.deep.equal(['oidc_access_tokens', 'oidc_artifacts']);
    } finally {
      await client.end();
    }
  });
});
