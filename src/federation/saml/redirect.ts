import { SamlRefusal } from './codes.ts';
import { decodeRedirect, strictBase64 } from './decode.ts';

/** A signature beside the message: what was signed are the parameters as they came. */
export type Detached = { algorithm: string; bytes: Buffer; value: Buffer };

export type RedirectMessage = {
  parameter: 'SAMLRequest' | 'SAMLResponse';
  xml: string;
  relayState: string | null;
  /** Undefined when the message came unsigned. */
  signature: Detached | undefined;
};

const deflate = 'urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE';

/**
 * Reads the parameters of the redirect binding (SAML bindings §3.4.4.1) from a raw query string, without `?`. The signed
 * bytes are the parameters in the standard's order with the very escapes they came with: AD FS writes them in lower case,
 * and re-encoding would break its signatures. The signature is not verified here.
 *
 * @throws SamlRefusal on repeated parameters, another encoding, or a message that does not decode
 */
export function readRedirect(query: string): RedirectMessage {
  const raw = new Map<string, string>();
  for (const part of query.split('&')) {
    const at = part.indexOf('=');
    const name = at === -1 ? part : part.slice(0, at);
    if (raw.has(name)) throw new SamlRefusal('message.structure', 'a parameter given twice');
    raw.set(name, at === -1 ? '' : part.slice(at + 1));
  }
  const parameters = (['SAMLRequest', 'SAMLResponse'] as const).filter((name) => raw.has(name));
  const [parameter] = parameters;
  if (!parameter || parameters.length > 1) throw new SamlRefusal('message.structure', 'not one message');
  const encoding = raw.get('SAMLEncoding');
  if (encoding !== undefined && unescapeParameter(encoding) !== deflate) throw new SamlRefusal('message.encoding');
  const relayState = raw.get('RelayState');
  const message = raw.get(parameter) ?? '';
  return {
    parameter,
    signature: detachedSignature(raw, parameter),
    xml: decodeRedirect(unescapeParameter(message).replace(/[\r\n]/g, '')),
    relayState: relayState === undefined ? null : unescapeParameter(relayState),
  };
}

function detachedSignature(raw: Map<string, string>, parameter: string): Detached | undefined {
  const algorithm = raw.get('SigAlg');
  const signature = raw.get('Signature');
  if (algorithm === undefined || signature === undefined) return undefined;
  const signed = [parameter, 'RelayState', 'SigAlg']
    .filter((key) => raw.has(key))
    .map((key) => `${key}=${raw.get(key)}`);
  return {
    algorithm: unescapeParameter(algorithm),
    bytes: Buffer.from(signed.join('&'), 'utf8'),
    value: signatureValue(unescapeParameter(signature)),
  };
}

function unescapeParameter(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SamlRefusal('message.encoding');
  }
}

function signatureValue(text: string): Buffer {
  try {
    return strictBase64(text.replace(/[\r\n]/g, ''));
  } catch {
    throw new SamlRefusal('signature.structure');
  }
}
