/** How long a credential is valid. */
export interface Validity {
  /** Unknown: its lifetime is unknown. */
  notBefore: Date | undefined;
  notAfter: Date;
}
