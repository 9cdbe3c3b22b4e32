/** A Secret, or a key in it, that the spec names and that is not there or not usable. */
export class SecretProblem extends Error {
  override readonly name = 'SecretProblem';
}

/** Something the configuration of the controller forbids. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}
