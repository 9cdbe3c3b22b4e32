import type { Act } from '../clients.ts';
import type { DropArcSecretArguments } from './drop-arc-secret.ts';

export const dropArcSecret: Act<DropArcSecretArguments> = async ({ arcSecret }, { appId }) => {
  await arcSecret.dropText(appId);
};
