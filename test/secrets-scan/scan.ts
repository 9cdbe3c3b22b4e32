/** A secret that is somewhere in the world, and where. */
export interface Planted {
  what: string;
  text: string;
}

/** Something that people can read. */
export interface Sink {
  name: string;
  text: string;
}

export interface Find {
  what: string;
  sink: string;
  /** The line, with the secret blotted out. */
  line: string;
}

/** So many characters of a secret are a leak too. */
const telling = 16;

/** All tokens begin alike: their signature tells. */
const signature = /^eyJ[\w-]+\.[\w-]+\.([\w-]+)$/;

/** How a secret may be written: as it is, encoded, cut off, and a private key by its lines. */
function writings(secret: string): string[] {
  const text = signature.exec(secret)?.[1] ?? secret;
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line.length >= telling && !line.startsWith('-----'));
  // What all OpenSSH keys begin with tells nothing.
  const own = lines.length > 1 ? lines.slice(1) : lines;
  return own.flatMap((line) => [
    line,
    line.slice(0, telling),
    line.slice(-telling),
    encodeURIComponent(line),
    JSON.stringify(line).slice(1, -1),
    Buffer.from(line).toString('base64').replace(/=+$/, ''),
    Buffer.from(line).toString('base64url'),
  ]);
}

/** Every secret that stands in a sink, however it is written. */
export function scan(planted: readonly Planted[], sinks: readonly Sink[]): Find[] {
  const wanted = planted.map(({ what, text }) => ({ what, forms: [...new Set(writings(text))] }));
  return sinks.flatMap(({ name, text }) =>
    wanted.flatMap(({ what, forms }) => {
      const form = forms.find((one) => text.includes(one));
      if (form === undefined) return [];
      const line = text.split('\n').find((one) => one.includes(form)) ?? '';
      return [{ what, sink: name, line: line.replaceAll(form, '[a secret]').slice(0, 300) }];
    }),
  );
}
