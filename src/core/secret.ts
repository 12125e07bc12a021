/**
 * Secrets: made from 256 random bits, looked up by hash, compared in constant time, sealed when they must be read again.
 * Nothing else in the code base touches these primitives.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** A new bearer secret of 256 random bits; the prefix lets secret scanners recognise it. */
export const newSecret = (prefix = ''): string => prefix + randomBytes(32).toString('base64url');

/** The form in which a random secret is stored and looked up: SHA-256, base64url (never for passwords). */
export const hashSecret = (secret: string): string => hash('sha256', secret, 'base64url');

/** Compares two texts in time that tells nothing of them but their lengths, which are those of a hash or of what we made. */
export function sameSecret(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

export class SealError extends Error {
  /** The id of the key that something was sealed under, where this process has no such key. */
  readonly missing_key: string | undefined;

  constructor(message: string, options: ErrorOptions & { readonly missingKey?: string } = {}) {
    super(message, options);
    this.missing_key = options.missingKey;
  }
}

interface SealingKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * Seals with AES-256-GCM under the first key and opens with any of them, so that keys can be rotated.
 * A sealed value reads `v1.<key id>.<nonce>.<ciphertext and tag>`; its context (table, column, row) is authenticated,
 * so that a value copied to another row does not open.
 */
export class Sealer {
  readonly #keys: readonly SealingKey[];

  /** @param keys base64 of 32 bytes each; the first seals */
  constructor(keys: readonly string[]) {
    if (keys.length === 0) throw new SealError('At least one sealing key is needed.');
    this.#keys = keys.map((text) => {
      const bytes = Buffer.from(text, 'base64');
      if (bytes.length !== 32) throw new SealError('A sealing key must be base64 of exactly 32 bytes.');
      return { id: createHash('sha256').update('lintel-key-id').update(bytes).digest('hex').slice(0, 8), bytes };
    });
  }

  #first(): SealingKey {
    return this.#keys[0] as SealingKey;
  }

  seal(plaintext: string, context: string): string {
    const key = this.#first();
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${key.id}.${nonce.toString('base64url')}.${sealed.toString('base64url')}`;
  }

  /** Ids of the keys, the sealing one first; they tell keys apart and nothing about them. */
  get ids(): string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** @throws SealError when the key is unknown, or the value or its context was changed */
  open(sealed: string, context: string): string {
    const [version, keyId, nonce, body] = sealed.split('.');
    const key = this.#keys.find((candidate) => candidate.id === keyId);
    if (version !== 'v1' || !keyId || !nonce || !body) throw new SealError('This is no sealed value.');
    if (!key) {
      const mine = `${this.#keys.length === 1 ? 'the key is' : 'the keys are'} ${this.ids.join(', ')}`;
      throw new SealError(`It was sealed under the key ${keyId}, and ${mine}.`, { missingKey: keyId });
    }
    const bytes = Buffer.from(body, 'base64url');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key.bytes, Buffer.from(nonce, 'base64url'), {
        authTagLength: 16,
      });
      decipher.setAAD(Buffer.from(context, 'utf8'));
      decipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new SealError('A sealed value does not belong here, or was changed.', { cause });
    }
  }

  /** Whether a value was sealed under an older key and should be sealed anew. */
  isStale(sealed: string): boolean {
    return sealed.split('.')[1] !== this.#first().id;
  }

  /** Keys derived for another purpose (cookies, form tokens), newest first, base64url of 32 bytes each. */
  derive(purpose: string): string[] {
    return this.#keys.map((key) =>
      Buffer.from(hkdfSync('sha256', key.bytes, '', `lintel:${purpose}`, 32)).toString('base64url'),
    );
  }
}
