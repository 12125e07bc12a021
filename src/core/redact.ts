/** Redaction by key name, at any depth: for the log, for audit details, for recorded requests. */

const secretName =
  /pass(word|phrase)|secret|token|authorization|cookie|assertion|saml|credential|private|(^|_)(key|code|otp|seed|nonce|state|hash|verifier|xml|name_id)($|_)|session_uid/i;
/** Names that look secret but are plain facts. */
const plainName =
  /^(object_id|error_code|fault_code|token_id|key_id|key_prefix|token_prefix|token_endpoint_auth_method|token_type|state_from|has_password|update_password_required|status_code|email_verification|\w+_(at|alg|format|auth_method))$/i;

/** `code` names faults, SQLSTATEs and system errors, but one-time codes and authorization codes too: only the former stay. */
const factualCode = /^([a-z][a-z0-9_]{2,39}|[0-9A-Z]{5}|E[A-Z_]{2,30})$/;
const isFact = (name: string, value: unknown): boolean =>
  value === null ||
  value === undefined ||
  typeof value === 'boolean' ||
  (name === 'code' && typeof value === 'string' && factualCode.test(value));

/** Verdicts on the names that come again and again; bounded, because recorded requests bring names of their own. */
const judged = new Map<string, boolean>();

export function isSecretName(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const isSecret = secretName.test(name) && !plainName.test(name);
  if (judged.size < 2000 && name.length <= 64) judged.set(name, isSecret);
  return isSecret;
}

/** Keys and tokens of ours, which tell themselves by their prefix wherever they were put by mistake. */
export const withoutOurSecrets = (text: string): string =>
  text.includes('ltl_') ? text.replace(/(ltl_[a-z]{2,10}_)[\w-]{20,}/g, '$1[redacted]') : text;

/** A copy in which every value under a secret-looking name reads `[redacted]`. Depth and breadth are bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return withoutOurSecrets(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return { name: value.name, message: withoutOurSecrets(value.message) };
  if (depth > 8) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value).slice(0, 200)) {
    copy[name] = isSecretName(name) && !isFact(name, item) ? '[redacted]' : redact(item, depth + 1);
  }
  return copy;
}
