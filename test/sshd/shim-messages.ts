// What the test tells the shim: one byte of kind, four of length, the content.

export const message = { stdout: 1, stderr: 2, exit: 3, exitHoldingStdout: 4, kill: 5 } as const;

const headerLength = 5;

export const encodeMessage = (kind: number, content: Buffer): Buffer => {
  const header = Buffer.alloc(headerLength);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(content.length, 1);
  return Buffer.concat([header, content]);
};

/** Takes chunks, calls `onMessage` for each whole message. */
export const messageReader = (onMessage: (kind: number, content: Buffer) => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= headerLength) {
      const end = headerLength + rest.readUInt32BE(1);
      if (rest.length < end) return;
      const content = rest.subarray(headerLength, end);
      const kind = rest.readUInt8(0);
      rest = rest.subarray(end);
      onMessage(kind, content);
    }
  };
};
