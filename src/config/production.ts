/**
 * Production is an issuer on https: people rely on it. What only development may lose, guess or show is refused there, or said
 * plainly at the start where it may be meant (checklist PR-09). The embedded database is no such thing: it is kept on disk.
 */

/** What is looked at; a part of the settings. */
export interface Ground {
  readonly database_url: string;
  readonly key: string;
  readonly bootstrap_api_key: string;
  readonly smtp_url: string;
  readonly host: string;
}

/** @returns why these settings are none for an issuer on https; undefined when they are */
export function unfitForProduction({ database_url, key, bootstrap_api_key }: Ground): string | undefined {
  if (/^pglite:(:memory:)?$/.test(database_url))
    return (
      'LINTEL_DATABASE_URL is in memory, and everybody and every key would be gone with the process. With an issuer on https it must be ' +
      'a folder (pglite:./data/db) or postgres://….'
    );
  // The first one seals; an older one may still open what it sealed, or nobody could leave it.
  const sealing = Buffer.from(key.split(',')[0] ?? '', 'base64');
  if (sealing.length === 32 && isTyped(sealing))
    return (
      'LINTEL_KEY can be guessed: it is text, or has few different bytes. With an issuer on https it must be random, for instance from ' +
      '`openssl rand -base64 32`.'
    );
  if (bootstrap_api_key !== '' && new Set(bootstrap_api_key).size < 8)
    return 'LINTEL_BOOTSTRAP_API_KEY can be guessed: it has fewer than 8 different characters. Make it with `openssl rand -hex 32`.';
  return undefined;
}

/**
 * Whether a key was typed, or comes from an example: readable text, or few different bytes. Of random 32 bytes fewer than one in
 * 10⁹ would be.
 */
const isTyped = (key: Buffer): boolean => new Set(key).size <= 16 || key.every((byte) => byte >= 0x20 && byte < 0x7f);

/** @returns what may be meant, but should be known; a sentence each */
export function warningsOf({ host, smtp_url }: Ground, at: { development: boolean; isLocal: boolean }): string[] {
  if (!at.development)
    return smtp_url === '' ? ['LINTEL_SMTP_URL is not set: mails are kept in the database, and nobody gets them.'] : [];
  if (at.isLocal) return [];
  return [
    `LINTEL_URL is plain http, so this is development, and LINTEL_HOST is ${host}: whoever reaches this port also reaches what is for ` +
      'you alone, such as the mails at /dev/mail.',
  ];
}
