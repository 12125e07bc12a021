/**
 * A code or a refresh token for new tokens. The library takes the old one and saves each new one as it goes; here the adapters
 * collect that (adapters/tokens.ts), and it is kept as one statement when the library has made its answer: two round trips to
 * the database for a refresh, and no transaction that is open meanwhile.
 */
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { exchangeToken } from '../applications/tokens/issuing.ts';
import { defectOf } from './adapters/base.ts';
import { revoke } from './adapters/tokens.ts';
import { internalsOf } from './internals.ts';
import { type Unit, unitNow } from './unit.ts';

/** To be called when the grants are as they shall be. */
export function settleExchanges(provider: Provider): void {
  const { grantTypeHandlers } = internalsOf(provider);
  for (const grantType of ['authorization_code', 'refresh_token']) {
    const answer = grantTypeHandlers.get(grantType);
    if (!answer) throw new Error(`The library has no grant ${grantType}.`);
    grantTypeHandlers.set(grantType, async (context: KoaContextWithOIDC) => {
      await answer(context);
      const unit = unitNow();
      if (unit) await settle(unit);
    });
  }
}

/** @throws InvalidGrant when another request was faster, or the family died meanwhile: then the answer does not go out */
async function settle(unit: Unit): Promise<void> {
  const { exchange } = unit;
  if (!exchange) return;
  unit.exchange = undefined;
  if (await exchangeToken(unit.db, exchange).catch((error: unknown) => Promise.reject(defectOf(error)))) return;
  // A code used twice, even at the same moment, was stolen or replayed: nothing issued from it stays (OA-04). Of two retries of
  // a refresh one has the successor, the other loses, and nothing is revoked (RT-03).
  if (exchange.kind === 'AuthorizationCode') revoke(unit, exchange.grant_id);
  throw new errors.InvalidGrant(`${exchange.kind} was used by another request`);
}
