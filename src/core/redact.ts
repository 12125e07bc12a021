/** Redaction by key name, at any depth: for the log, for audit details, for recorded requests. */

const secretName =
  /pass(word|phrase)|secret|token|authorization|cookie|assertion|saml|credential|private|(^|_)(key|code|otp|seed|nonce|state|hash|verifier|xml|name_id)($|_)|session_uid/i;
/** Names that look secret but are plain facts. */
const plainName =
  /^(object_id|code|error_code|token_id|key_id|key_prefix|token_prefix|token_endpoint_auth_method|token_type|state_from|has_password|update_password_required|status_code|email_verification|password_changed_at)$/i;

export const isSecretName = (name: string): boolean => secretName.test(name) && !plainName.test(name);

/** A copy in which every value under a secret-looking name reads `[redacted]`. Depth and breadth are bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return { name: value.name, message: value.message };
  if (depth > 8) return '[deep]';
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value).slice(0, 200)) {
    copy[name] =
      isSecretName(name) && item !== null && item !== undefined && typeof item !== 'boolean'
        ? '[redacted]'
        : redact(item, depth + 1);
  }
  return copy;
}
