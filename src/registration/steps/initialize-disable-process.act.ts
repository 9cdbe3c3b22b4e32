import { apiVersions } from '../../azure/reads.ts';
import type { Act } from '../clients.ts';
import type { InitializeDisableProcessArguments } from './initialize-disable-process.ts';

export const initializeDisableProcess: Act<InitializeDisableProcessArguments> = ({ arm, signal }, { resourceId }) =>
  arm.send({
    method: 'POST',
    path: `${resourceId}/arcSettings/default/initializeDisableProcess`,
    apiVersion: apiVersions.arcSettings,
    signal,
  });
