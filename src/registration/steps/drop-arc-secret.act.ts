import type { Act } from '../clients.ts';

export const dropArcSecret: Act<Record<never, never>> = async ({ arcSecret }) => {
  await arcSecret.dropText();
};
