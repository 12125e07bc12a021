/** Names in addresses: which ones are kept for Lintel itself, and how one is made from a name. */
import { randomBytes } from 'node:crypto';
import { slugOf } from '../../core/text.ts';

const longest = 63;

/** Words that are, or may become, parts of our own addresses and host names, or that would let one pose as the system. */
export const reservedSlugs: ReadonlySet<string> = new Set(
  `about abuse account accounts admin administrator anonymous api app apps assets auth authorize billing blog cdn client clients
  console contact dashboard default demo dev developer discovery docs domain domains download email favicon feed ftp
  groups guest health help home host hostmaster imap info internal invite invitations items jwks legal lintel local localhost
  login logout mail mailer metadata metrics my mx new noreply no-reply ns null oauth oidc openapi openid operator organization
  organizations org orgs owner password ping pop portal postmaster privacy public register robots root saml scim search
  security select service settings setup share signin sign-in signout signup sign-up site smtp sso staff static status
  sub support system team teams tenant tenants terms test token tokens undefined unknown user userinfo users v1 v2 webhook
  webhooks webmaster well-known www zero`
    .split(/\s+/)
    .filter((word) => word !== ''),
);

/** What to try for a name, one after the other: the plain form, numbered ones, and one that nobody else has. */
export function* slugsFor(name: string): Generator<string> {
  const plain = slugOf(name, longest) || 'organization-1';
  if (!reservedSlugs.has(plain)) yield plain;
  const stem = plain.slice(0, longest - 9).replace(/-+$/, '');
  for (const number of [2, 3, 4]) yield `${stem}-${number}`;
  yield `${stem}-${randomBytes(4).toString('hex')}`;
}
