import type { Act } from '../clients.ts';
import type { SetAgentProxyArguments } from './set-agent-proxy.ts';

export const setAgentProxy: Act<SetAgentProxyArguments> = async ({ run }, { node, proxy }) => {
  await run(node, 'setAgentProxy', proxy);
};
