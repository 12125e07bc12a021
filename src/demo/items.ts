/**
 * The sample items API: a resource server that knows nothing about people but what their access token says.
 * It asks the issuer about each token (RFC 7662), so that a token which was ended is refused at once.
 */
import Router from '@koa/router';
import type { Context } from 'koa';
import { type Configuration, tokenIntrospection } from 'openid-client';

/** The sample resource. */
export interface Item {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly is_active: boolean;
}

const sampleItems: readonly Item[] = [
  {
    id: 1,
    name: 'Keystone',
    description: 'The wedge at the top of an arch; the last stone to be set.',
    is_active: true,
  },
  { id: 2, name: 'Lintel', description: 'The beam over a door that carries what is above it.', is_active: true },
  { id: 3, name: 'Threshold', description: 'What one steps over to come in.', is_active: true },
  { id: 4, name: 'Transom', description: 'The bar between a door and the window over it.', is_active: false },
];

export interface ItemsApiOptions {
  /** The API as a client of its own: it introspects with its own credentials. */
  readonly configuration: Configuration;
  readonly issuer: string;
  /** Its resource identifier (RFC 8707): the audience that tokens must have. */
  readonly audience: string;
}

/** A refusal in the form of RFC 6750 §3. */
class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The routes of the API: `GET /items`, `GET /items/{id}`. */
export function itemsApi(options: ItemsApiOptions): Router {
  const router = new Router();
  router.use(async (context, next) => {
    try {
      await next();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      context.status = error.status;
      context.set('www-authenticate', `Bearer error="${error.code}", error_description="${error.message}"`);
      context.body = { error: error.code, error_description: error.message };
    }
  });
  router.get('/items', async (context) => {
    await demand(options, context, 'items.read');
    context.body = { items: sampleItems };
  });
  router.get('/items/:id', async (context) => {
    await demand(options, context, 'items.read');
    const item = sampleItems.find(({ id }) => String(id) === context.params.id);
    context.status = item ? 200 : 404;
    context.body = item ?? { error: 'not_found' };
  });
  return router;
}

/**
 * The token must be alive, of our issuer, meant for us, allowed the scope by the application's request, and its person must have
 * the permission in the organization: scope is what the application may ask for, permission what the person may do.
 */
async function demand(
  { configuration, issuer, audience }: ItemsApiOptions,
  context: Context,
  needed: string,
): Promise<void> {
  const [, token] = /^Bearer ([\x21-\x7e]+)$/.exec(context.get('authorization')) ?? [];
  if (token === undefined) throw new Refusal(401, 'invalid_token', 'An access token is needed.');
  const facts = await tokenIntrospection(configuration, token);
  const audiences = Array.isArray(facts.aud) ? facts.aud : [facts.aud];
  if (!facts.active) throw new Refusal(401, 'invalid_token', 'The access token is not active.');
  if (facts.iss !== issuer) throw new Refusal(401, 'invalid_token', 'The access token is of another issuer.');
  if (!audiences.includes(audience)) throw new Refusal(401, 'invalid_token', 'The access token is not for this API.');
  if (
    !String(facts.scope ?? '')
      .split(' ')
      .includes(needed)
  )
    throw new Refusal(403, 'insufficient_scope', `The scope ${needed} is needed.`);
  if (!Array.isArray(facts.permissions) || !facts.permissions.includes(needed)) {
    throw new Refusal(403, 'insufficient_scope', `The person needs the permission ${needed}.`);
  }
}
