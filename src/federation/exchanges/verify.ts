/** Verifying a response: what this connection expects of it, and a worker that looks. Nothing is believed or written here. */
import type { Call } from '../../core/call.ts';
import { definePolicy } from '../../ratelimits/counters/policies.ts';
import { giveBack, take } from '../../ratelimits/counters/service.ts';
import { samlKeys } from '../keys/service.ts';
import { spAddresses } from '../providers/config.ts';
import { type Connection, pinnedCertificates } from '../providers/connection.ts';
import type { ResponseOptions, ResponseResult } from '../saml/response.ts';
import { samlPool } from '../saml-pool.ts';
import type { RequestRow } from './store.ts';

/** Attempts at decryption are an oracle for AES-CBC: few failures are borne (checklist SA-05). */
const decryptionFailures = definePolicy({
  name: 'saml.decryption',
  scope: 'provider',
  limit_count: 20,
  window_sec: 3600,
  description: 'Assertions that could not be decrypted, for connections that accept AES-CBC.',
});

/** A response on its way: the connection by the path, the request by RelayState. */
export interface Exchange {
  readonly connection: Connection;
  /** The request that RelayState names, as it was before anything was consumed. */
  readonly asked: RequestRow | undefined;
  readonly relay_state: string | null;
  readonly reference: string;
}

/** Never throws about a message. @throws Fault database_unavailable */
export async function verify(call: Call, { connection, asked }: Exchange, field: string): Promise<ResponseResult> {
  const { config, provider_id } = connection;
  const { entity_id, acs_url } = spAddresses(call.app.config.url, provider_id);
  const bucket = { policy: decryptionFailures, subject: provider_id };
  const isRationed = config.allow_cbc && (await take(call.app, [bucket])).taken;
  const expected: ResponseOptions = {
    acsUrl: acs_url,
    spEntityId: entity_id,
    idpEntityId: config.idp_entity_id ?? '',
    certificates: await pinnedCertificates(call.db, provider_id),
    request: requestOf(connection, asked),
    policy: {
      wantResponseSigned: config.want_response_signed,
      wantAssertionSigned: config.want_assertion_signed,
      wantEncrypted: config.want_encrypted,
      allowCbc: config.allow_cbc,
      failuresAreRateLimited: isRationed,
      ...(config.subject_attribute === null ? {} : { subjectAttribute: config.subject_attribute }),
    },
    decryptionKeys: [...(await samlKeys(call.app)).decryption],
    now: call.now.getTime(),
  };
  const result = await samlPool.verifyResponse(field, expected);
  if (isRationed && (result.ok || result.code !== 'encrypted')) await giveBack(call.app, [bucket]);
  return result;
}

/** Without a known request any id passes here, and fails when it is to be consumed: the trace then tells replays from strangers. */
function requestOf({ config }: Connection, asked: RequestRow | undefined): ResponseOptions['request'] {
  if (asked) {
    return {
      kind: 'solicited',
      id: asked.request_id,
      ...(asked.force_authn ? { reauthenticatedSince: asked.created_at.getTime() } : {}),
      ...(asked.requested_context.length > 0 ? { authnContexts: asked.requested_context } : {}),
    };
  }
  return config.idp_initiated === 'accept' ? { kind: 'idp_initiated' } : { kind: 'solicited' };
}
