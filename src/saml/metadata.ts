/** Our metadata for one connection. It is there for drafts and disabled connections too: it has to be given to the other side first. */
import { Fault } from '../core/fault.ts';
import { samlKeys } from '../federation/keys/service.ts';
import { serviceProviderOf } from '../federation/providers/config.ts';
import { findConnection } from '../federation/providers/connection.ts';
import { serviceProviderMetadata } from '../federation/saml/service-provider.ts';
import type { Visit } from './door.ts';

export async function metadata({ context, call, providerId }: Visit): Promise<void> {
  if (!(await findConnection(call.db, providerId))) throw new Fault('not_found');
  const keys = await samlKeys(call.app);
  context.type = 'application/samlmetadata+xml';
  // Short, so that a change of keys is seen by those who read it daily, and cheap for those who read it all the time.
  context.set('cache-control', 'public, max-age=300');
  context.body = serviceProviderMetadata(serviceProviderOf(call.app.config.url, providerId, keys));
}
