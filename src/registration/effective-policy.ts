import type { RegistrationSpec } from '../api/spec.ts';

/** What deleting the object does. What we made is unregistered, what we took over is left. */
export const effectiveDeletionPolicy = (spec: RegistrationSpec, isAdopted: boolean): 'Unregister' | 'Detach' =>
  spec.managementPolicy === 'Observe' ? 'Detach' : (spec.deletion.policy ?? (isAdopted ? 'Detach' : 'Unregister'));
