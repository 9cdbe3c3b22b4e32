import { parseArgs } from 'node:util';
import { kind, parseRegistration } from '../api/registration.ts';
import { createKubeClient } from '../kube/client.ts';
import { loadKubeConfig, readKubeConfig } from '../kube/kubeconfig.ts';
import { get } from '../kube/resource.ts';
import { registrations } from '../registration/status-writer.ts';
import { describePlan } from './plan.ts';

const help = `kubectl hci: looks at registrations of Azure Stack HCI clusters

Usage: kubectl hci plan NAME [--namespace NAMESPACE] [--kubeconfig FILE]

  plan NAME                   what the controller has still to do for this ${kind}, and what each step waits for
  -n, --namespace NAMESPACE   default: the namespace of the kubeconfig's current context
  --kubeconfig FILE           default: as kubectl finds it (KUBECONFIG, else ~/.kube/config)
  -h, --help                  this text

It only reads. With spec.managementPolicy Observe the plan is what the controller would do under Manage.
`;

class UsageError extends Error {
  override readonly name = 'UsageError';
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  if (values.help === true) {
    process.stdout.write(help);
    return;
  }
  const [command, name, ...rest] = positionals;
  if (command === undefined) throw new UsageError('a command is missing');
  if (command !== 'plan') throw new UsageError(`there is no command "${command}"`);
  if (name === undefined || rest.length > 0) throw new UsageError('plan takes one name');

  const config = values.kubeconfig === undefined ? await loadKubeConfig() : await readKubeConfig(values.kubeconfig);
  const namespace = values.namespace ?? config.namespace;
  const kube = createKubeClient(config, { userAgent: 'kubectl-hci/0.1.0', requestTimeoutMs: 30_000 });
  try {
    const object = await get(kube, registrations, { namespace, name });
    if (object === undefined) throw new Error(`there is no ${kind} "${name}" in namespace "${namespace}"`);
    const parsed = parseRegistration(object);
    if (!parsed.understood)
      throw new Error(`this version does not understand ${namespace}/${name}: ${parsed.problems.join('; ')}`);
    process.stdout.write(describePlan(parsed.registration));
  } finally {
    await kube.close();
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        namespace: { type: 'string', short: 'n' },
        kubeconfig: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`error: ${message}\n${error instanceof UsageError ? '\nkubectl hci --help says more.\n' : ''}`);
  process.exitCode = 1;
});
