import type { Act } from '../clients.ts';
import type { StartCloudManagementArguments } from './start-cloud-management.ts';

export const startCloudManagement: Act<StartCloudManagementArguments> = async ({ run }, { node, serviceName }) => {
  await run(node, 'startCloudManagement', { serviceName });
};
