/** Now, as the API server insists on it for leases and events (`MicroTime`): RFC 3339 with six digits. */
export const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
