import type { KubeClient, KubeRequest } from './kube/client.ts';

// Secrets appear in Secrets only. What Azure or a node answers may repeat one, so every text that leaves the controller for people is
// cleaned of those that it has read or made, whoever composed it.

export interface Redaction {
  learn(secret: string): void;
  clean(text: string): string;
}

const mask = '[hidden]';
/** Shorter ones are no secrets that Azure or ssh-keygen make, and would blot out ordinary words. */
const shortest = 8;
/** So many characters of a longer secret are one that was cut off. */
const telling = 12;
const keyLength = shortest;
/** Tokens are many and short-lived: they are told by their form. */
const jsonWebToken = /eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g;

export function createRedaction(): Redaction {
  /** By their first characters, so that a text is looked through once however many there are. */
  const known = new Map<string, Set<string>>();
  const add = (secret: string) => {
    if (secret.length < shortest) return;
    const key = secret.slice(0, keyLength);
    const sameStart = known.get(key) ?? new Set();
    sameStart.add(secret);
    known.set(key, sameStart);
  };
  const hiddenAt = (text: string, index: number): number => {
    let longest = 0;
    for (const secret of known.get(text.slice(index, index + keyLength)) ?? []) {
      let length = keyLength;
      while (length < secret.length && text[index + length] === secret[length]) length += 1;
      if (length >= Math.min(telling, secret.length)) longest = Math.max(longest, length);
    }
    return longest;
  };
  return {
    learn(secret) {
      // A private key is repeated by lines, if at all.
      const lines = secret.split(/\r?\n/).filter((line) => !line.startsWith('-----'));
      for (const line of lines) {
        const text = line.trim();
        for (const written of [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)]) add(written);
      }
      add(Buffer.from(secret).toString('base64'));
    },
    clean(text) {
      const parts: string[] = [];
      let from = 0;
      for (let index = 0; index + keyLength <= text.length; index += 1) {
        const length = hiddenAt(text, index);
        if (length === 0) continue;
        parts.push(text.slice(from, index), mask);
        from = index + length;
        index = from - 1;
      }
      return [...parts, text.slice(from)].join('').replaceAll(jsonWebToken, mask);
    },
  };
}

/** Keys of Secrets that hold nothing to hide: messages repeat some of them. */
const open = new Set(['clientId', 'expiresOn', 'tls.crt', 'ca.crt', 'known_hosts']);

/** Learns the content of every Secret that is read or written, and cleans whatever else is written. */
export function redactingKubeClient(client: KubeClient, redaction: Redaction): KubeClient {
  const learnFrom = (secret: unknown) => {
    for (const [key, value] of Object.entries(dataOf(secret)))
      if (!open.has(key) && typeof value === 'string') redaction.learn(Buffer.from(value, 'base64').toString('utf8'));
  };
  const cleaned = (body: unknown): unknown =>
    body === undefined
      ? undefined
      : JSON.parse(
          JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? redaction.clean(value) : value)),
        );
  return {
    ...client,
    async request(request: KubeRequest) {
      const isSecret = /\/secrets(\/|$)/.test(request.path);
      if (isSecret) learnFrom(request.body);
      const answer = await client.request(isSecret ? request : { ...request, body: cleaned(request.body) });
      if (isSecret) learnFrom(answer);
      return answer;
    },
  };
}

function dataOf(secret: unknown): object {
  if (typeof secret !== 'object' || secret === null || !('data' in secret)) return {};
  return typeof secret.data === 'object' && secret.data !== null ? secret.data : {};
}

/** An error that nobody caught, with its causes, as one text. */
export function describeCrash(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current instanceof Error && parts.length < 5; current = current.cause)
    parts.push(current.stack ?? current.message);
  return parts.length > 0 ? parts.join('\ncaused by: ') : `not an error: ${typeof error}`;
}
