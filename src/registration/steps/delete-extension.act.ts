import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { DeleteExtensionArguments } from './delete-extension.ts';

export const deleteExtension: Act<DeleteExtensionArguments> = ({ arm, signal }, { resourceId, extension }) =>
  arm.send({
    method: 'DELETE',
    path: `${resourceId}/arcSettings/default/extensions/${encodeURIComponent(extension)}`,
    apiVersion: apiVersions.arcSettings,
    signal,
  });
